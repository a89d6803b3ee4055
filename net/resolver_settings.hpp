// Whom a resolver asks, and what it need not ask: the configured name servers or the system's,
// never ourselves, and the hosts file. Pure.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "net/endpoint.hpp"

namespace hotswapd {

// Names in lower case without final dot, to canonical addresses in the order of the file.
using HostsTable = std::unordered_map<std::string, std::vector<std::string>>;

struct ResolverSettings {
  std::vector<DnsEndpoint> servers;                      // in the order in which they are asked
  std::string trouble = "no name server is configured";  // why there is none
  std::vector<DnsEndpoint> ourselves;                    // were in the list, and are not asked
  HostsTable hosts;
  bool operator==(const ResolverSettings&) const = default;
};

// What the system says, as text: /etc/resolv.conf, /etc/hosts and the addresses of this host.
struct SystemNames {
  std::string resolv_conf;
  std::string hosts;
  std::vector<std::string> own_addresses;  // canonical
  bool operator==(const SystemNames&) const = default;
};

// The `nameserver` lines; 127.0.0.1 when there is none (resolv.conf(5)). At most 16. One with a
// scope (fe80::1%eth0) cannot be asked and is left out.
std::vector<DnsEndpoint> read_resolv_conf(std::string_view text);

// hosts(5): at most 100,000 names, 16 addresses each. What is no address is skipped, as getaddrinfo
// does.
HostsTable read_hosts(std::string_view text);

// `configured` is empty for the system's servers; `listeners` are those of the embedded DNS.
ResolverSettings make_settings(const std::vector<DnsEndpoint>& configured,
                               const SystemNames& system,
                               const std::vector<DnsEndpoint>& listeners);

}  // namespace hotswapd
