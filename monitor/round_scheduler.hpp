// Runs the rounds: when each service is due, on which shard, with how many attempts; judges
// nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/ids.hpp"
#include "core/probe_result.hpp"
#include "core/time.hpp"
#include "monitor/figures.hpp"
#include "monitor/rounds.hpp"
#include "net/shard.hpp"
#include "probes/prober.hpp"

namespace hotswapd {

class RoundScheduler : public Rounds {
 public:
  // Makes the prober of a target, on the shard where it will live.
  using ProberFactory =
      std::function<std::unique_ptr<Prober>(asio::io_context&, const TargetSpec&)>;
  // Gets finished rounds, in the order of their end, on the shard's thread; must not block. Rounds
  // that bring news come at the end of the loop's turn, others within 100 ms, many at a time:
  // to wake another thread for each would cost as much as the probe.
  using RoundSink = std::function<void(std::vector<RoundResult>)>;

  struct Figures {
    std::uint64_t rounds = 0;
    std::uint64_t attempts = 0;
    std::uint64_t skipped_slots = 0;
    std::uint64_t in_flight = 0;  // attempts
    Micros worst_lateness{0};     // of a round's start against its slot, since the last call
    std::uint64_t stalls = 0;     // times that a loop did not run for a quarter of a second or more
  };

  // The shards outlive the scheduler. Rounds run on shard hash(service) % size.
  RoundScheduler(std::vector<Shard*> shards, ProberFactory factory, RoundSink sink);
  ~RoundScheduler() override;  // after the shards have stopped

  void upsert(RoundSpec spec, FirstRound first) override;
  void remove(ServiceId service) override;
  void set_pending(ServiceId service, bool pending) override;
  void run_now(ServiceId service) override;

  Figures figures() const;
  ProbeFigures probe_figures() const;  // since the start; any thread

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hotswapd
