// What one shard does of the rounds: whose turn it is, who has to wait, and the attempts
// themselves.
#pragma once

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "monitor/due_queue.hpp"
#include "monitor/figures.hpp"
#include "monitor/round_scheduler.hpp"
#include "monitor/stall_watch.hpp"

namespace hotswapd {

// Everything but `counters` is touched on the shard's thread only.
class RoundLane {
 public:
  // Written by the shard, read by anyone.
  struct Counters {
    std::atomic<std::uint64_t> rounds{0};
    std::atomic<std::uint64_t> attempts{0};
    std::atomic<std::uint64_t> skipped{0};
    std::atomic<std::uint64_t> in_flight{0};
    std::atomic<std::int64_t> worst_lateness{0};  // microseconds
    std::atomic<std::uint64_t> stalls{0};
    ProbeCounters probes;
  };

  // One of `shards`, which share the descriptors. The rest outlives the lane.
  RoundLane(Shard& shard, std::size_t shards, const RoundScheduler::ProberFactory& factory,
            const RoundScheduler::RoundSink& sink);

  asio::io_context& context() { return shard_.context(); }
  void upsert(RoundSpec spec, FirstRound first);
  void remove(ServiceId id);
  void set_pending(ServiceId id, bool pending);
  void run_now(ServiceId id);

  Counters counters;

 private:
  struct Round;

  // What is going on at one address. Kept for as long as the shard lives: as many as addresses were
  // ever configured.
  struct AddressLoad {
    using Rounds = std::list<std::shared_ptr<Round>>;
    std::uint32_t in_flight = 0;  // attempts
    bool launching = false;       // of those who wait here
    // At most one round a service. Hardly anybody ever waits: null until somebody does.
    std::unique_ptr<Rounds> waiting;
  };

  struct Target {
    std::unique_ptr<Prober> prober;  // null: not probed
    AddressLoad* load = nullptr;
    Millis timeout{};
    int retries = 0;
    Protocol protocol = Protocol::none;
    std::optional<Verdict> told;  // of the round that was handed over last; absent: none was
  };

  // A service as one shard knows it. A round in flight keeps it alive when it is replaced or
  // removed.
  struct Service {
    ServiceId id;
    std::uint64_t epoch = 0;
    std::vector<Target> targets;
    std::size_t probed = 0;
    Millis interval{};
    std::uint64_t number = 0;
    std::uint64_t skipped = 0;  // slots that came while the round before was in flight
    Round* current = nullptr;   // in flight
    Round* waiting = nullptr;   // for its turn
    bool waits_for_no_one = false;
    bool silent = false;  // a target of its last round used up all its time
    bool gone = false;    // replaced or removed: its round is not reported
  };

  struct Round {
    std::shared_ptr<Service> service;
    RoundResult result;
    TimePoint slot;
    bool on_grid = false;
    std::size_t open = 0;         // targets that have not ended
    bool silent = false;          // its attempts count as silent ones
    const char* waits = nullptr;  // for what, before it is launched
    std::vector<TaskGroup::TaskId> tasks;
  };

  // A retry whose attempt before was silent, while there is no room for it.
  struct Retry {
    asio::steady_timer until;
    bool its_turn = false;
  };

  static awaitable<void> drive(RoundLane& lane);
  static awaitable<void> run_target(RoundLane& lane, std::shared_ptr<Round> round,
                                    std::size_t index);
  static awaitable<bool> wait_for_retry(RoundLane& lane, Service& service, AddressLoad& load,
                                        bool was_silent, TimePoint until);
  bool stopping() const { return shard_.tasks().stopping(); }
  bool full(const Target& target) const;
  bool room_for(const Service& service, std::size_t attempts) const;
  bool room_for_silent(std::size_t attempts) const;
  bool silent_have_little(std::size_t attempts) const;
  void take_place(bool silent);
  void leave_place(bool silent);
  void wake_driver();
  void follow_limit(TimePoint now);
  void retire(const std::shared_ptr<Service>& service);
  std::size_t begin(const DueQueue::Due& due);
  void admit(const std::shared_ptr<Service>& service, TimePoint slot, std::uint64_t skipped,
             bool on_grid);
  void enter(std::shared_ptr<Round> round, bool its_turn = false);
  void launch(const std::shared_ptr<Round>& round);
  void launch_waiting(AddressLoad& freed);
  void launch_waiting(std::deque<std::shared_ptr<Round>>& queue);
  void launch_silent();
  std::size_t slot_while_waiting(const std::shared_ptr<Service>& service, TimePoint slot,
                                 std::uint64_t skipped);
  void end_target(Round& round);
  void report(Service& service, RoundResult result);
  void hand_over();
  void watch_for_stalls();
  void judge_stalled(ProbeResult& attempt, TimePoint began, Millis timeout);

  Shard& shard_;
  const std::size_t shards_;
  std::size_t cap_;             // so many attempts may be in flight
  std::size_t cap_at_address_;  // and so many at one address
  TimePoint limit_read_;
  const RoundScheduler::ProberFactory& factory_;
  const RoundScheduler::RoundSink& sink_;
  DueQueue queue_;
  std::unordered_map<ServiceId, std::shared_ptr<Service>> services_;
  // By stable_hash() of the address: two of one hash, should there ever be two, share a limit.
  std::unordered_map<std::uint64_t, AddressLoad> loads_;
  std::deque<std::shared_ptr<Round>> waiting_;         // at most one per service: above the cap
  std::list<Retry*> retries_waiting_;                  // of rounds that are in flight
  std::deque<std::shared_ptr<Round>> silent_waiting_;  // as waiting_, of those that were silent
  bool launching_ = false;                             // of all those
  std::size_t in_flight_ = 0;
  std::size_t silent_in_flight_ = 0;  // of those: of services that were silent, and retries of such
  std::vector<RoundResult> done_;     // not handed over yet
  bool news_posted_ = false;
  bool routine_waits_ = false;
  StallWatch stalls_;
  asio::steady_timer timer_;
  asio::steady_timer hand_over_;
  asio::steady_timer beat_;
  TimePoint armed_ = TimePoint::min();
  bool driving_ = false;
};

}  // namespace hotswapd
