#include "monitor/monitor.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <set>
#include <utility>

#include "core/text.hpp"
#include "net/sleep.hpp"

namespace hotswapd {
namespace {

constexpr Millis stopping_may_take{1'000};
constexpr Millis quickest_witness{1'000};
constexpr Millis slowest_witness{10'000};
constexpr Clock::duration witness_gap = Millis(200);  // the least between two questions
// The targets of the witness are rounds of their own, from this id on; services begin with 1.
constexpr std::uint32_t first_witness_id = 0xffff0000;
// A start of tens of thousands of services at one instant would need the memory of all at once.
constexpr std::size_t starts_at_a_time = 256;

std::string name_key(std::string_view fqdn) {
  if (!fqdn.empty() && fqdn.back() == '.') fqdn.remove_suffix(1);
  return lower(fqdn);
}

}  // namespace

Monitor::Monitor(MonitorParts parts)
    : parts_(std::move(parts)),
      tasks_(parts_.executor,
             [this](const std::string& task, const std::string& what) {
               parts_.log.log(LogLevel::error, "HS1005",
                              "a task ended by an exception task=\"" + task + "\" " + what);
             }),
      gate_(parts_.executor, parts_.clocks, tasks_),
      troubles_(parts_.alarms, parts_.clocks),
      context_{parts_.executor,
               parts_.store,
               parts_.teller,
               parts_.rounds,
               parts_.log,
               parts_.clocks,
               tasks_,
               gate_,
               troubles_,
               swap_figures_,
               parts_.watch,
               [this](ServiceId but) { return around(but); },
               [this](ServiceId service, Health after) { primary_changed(service, after); },
               [this](const std::string& line) { tell_blind(line); },
               [this](ServiceId service) { timed_.insert(service); },
               [this] { return blocked_; }} {}

Monitor::~Monitor() = default;

std::shared_ptr<FailoverService> Monitor::add(const Shared<ServiceSpec>& spec) {
  auto* provider = parts_.provider(spec->provider);
  if (provider == nullptr) {
    parts_.log.log(
        LogLevel::error, "HS1006",
        "provider not available service=" + spec->key.fqdn + " provider=" + spec->provider);
    return nullptr;
  }
  auto service =
      std::make_shared<FailoverService>(ServiceId{next_id_++}, spec, *provider, context_);
  ordered_.push_back(service);
  by_id_.emplace(service->id(), service);
  by_name_.insert(service.get());
  longest_interval_ = std::max(longest_interval_, spec->monitor->interval);
  return service;
}

void Monitor::start(const std::vector<Shared<ServiceSpec>>& services,
                    std::optional<WitnessSpec> witness, const StoredState& stored) {
  std::map<RecordKey, const StateRow*> states;
  for (const auto& row : stored.states) states[row.service] = &row;
  std::map<RecordKey, const IntentRow*> intents;
  for (const auto& row : stored.open_intents) intents[row.service] = &row;
  std::multimap<RecordKey, WallTime> swaps;
  for (const auto& row : stored.recent_swaps) swaps.emplace(row.service, row.at);

  ordered_.reserve(services.size());
  by_id_.reserve(services.size());
  for (const auto& spec : services) {
    const auto service = add(spec);
    if (!service) continue;
    if (const auto it = states.find(spec->key); it != states.end()) service->restore(*it->second);
    if (const auto it = intents.find(spec->key); it != intents.end())
      service->restore_intent(*it->second);
    const auto [from, to] = swaps.equal_range(spec->key);
    for (auto it = from; it != to; ++it) service->remember_swap(it->second);
    if (stored.doubtful) service->require_fresh_rounds(2);
  }
  watch_witness(std::move(witness));
  for (const auto& service : ordered_) service->will_begin();
  tasks_.spawn("start", begin_all(ordered_));

  Batch gone;
  std::set<RecordKey> wanted;
  for (const auto& spec : services) wanted.insert(spec->key);
  for (const auto& row : stored.open_intents) {
    if (!wanted.contains(row.service)) orphans_[row.service] = row;
  }
  for (const auto& [key, at] : swaps) {
    if (!wanted.contains(key)) budgets_[key].remember(at, parts_.clocks.now());
  }
  for (const auto& row : stored.states) {
    if (!wanted.contains(row.service)) gone.forget_states.push_back(row.service);
  }
  if (!gone.empty()) {
    parts_.store.commit(std::move(gone),
                        [](const Fallible<void>&) {});  // found again at the next start if it fails
  }
  tasks_.spawn("service clock", tick());
}

void Monitor::reconfigure(const std::vector<Shared<ServiceSpec>>& services,
                          std::optional<WitnessSpec> witness) {
  std::map<RecordKey, const ServiceSpec*> wanted;
  for (const auto& spec : services) wanted[spec->key] = &*spec;

  std::erase_if(ending_, [](const auto& service) { return !service->busy(); });
  Batch gone;
  std::erase_if(ordered_, [&](const std::shared_ptr<FailoverService>& service) {
    const auto& key = service->model().spec().key;
    if (wanted.contains(key)) return false;
    service->end();
    budgets_[key] = service->model().budget();
    if (service->busy()) ending_.push_back(service);
    by_id_.erase(service->id());
    by_name_.erase(service.get());
    loss_.forget(service->id());
    gone.forget_states.push_back(key);
    return true;
  });
  if (!gone.empty()) {
    parts_.store.commit(std::move(gone), [](const Fallible<void>&) {});
  }

  longest_interval_ = Millis(0);
  for (const auto& spec : services) {
    longest_interval_ = std::max(longest_interval_, spec->monitor->interval);
    const auto it = by_name_.find(spec->key);
    if (it == by_name_.end()) {
      const auto before = std::find_if(ending_.begin(), ending_.end(), [&](const auto& e) {
        return e->model().spec().key == spec->key;
      });
      const auto service = add(spec);
      if (!service) continue;
      if (auto orphan = orphans_.extract(spec->key)) service->restore_intent(orphan.mapped());
      if (auto budget = budgets_.extract(spec->key)) service->remember_swaps(budget.mapped());
      service->begin_after(before == ending_.end() ? nullptr : *before);
      continue;
    }
    if (auto* provider = parts_.provider(spec->provider)) (*it)->reconfigure(spec, *provider);
  }
  std::set<std::string> providers;
  for (const auto& spec : services) providers.insert(spec->provider);
  troubles_.only(providers);
  watch_witness(std::move(witness));
  // Shown in the order of the file.
  std::map<RecordKey, std::size_t> position;
  for (std::size_t i = 0; i < services.size(); ++i) position[services[i]->key] = i;
  std::stable_sort(ordered_.begin(), ordered_.end(), [&](const auto& a, const auto& b) {
    return position[a->model().spec().key] < position[b->model().spec().key];
  });
}

void Monitor::on_round(RoundResult round) {
  if (stopping_) return;
  if (round.service.value >= first_witness_id) return witness_heard(round);
  const auto it = by_id_.find(round.service);
  if (it == by_id_.end()) return;
  const auto service = it->second;
  const auto& targets = service->model().targets();
  bool news = false;  // a failure of what was not known to be down
  for (std::size_t i = 0; i < round.targets.size() && i < targets.size(); ++i) {
    news = news || (round.targets[i] && round.targets[i]->verdict == Verdict::fail &&
                    targets[i].health.health != Health::down);
  }
  if (!witness_.park(round, news)) return deliver(*service, std::move(round));
  if (news) ask_witness();
}

void Monitor::tell_blind(const std::string& line) {
  if (blindness_.tell(line, parts_.clocks.steady()))
    parts_.log.log(LogLevel::warning, "HS1120", "probing is blind " + line);
}

// Its targets are often other people's servers, which answer a flood with silence.
void Monitor::ask_witness() {
  if (witness_asked_soon_) return;
  const auto now = parts_.clocks.steady();
  const auto gap = witness_asked_at_ ? *witness_asked_at_ + witness_gap - now : Clock::duration();
  if (gap <= Clock::duration::zero()) return ask_witness_now();
  witness_asked_soon_ = true;
  tasks_.spawn("ask the witness", ask_witness_in(std::chrono::ceil<Millis>(gap)));
}

awaitable<void> Monitor::ask_witness_in(Millis gap) {
  auto gap_over = parts_.clocks.sleep(gap);
  co_await std::move(gap_over);
  witness_asked_soon_ = false;
  if (!co_await being_stopped()) ask_witness_now();
}

void Monitor::ask_witness_now() {
  witness_asked_at_ = parts_.clocks.steady();
  for (std::size_t i = 0; i < witness_.size(); ++i)
    parts_.rounds.run_now(ServiceId{first_witness_id + static_cast<std::uint32_t>(i)});
}

void Monitor::deliver(FailoverService& service, RoundResult round) {
  const bool answered =
      std::any_of(round.targets.begin(), round.targets.end(),
                  [](const auto& target) { return target && target->verdict == Verdict::pass; });
  if (answered) {
    std::erase_if(answered_, [&](const Answered& a) { return a.service == round.service; });
    answered_.push_back({round.service, round.finished});
    if (answered_.size() > 2) answered_.erase(answered_.begin());
    if (loss_.standing()) {
      loss_.other_answered(round.started);
      tell_loss(true);
    }
  }
  service.on_round(std::move(round));
}

void Monitor::watch_witness(std::optional<WitnessSpec> witness) {
  if (witness) {
    // As often as the quickest service, so that its word is never older than what it vouches for.
    Millis interval = slowest_witness;
    for (const auto& service : ordered_)
      interval = std::min(interval, service->model().spec().monitor->interval);
    witness->interval = std::max(interval, quickest_witness);
  }
  loss_.has_witness(witness.has_value());
  if (witness_.spec() == witness) return;
  for (std::size_t i = 0; i < witness_.size(); ++i)
    parts_.rounds.remove(ServiceId{first_witness_id + static_cast<std::uint32_t>(i)});
  witness_.configure(witness);
  parts_.alarms.clear("HS1122", "HS1123", "the witness is not asked any more");
  if (!witness) return release_parked();
  ++witness_epoch_;
  for (std::size_t i = 0; i < witness->targets.size(); ++i) {
    RoundSpec spec;
    spec.service = ServiceId{first_witness_id + static_cast<std::uint32_t>(i)};
    spec.epoch = witness_epoch_;
    spec.grid_key = "witness";
    spec.interval = spec.recheck = witness->interval;
    spec.targets.emplace_back(witness->targets[i]);
    spec.waits_for_no_one = true;
    parts_.rounds.upsert(std::move(spec), FirstRound::at_once);
  }
}

void Monitor::witness_heard(const RoundResult& round) {
  if (round.epoch != witness_epoch_) return;
  witness_.heard(round.service.value - first_witness_id, round);
  if (witness_.up() == true) {
    parts_.alarms.clear("HS1122", "HS1123", "the witness answers again");
    if (loss_.standing()) {
      if (const auto asked = witness_.vouched_for()) loss_.witness_answered(*asked);
      tell_loss(true);
    }
  } else if (witness_.up() == false) {
    parts_.alarms.raise("HS1122", LogLevel::error,
                        witness_.reason() + ": no failure counts until it does",
                        parts_.clocks.wall());
  }
  release_parked();
  if (witness_.wants_to_ask()) ask_witness();
}

void Monitor::release_parked() {
  for (auto& round : witness_.release()) {
    const auto it = by_id_.find(round.service);
    if (it == by_id_.end()) continue;
    const auto service = it->second;
    deliver(*service, std::move(round));
  }
}

// Counted when it is needed, and not oftener than once a second where there are many.
std::size_t Monitor::decided(TimePoint now) {
  const bool few = ordered_.size() <= 1'000;
  if (few || now - counted_at_ >= Seconds(1)) {
    counted_at_ = now;
    decided_ = static_cast<std::size_t>(
        std::count_if(ordered_.begin(), ordered_.end(), [](const auto& service) {
          return service->model().active() &&
                 service->model().targets().front().health.health != Health::unknown;
        }));
  }
  return decided_;
}

void Monitor::primary_changed(ServiceId service, Health after) {
  const bool stood = loss_.standing();
  if (after == Health::down) {
    const auto now = parts_.clocks.steady();
    loss_.went_down(service, decided(now), longest_interval_, now);
    if (loss_.standing() && witness_.configured()) ask_witness();
  } else {
    loss_.recovered(service);
  }
  tell_loss(stood);
}

// Says when swaps begin to be held and when that is over; then everybody who was held decides anew.
void Monitor::tell_loss(bool stood) {
  if (loss_.standing()) {
    return parts_.alarms.raise("HS1124", LogLevel::error, *loss_.holds(), parts_.clocks.wall());
  }
  if (!stood) return;
  parts_.alarms.clear("HS1124", "HS1125",
                      "others answer, so the loss of many services is theirs: swaps go on");
  const auto services = ordered_;
  for (const auto& service : services) service->reconsider();
}

Surroundings Monitor::around(ServiceId service) const {
  return {link_proved(service), loss_.holds()};
}

// A target of another service answered within its interval, or the witness did.
bool Monitor::link_proved(ServiceId but) const {
  const auto now = parts_.clocks.steady();
  if (witness_.spec() && witness_.answered_since(now - 2 * witness_.spec()->interval)) return true;
  return std::any_of(answered_.begin(), answered_.end(), [&](const Answered& a) {
    const auto it = by_id_.find(a.service);
    return it != by_id_.end() && a.service != but &&
           now - a.at <= it->second->model().spec().monitor->interval;
  });
}

Fallible<std::string> Monitor::command(const std::string& fqdn, const Command& command) {
  auto* const service = named(fqdn);
  if (service == nullptr) {
    return Error{errc::not_found,
                 "no service " + clean(fqdn) + " is configured; `hotswapctl status` lists them"};
  }
  if (stopping_) return Error{errc::unavailable, "the daemon is stopping"};
  return service->command(command);
}

void Monitor::try_disk() {
  if (!ordered_.empty()) ordered_.front()->save();
}

const FailoverService* Monitor::find(const std::string& fqdn) const {
  return named(fqdn);
}

FailoverService* Monitor::named(std::string_view fqdn) const {
  const RecordKey first{"", name_key(fqdn)};
  const auto it = by_name_.lower_bound(first);
  return it != by_name_.end() && ByName::key(*it).fqdn == first.fqdn ? *it : nullptr;
}

std::vector<const FailoverService*> Monitor::services() const {
  std::vector<const FailoverService*> list;
  list.reserve(ordered_.size());
  for (const auto& service : ordered_) list.push_back(service.get());
  return list;
}

bool Monitor::ready() const {
  return std::all_of(ordered_.begin(), ordered_.end(), [](const auto& service) {
    return service->full_round_done() || !service->model().active();
  });
}

awaitable<void> Monitor::begin_all(std::vector<std::shared_ptr<FailoverService>> services) {
  const auto executor = parts_.executor;
  for (std::size_t i = 0; i < services.size(); ++i) {
    if (i % starts_at_a_time == 0) co_await asio::post(executor, asio::use_awaitable);
    if (co_await being_stopped()) co_return;
    services[i]->begin();
  }
}

// Ends forced times and timed activations, to the second.
awaitable<void> Monitor::tick() {
  const auto executor = parts_.executor;
  while (!co_await being_stopped()) {
    co_await sleep_for(executor, Seconds(1));
    advance_clocks();
    if (const auto rest = blindness_.rest(parts_.clocks.steady()))
      parts_.log.log(LogLevel::warning, "HS1121", "probing is blind for " + *rest);
    look_after_the_ended();
  }
}

void Monitor::advance_clocks() {
  const auto timed = timed_;
  for (const auto id : timed) {
    const auto it = by_id_.find(id);
    const auto service = it == by_id_.end() ? nullptr : it->second;
    if (service) service->clock_advanced();
    if (!service || !service->timed()) timed_.erase(id);
  }
}

void Monitor::look_after_the_ended() {
  for (const auto& service : ending_) service->settle_journal();
  std::erase_if(ending_, [](const auto& service) { return !service->busy(); });
  const auto now = parts_.clocks.steady();
  std::erase_if(budgets_, [now](const auto& left) { return left.second.used(now) == 0; });
}

awaitable<bool> Monitor::stop(TimePoint deadline) {
  stopping_ = true;
  gate_.close();
  const auto in_swap = [this] {
    const auto swapping = [](const auto& s) { return s->swaps_now(); };
    return std::any_of(ordered_.begin(), ordered_.end(), swapping) ||
           std::any_of(ending_.begin(), ending_.end(), swapping);
  };
  while (in_swap() && parts_.clocks.steady() < deadline) {
    co_await sleep_for(parts_.executor, Millis(10));
  }
  // Asked again and again: a cancellation can meet a task between two waits and be seen by neither.
  const auto give_up = parts_.clocks.steady() + stopping_may_take;
  do {
    tasks_.request_stop();
    co_await sleep_for(parts_.executor, Millis(10));
  } while (tasks_.size() > 0 && parts_.clocks.steady() < give_up);
  co_return tasks_.size() == 0;
}

}  // namespace hotswapd
