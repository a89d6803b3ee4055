// The interface through which decisions steer probing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/ids.hpp"
#include "core/time.hpp"
#include "probes/prober.hpp"

namespace hotswapd {

// What is needed to run the rounds of one service.
struct RoundSpec {
  ServiceId service;
  std::uint64_t epoch = 0;  // copied into every RoundResult
  std::string grid_key;     // "zone/fqdn": its stable hash spreads the rounds over the interval
  Millis interval{60'000};
  Millis recheck{60'000};  // used instead while set_pending(true)
  std::vector<std::optional<TargetSpec>>
      targets;  // [0] primary, [1 + i] backup i; nullopt: not probed
  // Begins when it is due, however many attempts are in flight: for the few that others wait for.
  bool waits_for_no_one = false;
};

// When the first round of an upserted service comes.
enum class FirstRound : std::uint8_t {
  at_once,  // ramped when many begin together; the stable grid follows
  on_grid,  // at its next slot (a reload that did not touch what is probed)
};

class Rounds {
 public:
  virtual ~Rounds() = default;

  // Any thread. An upsert replaces what was known under the same id; a round of the old one that is
  // in flight is cancelled and never reported.
  virtual void upsert(RoundSpec spec, FirstRound first) = 0;
  virtual void remove(ServiceId service) = 0;
  virtual void set_pending(ServiceId service, bool pending) = 0;
  virtual void run_now(
      ServiceId service) = 0;  // besides the grid; nothing when a round is in flight
};

}  // namespace hotswapd
