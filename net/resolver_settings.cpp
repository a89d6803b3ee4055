#include "net/resolver_settings.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/record.hpp"
#include "core/text.hpp"

namespace hotswapd {
namespace {

constexpr std::size_t most_servers = 16;
constexpr std::size_t most_hosts = 100'000;
constexpr std::size_t most_addresses_of_a_host = 16;
constexpr std::uint16_t dns_port = 53;

// Takes the next line from the front.
std::string_view take_line(std::string_view& text) {
  const auto end = std::min(text.find('\n'), text.size());
  const auto line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

// Takes the next word from the front; empty at the end.
std::string_view take_word(std::string_view& line) {
  constexpr std::string_view blanks = " \t\r\v\f";
  line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
  const auto end = std::min(line.find_first_of(blanks), line.size());
  const auto word = line.substr(0, end);
  line.remove_prefix(end);
  return word;
}

bool is_ours(const DnsEndpoint& server, const std::vector<DnsEndpoint>& listeners,
             const std::vector<std::string>& own_addresses) {
  const DnsEndpoint asked = server.reachable();
  return std::any_of(listeners.begin(), listeners.end(), [&](const DnsEndpoint& listener) {
    if (listener.port != asked.port || listener.v6 != asked.v6) return false;
    if (!listener.is_any()) return listener == asked;
    return asked.is_loopback() || std::find(own_addresses.begin(), own_addresses.end(),
                                            asked.address_text()) != own_addresses.end();
  });
}

// ::ffff:192.0.2.1 goes out as IPv4, and must be compared so.
DnsEndpoint unmapped(const DnsEndpoint& server) {
  if (!server.v6) return server;
  const std::string text = server.address_text();
  constexpr std::string_view prefix = "::ffff:";
  if (!text.starts_with(prefix) || text.find('.') == std::string::npos) return server;
  return DnsEndpoint::parse(text.substr(prefix.size()), server.port).value_or(server);
}

}  // namespace

std::vector<DnsEndpoint> read_resolv_conf(std::string_view text) {
  std::vector<DnsEndpoint> servers;
  bool named = false;
  while (!text.empty() && servers.size() < most_servers) {
    std::string_view line = take_line(text);
    if (take_word(line) != "nameserver") continue;
    named = true;
    const auto address = canonical_address(take_word(line));
    if (!address) continue;
    if (const auto server = DnsEndpoint::parse(*address, dns_port)) servers.push_back(*server);
  }
  if (!named) servers.push_back(*DnsEndpoint::parse("127.0.0.1", dns_port));
  return servers;
}

HostsTable read_hosts(std::string_view text) {
  HostsTable table;
  while (!text.empty()) {
    std::string_view line = take_line(text);
    line = line.substr(0, line.find('#'));
    const auto address = canonical_address(take_word(line));
    if (!address) continue;
    for (auto word = take_word(line); !word.empty(); word = take_word(line)) {
      if (word.ends_with('.')) word.remove_suffix(1);
      if (word.empty() || word.size() > 253) continue;
      if (table.size() >= most_hosts) return table;
      auto& addresses = table[lower(word)];
      const bool there = std::find(addresses.begin(), addresses.end(), *address) != addresses.end();
      if (!there && addresses.size() < most_addresses_of_a_host) addresses.push_back(*address);
    }
  }
  return table;
}

ResolverSettings make_settings(const std::vector<DnsEndpoint>& configured,
                               const SystemNames& system,
                               const std::vector<DnsEndpoint>& listeners) {
  ResolverSettings settings;
  settings.hosts = read_hosts(system.hosts);
  const bool own_list = !configured.empty();
  for (const auto& given : own_list ? configured : read_resolv_conf(system.resolv_conf)) {
    const DnsEndpoint server = unmapped(given);
    auto& list =
        is_ours(server, listeners, system.own_addresses) ? settings.ourselves : settings.servers;
    if (std::find(list.begin(), list.end(), server) == list.end()) list.push_back(server);
  }
  const std::string where = own_list ? "resolver.servers" : "/etc/resolv.conf";
  if (!settings.servers.empty()) {
    settings.trouble.clear();
  } else if (!settings.ourselves.empty()) {
    settings.trouble = "no name server to ask: " + where + " names only our own dns_listen (" +
                       settings.ourselves.front().text() + ")" +
                       (own_list ? "" : "; set resolver.servers");
  } else {
    settings.trouble = "no name server to ask: " + where + " names none that can be used";
  }
  return settings;
}

}  // namespace hotswapd
