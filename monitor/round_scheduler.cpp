#include "monitor/round_scheduler.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <list>
#include <unordered_map>
#include <utility>

#include "core/text.hpp"
#include "monitor/due_queue.hpp"

namespace hotswapd {
namespace {

constexpr Millis tick{10};
constexpr std::size_t starts_per_tick = 200;  // a crowd that is due at once begins at this pace
constexpr std::size_t starts_per_slice = 32;  // then the loop's other work gets its turn
constexpr std::size_t reserve = 256;  // descriptors that probes leave to the rest of the daemon

// What may wait does so for the grid that most wake-ups fall on anyway: one more wake-up costs as
// much as a probe.
constexpr Clock::duration idle_grid = Millis(100);
constexpr std::size_t handed_over_at_once = 512;
// A loop that was to run at each point of the grid while attempts are in flight, and came this much
// later, did not run meanwhile.
constexpr Millis stall_from{250};

TimePoint next_idle_point(TimePoint now) {
  return now + (idle_grid - now.time_since_epoch() % idle_grid);
}

// How many attempts may be in flight on one of `shards` loops.
std::size_t attempts_allowed(std::size_t shards) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return reserve;
  const auto descriptors = static_cast<std::size_t>(std::min<rlim_t>(limit.rlim_cur, 1u << 24));
  const auto left = descriptors - std::min(reserve, descriptors / 2);
  return std::max<std::size_t>(1, left / std::max<std::size_t>(1, shards));
}

// One dead address with many services may not take the descriptors of all the others.
std::size_t attempts_allowed_at_one_address(std::size_t cap) {
  return std::max<std::size_t>(16, cap / 4);
}

struct Round;

// What is going on at one address. Kept for as long as the shard lives: as many as addresses were
// ever configured.
struct AddressLoad {
  std::size_t in_flight = 0;  // attempts
  // At most one round a service; a list, since an empty deque takes half a kilobyte.
  std::list<std::shared_ptr<Round>> waiting;
};

struct Target {
  std::unique_ptr<Prober> prober;  // null: not probed
  std::string address;
  AddressLoad* load = nullptr;
  int retries = 0;
  Millis timeout{};
};

// A service as one shard knows it. A round in flight keeps it alive when it is replaced or removed.
struct Service {
  ServiceId id;
  std::uint64_t epoch = 0;
  std::vector<Target> targets;
  std::size_t probed = 0;
  std::uint64_t number = 0;
  std::uint64_t skipped = 0;  // slots that came while the round before was in flight
  std::vector<Verdict> told;  // of the round that was handed over last
  Round* current = nullptr;   // in flight, or waiting for its turn
  bool gone = false;          // replaced or removed: its round is not reported
};

struct Round {
  std::shared_ptr<Service> service;
  RoundResult result;
  TimePoint slot;
  bool on_grid = false;
  std::size_t open = 0;         // targets that have not ended
  const char* waits = nullptr;  // for what, before it is launched
  std::vector<TaskGroup::TaskId> tasks;
};

// Written by one shard, read by anyone.
struct Counters {
  std::atomic<std::uint64_t> rounds{0};
  std::atomic<std::uint64_t> attempts{0};
  std::atomic<std::uint64_t> skipped{0};
  std::atomic<std::uint64_t> in_flight{0};
  std::atomic<std::int64_t> worst_lateness{0};  // microseconds
  std::atomic<std::uint64_t> stalls{0};
};

void add(std::atomic<std::uint64_t>& counter, std::uint64_t n = 1) {
  // One writer: no locked instruction is needed.
  counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
}

}  // namespace

// What one shard does of it. Everything but `counters` is touched on the shard's thread only.
class RoundLane {
 public:
  RoundLane(Shard& shard, std::size_t cap, const RoundScheduler::ProberFactory& factory,
            const RoundScheduler::RoundSink& sink)
      : shard_(shard),
        cap_(cap),
        cap_at_address_(attempts_allowed_at_one_address(cap)),
        factory_(factory),
        sink_(sink),
        timer_(shard.context()),
        hand_over_(shard.context()),
        beat_(shard.context()) {}

  asio::io_context& context() { return shard_.context(); }
  void upsert(RoundSpec spec, FirstRound first);
  void remove(ServiceId id);
  void set_pending(ServiceId id, bool pending);
  void run_now(ServiceId id);

  Counters counters;

 private:
  static awaitable<void> drive(RoundLane& lane);
  static awaitable<void> run_target(RoundLane& lane, std::shared_ptr<Round> round,
                                    std::size_t index);
  bool stopping() const { return shard_.tasks().stopping(); }
  void wake_driver();
  void retire(const std::shared_ptr<Service>& service);
  std::size_t begin(const DueQueue::Due& due);
  void admit(const std::shared_ptr<Service>& service, TimePoint slot, std::uint64_t skipped,
             bool on_grid);
  void launch(const std::shared_ptr<Round>& round);
  void enter(std::shared_ptr<Round> round, bool its_turn = false);
  void launch_waiting(AddressLoad& freed);
  void report_waiting(Service& service, std::uint64_t skipped);
  void end_target(Round& round);
  void report(Service& service, RoundResult result);
  void hand_over();
  void watch_for_stalls();
  void note_stall(TimePoint now);
  void judge_stalled(ProbeResult& attempt, TimePoint began, Millis timeout);

  Shard& shard_;
  const std::size_t cap_;
  const std::size_t cap_at_address_;
  const RoundScheduler::ProberFactory& factory_;
  const RoundScheduler::RoundSink& sink_;
  DueQueue queue_;
  std::unordered_map<ServiceId, std::shared_ptr<Service>> services_;
  std::unordered_map<std::string, AddressLoad> loads_;
  std::deque<std::shared_ptr<Round>> waiting_;  // at most one per service: above the cap
  std::size_t in_flight_ = 0;
  std::vector<RoundResult> done_;  // not handed over yet
  bool news_posted_ = false;
  bool routine_waits_ = false;
  bool beating_ = false;
  TimePoint beat_due_;
  struct Stall {
    TimePoint ended;
    Clock::duration length{};
  };
  std::array<Stall, 8> stalls_;  // the last ones
  std::size_t next_stall_ = 0;
  asio::steady_timer timer_;
  asio::steady_timer hand_over_;
  asio::steady_timer beat_;
  TimePoint armed_ = TimePoint::min();
  bool driving_ = false;
};

void RoundLane::upsert(RoundSpec spec, FirstRound first) {
  if (stopping()) return;
  auto service = std::make_shared<Service>();
  service->id = spec.service;
  service->epoch = spec.epoch;
  service->targets.resize(spec.targets.size());
  for (std::size_t i = 0; i < spec.targets.size(); ++i) {
    if (!spec.targets[i]) continue;
    auto& target = service->targets[i];
    target.prober = factory_(shard_.context(), *spec.targets[i]);
    target.address = std::move(spec.targets[i]->address);
    target.load = &loads_[target.address];
    target.retries = spec.targets[i]->monitor.retries;
    target.timeout = spec.targets[i]->monitor.timeout;
    ++service->probed;
  }
  auto& place = services_[spec.service];
  if (place) {
    service->number = place->number;
    retire(place);
  }
  place = std::move(service);
  queue_.upsert(spec.service, spec.grid_key, spec.interval, spec.recheck,
                first == FirstRound::at_once, Clock::now());
  if (!driving_) {
    driving_ = true;
    shard_.tasks().spawn("round scheduler", drive(*this));
  }
  wake_driver();
}

void RoundLane::remove(ServiceId id) {
  const auto it = services_.find(id);
  if (it == services_.end()) return;
  retire(it->second);
  services_.erase(it);
  queue_.remove(id);
}

// The round in flight is cancelled; what it still says is dropped.
void RoundLane::retire(const std::shared_ptr<Service>& service) {
  service->gone = true;
  Round* const current = service->current;
  if (current == nullptr) return;
  if (current->waits != nullptr) return;  // it is dropped when its turn comes
  const auto tasks =
      service->current->tasks;  // a task may end, and the round with it, inside cancel()
  for (const auto id : tasks) shard_.tasks().cancel(id);
}

void RoundLane::set_pending(ServiceId id, bool pending) {
  queue_.set_pending(id, pending, Clock::now());
  wake_driver();
}

void RoundLane::run_now(ServiceId id) {
  const auto it = services_.find(id);
  if (it == services_.end() || it->second->current != nullptr || stopping()) return;
  admit(it->second, Clock::now(), 0, false);
}

void RoundLane::wake_driver() {
  const auto next = queue_.next();
  if (next && *next < armed_) timer_.cancel();
}

awaitable<void> RoundLane::drive(RoundLane& lane) {
  const auto executor = lane.shard_.context().get_executor();
  TimePoint paced;  // nothing begins before
  while (!lane.stopping()) {
    lane.armed_ = std::max(lane.queue_.next().value_or(TimePoint::max()), paced);
    lane.timer_.expires_at(lane.armed_);
    co_await lane.timer_.async_wait(nothrow);
    lane.armed_ = TimePoint::min();
    if (Clock::now() < paced) continue;
    std::size_t started = 0;
    std::size_t slice = 0;
    const TimePoint tick_began = Clock::now();
    while (!lane.stopping()) {
      const auto due = lane.queue_.pop(tick_began);
      if (!due) break;
      const std::size_t targets = lane.begin(*due);
      started += targets;
      slice += targets;
      if (started >= starts_per_tick) {
        paced = tick_began + tick;
        break;
      }
      if (slice >= starts_per_slice) {
        slice = 0;
        co_await asio::post(executor, asio::use_awaitable);
      }
    }
  }
}

std::size_t RoundLane::begin(const DueQueue::Due& due) {
  const auto it = services_.find(due.service);
  if (it == services_.end()) return 0;
  const auto& service = it->second;
  if (due.skipped != 0) add(counters.skipped, due.skipped);
  if (service->current != nullptr && service->current->waits != nullptr) {
    report_waiting(*service, due.skipped);
    return 0;
  }
  if (service->current != nullptr) {
    service->skipped += due.skipped + 1;
    add(counters.skipped);
    return 0;
  }
  admit(service, due.slot, due.skipped, !due.at_once);
  return service->probed;
}

void RoundLane::admit(const std::shared_ptr<Service>& service, TimePoint slot,
                      std::uint64_t skipped, bool on_grid) {
  auto round = std::make_shared<Round>();
  round->service = service;
  round->slot = slot;
  round->on_grid = on_grid;
  round->result.skipped = skipped + std::exchange(service->skipped, 0);
  service->current = round.get();
  enter(std::move(round));
}

// Launches the round, or lets it wait where there is no room: at one of its addresses, or for
// descriptors.
void RoundLane::enter(std::shared_ptr<Round> round, bool its_turn) {
  Service& service = *round->service;
  if (service.gone) return;
  for (const auto& target : service.targets) {
    if (target.load == nullptr || target.load->in_flight < cap_at_address_) continue;
    round->waits = "as many attempts as one address may have are in flight to it";
    target.load->waiting.push_back(std::move(round));
    return;
  }
  const bool room = in_flight_ == 0 || in_flight_ + service.probed <= cap_;
  if (!room || (!its_turn && !waiting_.empty())) {
    round->waits = "as many attempts are in flight as there are descriptors for";
    waiting_.push_back(std::move(round));
    return;
  }
  round->waits = nullptr;
  launch(round);
}

// A slot that came while the round before still waited for its turn: that is our own trouble, and
// it is said. The round keeps its place.
void RoundLane::report_waiting(Service& service, std::uint64_t skipped) {
  RoundResult result;
  result.service = service.id;
  result.epoch = service.epoch;
  result.number = ++service.number;
  result.skipped = skipped;
  result.started = result.finished = Clock::now();
  result.targets.resize(service.targets.size());
  for (std::size_t i = 0; i < service.targets.size(); ++i) {
    if (!service.targets[i].prober) continue;
    auto& target = result.targets[i].emplace();
    target.verdict = Verdict::inconclusive;
    target.address = service.targets[i].address;
    ProbeResult attempt;
    attempt.failure = FailureClass::local;
    attempt.reason = std::string("not begun within its interval: ") + service.current->waits;
    target.attempts.push_back(std::move(attempt));
  }
  add(counters.rounds);
  report(service, std::move(result));
}

void RoundLane::launch(const std::shared_ptr<Round>& round) {
  Service& service = *round->service;
  RoundResult& result = round->result;
  result.service = service.id;
  result.epoch = service.epoch;
  result.number = ++service.number;
  result.started = Clock::now();
  if (round->on_grid) {
    const auto late = std::chrono::duration_cast<Micros>(result.started - round->slot).count();
    if (late > counters.worst_lateness.load(std::memory_order_relaxed)) {
      counters.worst_lateness.store(late, std::memory_order_relaxed);
    }
  }
  result.targets.resize(service.targets.size());
  round->tasks.reserve(service.probed);
  // One more than there are targets: an attempt that ends at once must not end the round before all
  // have begun.
  round->open = service.probed + 1;
  in_flight_ += service.probed;
  counters.in_flight.store(in_flight_, std::memory_order_relaxed);
  watch_for_stalls();
  for (std::size_t i = 0; i < service.targets.size(); ++i) {
    if (!service.targets[i].prober) continue;
    ++service.targets[i].load->in_flight;
    round->tasks.push_back(shard_.tasks().spawn("probe", run_target(*this, round, i)));
  }
  end_target(*round);
}

awaitable<void> RoundLane::run_target(RoundLane& lane, std::shared_ptr<Round> round,
                                      std::size_t index) {
  Service& service = *round->service;
  Target& target = service.targets[index];
  auto& outcome = round->result.targets[index].emplace();
  outcome.address = target.address;
  for (int made = 0; made <= target.retries; ++made) {
    const TimePoint began = Clock::now();
    ProbeResult attempt = co_await target.prober->run(began + target.timeout);
    add(lane.counters.attempts);
    lane.judge_stalled(attempt, began, target.timeout);
    outcome.attempts.push_back(std::move(attempt));
    if (outcome.attempts.back().verdict == Verdict::pass || service.gone || lane.stopping()) break;
  }
  outcome.verdict = verdict_of(outcome.attempts);
  --lane.in_flight_;
  lane.counters.in_flight.store(lane.in_flight_, std::memory_order_relaxed);
  AddressLoad& load = *target.load;
  --load.in_flight;
  lane.end_target(*round);
  lane.launch_waiting(load);
}

void RoundLane::end_target(Round& round) {
  if (--round.open != 0) return;
  Service& service = *round.service;
  service.current = nullptr;
  if (service.gone || stopping()) return;
  round.result.finished = Clock::now();
  add(counters.rounds);
  report(service, std::move(round.result));
}

void RoundLane::report(Service& service, RoundResult result) {
  std::vector<Verdict> verdicts;
  verdicts.reserve(result.targets.size());
  for (const auto& target : result.targets)
    verdicts.push_back(target ? target->verdict : Verdict::inconclusive);
  const bool all_pass =
      std::all_of(result.targets.begin(), result.targets.end(),
                  [](const auto& t) { return !t || t->verdict == Verdict::pass; });
  const bool news = !all_pass || verdicts != service.told;
  service.told = std::move(verdicts);
  done_.push_back(std::move(result));
  if (done_.size() >= handed_over_at_once) return hand_over();
  if (news && !news_posted_) {
    news_posted_ = true;
    asio::post(shard_.context(), [this] {
      news_posted_ = false;
      hand_over();
    });
  } else if (!news && !routine_waits_) {
    routine_waits_ = true;
    hand_over_.expires_at(next_idle_point(Clock::now()));
    hand_over_.async_wait([this](const boost::system::error_code& ec) {
      routine_waits_ = false;
      if (!ec) hand_over();
    });
  }
}

void RoundLane::hand_over() {
  if (done_.empty() || stopping()) return;
  sink_(std::exchange(done_, {}));
}

void RoundLane::watch_for_stalls() {
  if (beating_ || in_flight_ == 0) return;
  beating_ = true;
  beat_due_ = next_idle_point(Clock::now());
  beat_.expires_at(beat_due_);
  beat_.async_wait([this](const boost::system::error_code& ec) {
    if (ec) return;
    note_stall(Clock::now());
    beating_ = false;
    watch_for_stalls();
  });
}

void RoundLane::note_stall(TimePoint now) {
  if (!beating_ || now - beat_due_ < stall_from) return;
  stalls_[next_stall_++ % stalls_.size()] = {now, now - beat_due_};
  beat_due_ = now;  // told once
  add(counters.stalls);
}

// Whoever waited for us to run may have given up: a failure seen after such a pause is our own
// trouble (a process that was stopped, a machine without processor time).
void RoundLane::judge_stalled(ProbeResult& attempt, TimePoint began, Millis timeout) {
  if (attempt.verdict != Verdict::fail) return;
  note_stall(Clock::now());
  const auto matters = std::max<Clock::duration>(stall_from, timeout / 10);
  Clock::duration longest{};
  for (const auto& stall : stalls_) {
    if (stall.ended > began) longest = std::max(longest, stall.length);
  }
  if (longest < matters) return;
  const auto pause = std::chrono::duration_cast<Millis>(longest);
  attempt.verdict = Verdict::inconclusive;
  attempt.failure = FailureClass::local;
  attempt.reason = clean("hotswapd did not run for " + std::to_string(pause.count()) +
                         " ms during the attempt, which then saw: " + attempt.reason);
}

// Room was made, at this address and among the descriptors.
void RoundLane::launch_waiting(AddressLoad& freed) {
  while (!freed.waiting.empty() && freed.in_flight < cap_at_address_ && !stopping()) {
    auto round = std::move(freed.waiting.front());
    freed.waiting.pop_front();
    enter(std::move(round));
  }
  while (!waiting_.empty() && !stopping()) {
    Service& service = *waiting_.front()->service;
    const bool room = in_flight_ == 0 || in_flight_ + service.probed <= cap_;
    if (!room && !service.gone) return;
    auto round = std::move(waiting_.front());
    waiting_.pop_front();
    enter(std::move(round), true);
  }
}

struct RoundScheduler::Impl {
  Impl(ProberFactory f, RoundSink s) : factory(std::move(f)), sink(std::move(s)) {}

  RoundLane& lane_of(ServiceId service) { return *lanes[service.value % lanes.size()]; }

  const ProberFactory factory;
  const RoundSink sink;
  std::vector<std::unique_ptr<RoundLane>> lanes;
};

RoundScheduler::RoundScheduler(std::vector<Shard*> shards, ProberFactory factory, RoundSink sink)
    : impl_(std::make_unique<Impl>(std::move(factory), std::move(sink))) {
  const std::size_t cap = attempts_allowed(shards.size());
  for (Shard* const shard : shards) {
    impl_->lanes.push_back(std::make_unique<RoundLane>(*shard, cap, impl_->factory, impl_->sink));
  }
}

RoundScheduler::~RoundScheduler() = default;

void RoundScheduler::upsert(RoundSpec spec, FirstRound first) {
  auto& lane = impl_->lane_of(spec.service);
  asio::post(lane.context(), [&lane, spec = std::move(spec), first]() mutable {
    lane.upsert(std::move(spec), first);
  });
}

void RoundScheduler::remove(ServiceId service) {
  auto& lane = impl_->lane_of(service);
  asio::post(lane.context(), [&lane, service] { lane.remove(service); });
}

void RoundScheduler::set_pending(ServiceId service, bool pending) {
  auto& lane = impl_->lane_of(service);
  asio::post(lane.context(), [&lane, service, pending] { lane.set_pending(service, pending); });
}

void RoundScheduler::run_now(ServiceId service) {
  auto& lane = impl_->lane_of(service);
  asio::post(lane.context(), [&lane, service] { lane.run_now(service); });
}

RoundScheduler::Figures RoundScheduler::figures() const {
  Figures sum;
  for (const auto& lane : impl_->lanes) {
    const auto& counters = lane->counters;
    sum.rounds += counters.rounds.load(std::memory_order_relaxed);
    sum.attempts += counters.attempts.load(std::memory_order_relaxed);
    sum.skipped_slots += counters.skipped.load(std::memory_order_relaxed);
    sum.in_flight += counters.in_flight.load(std::memory_order_relaxed);
    sum.stalls += counters.stalls.load(std::memory_order_relaxed);
    const Micros late(lane->counters.worst_lateness.exchange(0, std::memory_order_relaxed));
    sum.worst_lateness = std::max(sum.worst_lateness, late);
  }
  return sum;
}

}  // namespace hotswapd
