// Who serves a zone, asked of a resolver: for providers whose own interface is not DNS.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dns/name_server_set.hpp"

namespace hotswapd {

// What finding them takes. Plain functions, so that a test needs no resolver.
struct ZoneServerSources {
  std::function<std::vector<DnsEndpoint>()> resolvers;  // in the order in which they are asked
  AddressLookup lookup;
};

// Whom a proof asks: the list that it is given, else the zone's NS set, found anew every minute.
class ZoneServers {
 public:
  explicit ZoneServers(ZoneServerSources sources);

  // Empty: the zone's NS set.
  void configure(std::vector<DnsEndpoint> name_servers);

  // `prove()` of a provider: all of them side by side; and one line for each that cannot be asked.
  awaitable<std::vector<ServerEvidence>> prove(RecordKey key, RecordSet want, TimePoint deadline);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace hotswapd
