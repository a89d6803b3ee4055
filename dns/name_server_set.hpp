// Who serves a zone: its NS set as its primary tells it, with the addresses to ask there.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/swap_plan.hpp"
#include "dns/primary_link.hpp"

namespace hotswapd {

struct NameServerSet {
  std::vector<DnsEndpoint> servers;
  // Name servers of the set whose address is not known, with the reason: not proved, and told.
  std::vector<std::pair<std::string, std::string>> unknown;
  std::string trouble;    // why there is no set at all
  Millis retry_after{0};  // and when it may be asked for again at the soonest

  // One line for each name server that cannot be asked.
  std::vector<ServerEvidence> evidence() const;
};

using AddressLookup =
    std::function<awaitable<Fallible<std::vector<std::string>>>(std::string, TimePoint)>;

// Names inside the zone are asked of the primary, the others are looked up. Port 53.
awaitable<NameServerSet> find_name_servers(PrimaryLink& link, std::string zone,
                                           const AddressLookup& lookup, TimePoint deadline);

// The same for names that an API told: all are looked up.
awaitable<NameServerSet> find_addresses(std::vector<wire::Name> names, AddressLookup lookup,
                                        TimePoint deadline);

}  // namespace hotswapd
