// Name servers and the hosts file as text, and that we never ask ourselves.
#include "net/resolver_settings.hpp"

#include <gtest/gtest.h>

namespace hotswapd {
namespace {

std::string list(const std::vector<DnsEndpoint>& endpoints) {
  std::string out;
  for (const auto& endpoint : endpoints) out += (out.empty() ? "" : " ") + endpoint.text();
  return out;
}

std::vector<DnsEndpoint> all(std::initializer_list<const char*> texts) {
  std::vector<DnsEndpoint> out;
  for (const char* text : texts) out.push_back(DnsEndpoint::parse(text).value());
  return out;
}

TEST(ResolverSettings, ReadsResolvConf) {
  const std::pair<const char*, const char*> rows[] = {
      {"nameserver 192.0.2.1\nnameserver 2001:DB8::1\n", "192.0.2.1:53 [2001:db8::1]:53"},
      {"# nameserver 192.0.2.1\n;nameserver 192.0.2.2\n  nameserver\t192.0.2.3  # inner\r\n",
       "192.0.2.3:53"},
      {"search example.com\noptions timeout:1\n", "127.0.0.1:53"},
      {"", "127.0.0.1:53"},
      {"nameserver fe80::1%eth0\n", ""},  // has a scope, and is no reason to ask 127.0.0.1
      {"nameserver name.example\nnameserver 192.0.2.9", "192.0.2.9:53"},
      {"nameservers 192.0.2.9\n", "127.0.0.1:53"},
      {"nameserver", ""},
  };
  for (const auto& [text, expected] : rows) {
    SCOPED_TRACE(text);
    EXPECT_EQ(list(read_resolv_conf(text)), expected);
  }
  std::string many;
  for (int i = 1; i < 100; ++i) many += "nameserver 192.0.2." + std::to_string(i) + "\n";
  EXPECT_EQ(read_resolv_conf(many).size(), 16u);
}

TEST(ResolverSettings, ReadsTheHostsFile) {
  const auto hosts = read_hosts(
      "127.0.0.1 localhost\n::1 localhost ip6-localhost\n"
      "192.0.2.7\tDB.Example.net. db   # comment one.example\n"
      "192.0.2.8 db\n192.0.2.8 db\nnot-an-address thing\n192.0.2.9\n#192.0.2.10 off\n");
  EXPECT_EQ(hosts.at("localhost"), (std::vector<std::string>{"127.0.0.1", "::1"}));
  EXPECT_EQ(hosts.at("db.example.net"), std::vector<std::string>{"192.0.2.7"});
  EXPECT_EQ(hosts.at("db"), (std::vector<std::string>{"192.0.2.7", "192.0.2.8"}));
  EXPECT_EQ(hosts.size(), 4u);
  std::string many;
  for (int i = 0; i < 200; ++i) many += "10.0.0." + std::to_string(i) + " one\n";
  EXPECT_EQ(read_hosts(many).at("one").size(), 16u);
  EXPECT_TRUE(read_hosts(std::string("\0\xff 1 2\n", 8)).empty());
}

TEST(ResolverSettings, NeverAsksOurselves) {
  struct Row {
    const char* what;
    std::vector<DnsEndpoint> servers;
    std::vector<DnsEndpoint> listeners;
    const char* left;
  };
  const Row rows[] = {
      {"nothing listens", all({"127.0.0.1"}), {}, "127.0.0.1:53"},
      {"the same socket", all({"127.0.0.1", "192.0.2.53"}), all({"127.0.0.1"}), "192.0.2.53:53"},
      {"another port", all({"127.0.0.1"}), all({"127.0.0.1:5300"}), "127.0.0.1:53"},
      {"a wildcard, asked by loopback", all({"127.0.0.1", "127.0.0.53", "192.0.2.53"}),
       all({"0.0.0.0"}), "192.0.2.53:53"},
      {"a wildcard, asked by an address of this host", all({"198.51.100.1", "192.0.2.53"}),
       all({"0.0.0.0:53"}), "192.0.2.53:53"},
      {"asked at the wildcard itself", all({"0.0.0.0", "[::]:53"}), all({"127.0.0.1", "::1"}), ""},
      {"a wildcard of the other family", all({"127.0.0.1"}), all({"::"}), "127.0.0.1:53"},
      {"IPv6", all({"::1", "2001:db8:1::1", "2001:db8::53"}), all({"::"}), "[2001:db8::53]:53"},
      {"IPv4 in the clothes of IPv6", all({"::ffff:127.0.0.1"}), all({"127.0.0.1"}), ""},
      {"twice the same", all({"192.0.2.53", "192.0.2.53:53"}), {}, "192.0.2.53:53"},
  };
  SystemNames system;
  system.own_addresses = {"127.0.0.1", "198.51.100.1", "2001:db8:1::1", "::1"};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    EXPECT_EQ(list(make_settings(row.servers, system, row.listeners).servers), row.left);
  }
}

TEST(ResolverSettings, SaysWhyThereIsNoneToAsk) {
  SystemNames system;
  system.resolv_conf = "nameserver 127.0.0.1\n";
  EXPECT_EQ(make_settings({}, system, all({"127.0.0.1"})).trouble,
            "no name server to ask: /etc/resolv.conf names only our own dns_listen "
            "(127.0.0.1:53); set resolver.servers");
  EXPECT_EQ(make_settings(all({"127.0.0.1:5300"}), system, all({"127.0.0.1:5300"})).trouble,
            "no name server to ask: resolver.servers names only our own dns_listen "
            "(127.0.0.1:5300)");
  system.resolv_conf = "nameserver fe80::1%eth0\n";
  EXPECT_EQ(make_settings({}, system, {}).trouble,
            "no name server to ask: /etc/resolv.conf names none that can be used");
  EXPECT_EQ(make_settings(all({"192.0.2.1"}), system, {}).trouble, "");
}

}  // namespace
}  // namespace hotswapd
