#include "monitor/round_lane.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "core/hash.hpp"
#include "core/text.hpp"

namespace hotswapd {
namespace {

constexpr Millis tick{10};
constexpr std::size_t starts_per_tick = 200;  // a crowd that is due at once begins at this pace
constexpr std::size_t starts_per_slice = 32;  // then the loop's other work gets its turn
constexpr std::size_t reserve = 256;          // descriptors left to the rest of the daemon
// The descriptor limit may change while we run (prlimit): it is looked at this often, and room that
// it gives is taken in steps, so that those who waited do not all begin at once.
constexpr Millis limit_holds{1000};
constexpr std::size_t more_at_once = 1000;
// What may wait does so for the grid that most wake-ups fall on anyway: one more wake-up costs as
// much as a probe.
constexpr Clock::duration idle_grid = Millis(100);
constexpr std::size_t handed_over_at_once = 512;

constexpr const char* address_full = "as many attempts as one address may have are in flight to it";
constexpr const char* descriptors_full =
    "as many attempts are in flight as there are descriptors for";

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

void add(std::atomic<std::uint64_t>& counter, std::uint64_t n = 1) {
  // One writer: no locked instruction is needed.
  counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
}

ProbeResult not_begun(const char* why) {
  ProbeResult attempt;
  attempt.failure = FailureClass::local;
  attempt.reason = std::string("not begun within its interval: ") + why;
  return attempt;
}

bool was_silent(const ProbeResult& attempt) {
  return attempt.verdict == Verdict::fail && attempt.failure == FailureClass::timeout;
}

// Every target that is probed passed or failed.
bool decided(const RoundResult& round) {
  return std::none_of(round.targets.begin(), round.targets.end(), [](const auto& target) {
    return target && target->verdict == Verdict::inconclusive;
  });
}

bool ran_out_of_time(const RoundResult& round) {
  return std::any_of(round.targets.begin(), round.targets.end(), [](const auto& target) {
    return target && !target->attempts.empty() &&
           std::any_of(target->attempts.begin(), target->attempts.end(), was_silent) &&
           target->verdict != Verdict::pass;
  });
}

}  // namespace

RoundLane::RoundLane(Shard& shard, std::size_t shards, const RoundScheduler::ProberFactory& factory,
                     const RoundScheduler::RoundSink& sink)
    : shard_(shard),
      shards_(shards),
      cap_(attempts_allowed(shards)),
      cap_at_address_(attempts_allowed_at_one_address(cap_)),
      limit_read_(Clock::now()),
      factory_(factory),
      sink_(sink),
      timer_(shard.context()),
      hand_over_(shard.context()),
      beat_(shard.context()) {}

bool RoundLane::full(const Target& target) const {
  return target.load != nullptr && target.load->in_flight >= cap_at_address_;
}

// Silent targets hold what they get for the whole of their time. A quarter of the room is kept from
// them, and so is the last of what is free, for the others, whose attempts are over at once. A
// sixteenth is theirs: however busy the others are, a silent one comes to its verdict.
bool RoundLane::room_for(const Service& service, std::size_t attempts) const {
  if (in_flight_ == 0) return true;
  return service.silent ? room_for_silent(attempts) : in_flight_ + attempts <= cap_;
}

bool RoundLane::room_for_silent(std::size_t attempts) const {
  if (in_flight_ + attempts > cap_) return false;
  // Whoever of the others waits for several places at once is not to wait for ever.
  return silent_have_little(attempts) ||
         (waiting_.empty() && silent_in_flight_ + attempts <= cap_ - cap_ / 4 &&
          in_flight_ + attempts <= cap_ - cap_ / 16);
}

bool RoundLane::silent_have_little(std::size_t attempts) const {
  return silent_in_flight_ + attempts <= std::max<std::size_t>(1, cap_ / 16);
}

void RoundLane::take_place(bool silent) {
  ++in_flight_;
  if (silent) ++silent_in_flight_;
}

void RoundLane::leave_place(bool silent) {
  --in_flight_;
  if (silent) --silent_in_flight_;
}

void RoundLane::upsert(RoundSpec spec, FirstRound first) {
  if (stopping()) return;
  auto service = std::make_shared<Service>();
  service->id = spec.service;
  service->epoch = spec.epoch;
  service->waits_for_no_one = spec.waits_for_no_one;
  service->interval = spec.interval;
  service->targets.resize(spec.targets.size());
  for (std::size_t i = 0; i < spec.targets.size(); ++i) {
    if (!spec.targets[i]) continue;
    auto& target = service->targets[i];
    target.prober = factory_(shard_.context(), *spec.targets[i]);
    target.load = &loads_[stable_hash(spec.targets[i]->address)];
    target.retries = spec.targets[i]->monitor.retries;
    target.timeout = spec.targets[i]->monitor.timeout;
    target.protocol = spec.targets[i]->monitor.protocol;
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
  if (service->current == nullptr) return;  // one that waits is dropped when its turn comes
  // A task may end, and the round with it, inside cancel().
  const auto tasks = service->current->tasks;
  for (const auto id : tasks) shard_.tasks().cancel(id);
}

void RoundLane::set_pending(ServiceId id, bool pending) {
  queue_.set_pending(id, pending, Clock::now());
  wake_driver();
}

void RoundLane::run_now(ServiceId id) {
  const auto it = services_.find(id);
  if (it == services_.end() || it->second->current != nullptr || it->second->waiting != nullptr ||
      stopping()) {
    return;
  }
  admit(it->second, Clock::now(), 0, false);
}

void RoundLane::wake_driver() {
  const auto next = queue_.next();
  if (next && *next < armed_) timer_.cancel();
}

// Those who wait are let in by the attempts that end: there are some, or nobody would wait.
void RoundLane::follow_limit(TimePoint now) {
  if (now - limit_read_ < limit_holds) return;
  limit_read_ = now;
  cap_ = std::min(attempts_allowed(shards_), cap_ + std::min(cap_, more_at_once));
  cap_at_address_ = attempts_allowed_at_one_address(cap_);
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
    lane.follow_limit(tick_began);
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
  if (service->current != nullptr) {
    service->skipped += due.skipped + 1;
    add(counters.skipped);
    return 0;
  }
  if (service->waiting != nullptr) return slot_while_waiting(service, due.slot, due.skipped);
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
  service->waiting = round.get();
  enter(std::move(round));
}

// Launches the round, or lets it wait where there is no room: at one of its addresses, or for
// descriptors.
void RoundLane::enter(std::shared_ptr<Round> round, bool its_turn) {
  Service& service = *round->service;
  if (service.gone) return;
  if (!service.waits_for_no_one) {
    const auto crowded = std::find_if(service.targets.begin(), service.targets.end(),
                                      [this](const Target& target) { return full(target); });
    if (crowded != service.targets.end()) {
      round->waits = address_full;
      auto& queue = crowded->load->waiting;
      if (!queue) queue = std::make_unique<AddressLoad::Rounds>();
      queue->push_back(std::move(round));
      return;
    }
    auto& queue = service.silent ? silent_waiting_ : waiting_;
    if (!room_for(service, service.probed) || (!its_turn && !queue.empty())) {
      round->waits = descriptors_full;
      queue.push_back(std::move(round));
      return;
    }
  }
  service.waiting = nullptr;
  launch(round);
}

// A slot has come while the round before still waits for its turn: that is our own trouble, and it
// is said. The round keeps its place; what waits for one address alone does not keep the service's
// other targets from being probed.
std::size_t RoundLane::slot_while_waiting(const std::shared_ptr<Service>& service, TimePoint slot,
                                          std::uint64_t skipped) {
  auto round = std::make_shared<Round>();
  round->service = service;
  round->slot = slot;
  round->on_grid = true;
  round->result.skipped = skipped;
  round->result.targets.resize(service->targets.size());
  const char* const why = service->waiting->waits;
  std::size_t free = 0;
  for (const auto& target : service->targets) free += target.prober && !full(target) ? 1 : 0;
  const bool some = why == address_full && free != 0 && room_for(*service, free);
  for (std::size_t i = 0; i < service->targets.size(); ++i) {
    const auto& target = service->targets[i];
    if (!target.prober || (some && !full(target))) continue;
    round->result.targets[i] = TargetRound{Verdict::inconclusive, {not_begun(why)}};
  }
  launch(round);
  return some ? free : 0;
}

// Makes the attempts of all targets that have no outcome yet.
void RoundLane::launch(const std::shared_ptr<Round>& round) {
  Service& service = *round->service;
  RoundResult& result = round->result;
  service.current = round.get();
  round->silent = service.silent;
  result.service = service.id;
  result.epoch = service.epoch;
  result.number = ++service.number;
  result.started = Clock::now();
  if (round->on_grid) {
    const auto behind = std::chrono::duration_cast<Micros>(result.started - round->slot);
    counters.probes.late(behind);
    const auto late = behind.count();
    if (late > counters.worst_lateness.load(std::memory_order_relaxed)) {
      counters.worst_lateness.store(late, std::memory_order_relaxed);
    }
  }
  result.targets.resize(service.targets.size());
  round->tasks.reserve(service.probed);
  // One more than there are targets to probe: an attempt that ends at once must not end the round
  // before all have begun.
  round->open = 1;
  for (std::size_t i = 0; i < service.targets.size(); ++i) {
    if (!service.targets[i].prober || result.targets[i]) continue;
    ++round->open;
    take_place(round->silent);
    ++service.targets[i].load->in_flight;
    round->tasks.push_back(shard_.tasks().spawn("probe", run_target(*this, round, i)));
  }
  counters.in_flight.store(in_flight_, std::memory_order_relaxed);
  watch_for_stalls();
  end_target(*round);
}

awaitable<void> RoundLane::run_target(RoundLane& lane, std::shared_ptr<Round> round,
                                      std::size_t index) {
  Service& service = *round->service;
  Target& target = service.targets[index];
  auto& outcome = round->result.targets[index].emplace();
  bool silent = round->silent;
  Clock::duration patience = service.interval;  // for room, all attempts together
  for (int made = 0; made <= target.retries; ++made) {
    if (made != 0 && was_silent(outcome.attempts.back()) && !service.waits_for_no_one) {
      const TimePoint asked = Clock::now();
      const TimePoint until = asked + patience;
      const bool room = co_await wait_for_retry(lane, service, *target.load, silent, until);
      silent = true;
      patience -= Clock::now() - asked;
      if (service.gone || lane.stopping()) break;
      if (!room) {
        outcome.attempts.push_back(not_begun(descriptors_full));
        break;
      }
    }
    const TimePoint began = Clock::now();
    ProbeResult attempt = co_await target.prober->run(began + target.timeout);
    add(lane.counters.attempts);
    lane.judge_stalled(attempt, began, target.timeout);
    lane.counters.probes.attempt(target.protocol, attempt);
    outcome.attempts.push_back(std::move(attempt));
    if (outcome.attempts.back().verdict == Verdict::pass || service.gone || lane.stopping()) break;
  }
  outcome.verdict = verdict_of(outcome.attempts);
  lane.leave_place(silent);
  lane.counters.in_flight.store(lane.in_flight_, std::memory_order_relaxed);
  AddressLoad& load = *target.load;
  --load.in_flight;
  lane.end_target(*round);
  lane.launch_waiting(load);
}

// Targets that fall silent are not known as such yet, and there may be very many at once: the first
// attempt has all the room, so what waits is the next one, which is known to hold its place for
// long. False: there was no room until then. Either way the attempt has a place among the
// silent ones when this returns.
awaitable<bool> RoundLane::wait_for_retry(RoundLane& lane, Service& service, AddressLoad& load,
                                          bool was_silent, TimePoint until) {
  lane.leave_place(was_silent);
  if (lane.retries_waiting_.empty() && lane.room_for_silent(1)) {
    lane.take_place(true);
    co_return true;
  }
  Retry retry{asio::steady_timer(lane.context(), until)};
  const auto place = lane.retries_waiting_.insert(lane.retries_waiting_.end(), &retry);
  lane.launch_waiting(load);
  while (!retry.its_turn && !service.gone && !lane.stopping()) {
    const auto [ec] = co_await retry.until.async_wait(nothrow);
    if (!ec) break;
  }
  if (retry.its_turn) co_return true;
  lane.retries_waiting_.erase(place);
  lane.take_place(true);
  co_return false;
}

void RoundLane::end_target(Round& round) {
  if (--round.open != 0) return;
  Service& service = *round.service;
  service.current = nullptr;
  if (service.gone || stopping()) return;
  round.result.finished = Clock::now();
  if (ran_out_of_time(round.result)) {
    service.silent = true;
  } else if (decided(round.result)) {
    service.silent = false;
  }
  add(counters.rounds);
  report(service, std::move(round.result));
  if (service.waiting == nullptr) return;
  // It was passed over while this round ran.
  for (const auto& target : service.targets) {
    if (target.load != nullptr) launch_waiting(*target.load);
  }
}

void RoundLane::report(Service& service, RoundResult result) {
  // Routine is that all pass, as they did, and that nobody waits for it.
  bool news = service.waits_for_no_one;
  for (std::size_t i = 0; i < result.targets.size(); ++i) {
    if (!result.targets[i]) continue;
    const Verdict verdict = result.targets[i]->verdict;
    const auto before = std::exchange(service.targets[i].told, verdict);
    news = news || verdict != Verdict::pass || before != Verdict::pass;
  }
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
  if (stalls_.expecting() || in_flight_ == 0) return;
  const TimePoint at = next_idle_point(Clock::now());
  stalls_.expect(at);
  beat_.expires_at(at);
  beat_.async_wait([this](const boost::system::error_code& ec) {
    if (ec) return;
    if (stalls_.woke(Clock::now())) add(counters.stalls);
    watch_for_stalls();
  });
}

void RoundLane::judge_stalled(ProbeResult& attempt, TimePoint began, Millis timeout) {
  if (attempt.verdict != Verdict::fail) return;
  if (stalls_.ran(Clock::now())) add(counters.stalls);
  const auto longest = stalls_.longest_since(began);
  // A pause that is a small part of the time an attempt has takes nothing from it.
  if (longest == Clock::duration::zero() || longest < timeout / 10) return;
  const auto pause = std::chrono::duration_cast<Millis>(longest);
  attempt.verdict = Verdict::inconclusive;
  attempt.failure = FailureClass::local;
  attempt.reason = clean("hotswapd did not run for " + std::to_string(pause.count()) +
                         " ms during the attempt, which then saw: " + attempt.reason);
}

// Room was made, at this address and among the descriptors. A round that ends while it is launched
// makes room too: the loop that launched it goes on with it.
void RoundLane::launch_waiting(AddressLoad& freed) {
  if (!freed.launching && freed.waiting) {
    freed.launching = true;
    auto& waiting = *freed.waiting;
    for (auto next = waiting.begin();
         next != waiting.end() && freed.in_flight < cap_at_address_ && !stopping();) {
      if ((*next)->service->current != nullptr && !(*next)->service->gone) {
        ++next;  // its other targets are being probed: it keeps its place
        continue;
      }
      auto round = std::move(*next);
      next = waiting.erase(next);
      enter(std::move(round));
    }
    freed.launching = false;
  }
  if (launching_) return;
  launching_ = true;
  if (silent_have_little(1)) launch_silent();
  launch_waiting(waiting_);
  launch_silent();
  launching_ = false;
}

void RoundLane::launch_silent() {
  // Before the next rounds of those who were silent already: here a verdict is still to come.
  while (!retries_waiting_.empty() && room_for_silent(1) && !stopping()) {
    Retry& retry = *retries_waiting_.front();
    retries_waiting_.pop_front();
    take_place(true);
    retry.its_turn = true;
    retry.until.cancel();
  }
  launch_waiting(silent_waiting_);
}

void RoundLane::launch_waiting(std::deque<std::shared_ptr<Round>>& queue) {
  while (!queue.empty() && !stopping()) {
    Service& service = *queue.front()->service;
    if (!room_for(service, service.probed) && !service.gone) break;
    auto round = std::move(queue.front());
    queue.pop_front();
    enter(std::move(round), true);
  }
}

}  // namespace hotswapd
