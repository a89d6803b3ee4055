// Addresses with ports: what operators write, and what is none.
#include "net/endpoint.hpp"

#include <gtest/gtest.h>

namespace hotswapd {
namespace {

TEST(DnsEndpoint, ReadsWhatOperatorsWrite) {
  struct Row {
    const char* in;
    const char* out;
  };
  const Row rows[] = {{"127.0.0.1:5300", "127.0.0.1:5300"}, {"192.0.2.1", "192.0.2.1:53"},
                      {"[::1]:5300", "[::1]:5300"},         {"::1", "[::1]:53"},
                      {"[2001:DB8::0]", "[2001:db8::]:53"}, {"0.0.0.0:0", "0.0.0.0:0"}};
  for (const auto& row : rows) {
    const auto at = DnsEndpoint::parse(row.in);
    ASSERT_TRUE(at.has_value()) << row.in;
    EXPECT_EQ(at->text(), row.out);
    sockaddr_storage storage;
    at->fill(storage);
    EXPECT_EQ(DnsEndpoint::from(storage), *at);
  }
}

TEST(DnsEndpoint, RefusesTheRest) {
  for (const char* text :
       {"", ":53", "localhost:53", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:5x",
        "[::1", "[::1]53", "[::1]:", "[127.0.0.1]:53", "1.2.3:53", "127.0.0.1:53 "}) {
    EXPECT_FALSE(DnsEndpoint::parse(text).has_value()) << text;
  }
}

TEST(DnsEndpoint, AnyIsReachableOnLoopback) {
  EXPECT_EQ(DnsEndpoint::parse("0.0.0.0:53")->reachable().text(), "127.0.0.1:53");
  EXPECT_EQ(DnsEndpoint::parse("[::]:53")->reachable().text(), "[::1]:53");
  EXPECT_EQ(DnsEndpoint::parse("192.0.2.1:53")->reachable().text(), "192.0.2.1:53");
  EXPECT_TRUE(DnsEndpoint::parse("127.8.9.1")->is_loopback());
  EXPECT_TRUE(DnsEndpoint::parse("::1")->is_loopback());
  EXPECT_FALSE(DnsEndpoint::parse("::2")->is_loopback());
  EXPECT_FALSE(DnsEndpoint::parse("192.0.2.1")->is_loopback());
}

}  // namespace
}  // namespace hotswapd
