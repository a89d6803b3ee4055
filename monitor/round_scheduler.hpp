// Runs the rounds: when each service is due, on which shard, with how many attempts; judges nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/ids.hpp"
#include "core/probe_result.hpp"
#include "core/time.hpp"
#include "net/shard.hpp"
#include "probes/prober.hpp"

namespace hotswapd {

// What the scheduler needs to know of one service.
struct RoundSpec {
  ServiceId service;
  std::uint64_t epoch = 0;    // copied into every RoundResult
  std::string grid_key;       // "zone/fqdn": its stable hash spreads the rounds over the interval
  Millis interval{60'000};
  Millis recheck{60'000};     // used instead while set_pending(true)
  std::vector<std::optional<TargetSpec>> targets;  // [0] primary, [1 + i] backup i; nullopt: not probed
};

// When the first round of an upserted service comes.
enum class FirstRound : std::uint8_t {
  at_once,  // ramped when many begin together; the stable grid follows
  on_grid,  // at its next slot (a reload that did not touch what is probed)
};

class RoundScheduler {
 public:
  // Makes the prober of a target, on the shard where it will live.
  using ProberFactory = std::function<std::unique_ptr<Prober>(asio::io_context&, const TargetSpec&)>;
  // Gets each finished round, on the shard's thread; must not block.
  using RoundSink = std::function<void(RoundResult)>;

  struct Figures {
    std::uint64_t rounds = 0;
    std::uint64_t attempts = 0;
    std::uint64_t skipped_slots = 0;
    std::uint64_t in_flight = 0;      // attempts
    Micros worst_lateness{0};         // of a round's start against its slot, since the last call
  };

  // The shards outlive the scheduler. Rounds run on shard hash(service) % size.
  RoundScheduler(std::vector<Shard*> shards, ProberFactory factory, RoundSink sink);
  ~RoundScheduler();  // after the shards have stopped

  // Any thread. An upsert replaces what was known under the same id; a round of the old one that is in flight is
  // cancelled and never reported.
  void upsert(RoundSpec spec, FirstRound first);
  void remove(ServiceId service);
  void set_pending(ServiceId service, bool pending);
  void run_now(ServiceId service);  // a round at once, besides the grid; nothing when one is in flight

  Figures figures() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hotswapd
