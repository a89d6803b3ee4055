// Who serves a zone, asked of a resolver: for providers whose own interface is not DNS.
#pragma once

#include <functional>
#include <vector>

#include "dns/proof_servers.hpp"

namespace hotswapd {

// What finding them takes. Plain functions, so that a test needs no resolver.
struct ZoneServerSources {
  std::function<std::vector<DnsEndpoint>()> resolvers;  // in the order in which they are asked
  AddressLookup lookup;
};

// The zone's NS set, and the addresses of its names.
ProofServers::Find find_by_resolvers(ZoneServerSources sources);

}  // namespace hotswapd
