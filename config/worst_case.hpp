// Pure: the longest time from the primary's death to the DNS answering with a backup, and what it
// is made of.
#pragma once

#include <string>
#include <vector>

#include "config/schema.hpp"

namespace hotswapd {

struct WorstCase {
  Millis waiting{0};     // until the first round after the death begins
  Millis confirming{0};  // further bad rounds that `fall` asks for, at `recheck`
  Millis probing{0};     // all attempts of the deciding round
  Millis provider{0};    // until the change is proved; the embedded DNS answers with it at once
  Millis ttl{0};         // for which resolvers may go on answering with the old record
  Millis total{0};
  std::string text;  // "1m50s = 1m interval + 3 x 10s attempts + 30s TTL"
};

// Why the service is never swapped by itself, nullptr when it may be. `others_probed`: some other
// service is probed, whose answers prove our own link.
const char* never_swapped(const ServiceSpec& service, bool others_probed);

// Whether the service is probed, so that its answers prove our own link to the others.
bool proves_link(const ServiceSpec& service);

// `provider` may be nullptr (unknown). A service that is never swapped by itself has text and no
// total.
WorstCase worst_case(const ServiceSpec& service, const ProviderConfig* provider,
                     bool others_probed = true);

// One line for each service and what the numbers leave out: what `hotswapd --check` prints.
std::string worst_case_report(const Config& config);

}  // namespace hotswapd
