#include "monitor/service_model.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/text.hpp"
#include "core/timestamp.hpp"

namespace hotswapd {

const char* to_string(ServiceStatus status) noexcept {
  switch (status) {
    case ServiceStatus::ok:
      return "ok";
    case ServiceStatus::trouble:
      return "trouble";
    case ServiceStatus::failover:
      return "failover";
    case ServiceStatus::unk:
      break;
  }
  return "unk";
}

std::optional<ServiceStatus> service_status(std::string_view word) {
  for (const auto s :
       {ServiceStatus::unk, ServiceStatus::ok, ServiceStatus::trouble, ServiceStatus::failover}) {
    if (word == to_string(s)) return s;
  }
  return std::nullopt;
}

const char* to_string(Proof proof) noexcept {
  switch (proof) {
    case Proof::applied:
      return "applied";
    case Proof::read_back:
      return "read back";
    case Proof::proved:
      return "proved";
    case Proof::not_proved:
      return "applied, not proved";
    case Proof::none:
      break;
  }
  return "";
}

void Changes::merge(Changes other) {
  state = state || other.state;
  std::move(other.notes.begin(), other.notes.end(), std::back_inserter(notes));
  std::move(other.events.begin(), other.events.end(), std::back_inserter(events));
}

ServiceModel::ServiceModel(Shared<ServiceSpec> spec, WallTime now)
    : spec_(std::move(spec)), targets_(1 + spec_->backups.size()), status_since_(now) {}

HealthPolicy ServiceModel::policy(std::size_t target) const {
  // `recovery_delay` is about coming back: a primary that is served anyway is up with its first
  // good round.
  const int rise = target == 0 && serving_ != 0 ? std::max(1, spec_->recovery_delay) : 1;
  return {rise, spec_->fall};
}

RecordSet ServiceModel::wanted(std::size_t target) const {
  return record_for(target == 0 ? spec_->address : spec_->backups[target - 1].data, spec_->ttl);
}

std::string ServiceModel::target_label(std::size_t target) const {
  if (target == 0) return "primary " + spec_->address;
  return "backup " + std::to_string(target) + " " + spec_->backups[target - 1].data;
}

std::string ServiceModel::foreign() const {
  if (record_ != RecordState::foreign) return "";
  if (!no_set_->empty()) return *no_set_;
  return live_ && live_->set ? to_string(*live_->set) : "no record";
}

// The silence of most services is one.
void ServiceModel::say(OperatorsWord word) {
  word_ = word == OperatorsWord() ? Shared<OperatorsWord>() : Shared(std::move(word));
}

// What was asked for once is done.
void ServiceModel::request_fulfilled() {
  OperatorsWord word = *word_;
  word.requested.reset();
  say(std::move(word));
}

std::vector<std::string> ServiceModel::serving_values() const {
  if (record_ == RecordState::foreign && live_ && live_->set) return live_->set->values;
  return served_ ? served_->values : std::vector<std::string>{};
}

std::optional<std::size_t> ServiceModel::target_with(const RecordSet& set) const {
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    if (wanted(i).same_values(set)) return i;
  }
  return std::nullopt;
}

MonitorEvent ServiceModel::event(EventKind kind, std::string state, WallTime now) const {
  MonitorEvent e;
  e.id = spec_->key.fqdn + ":" + std::to_string(now.time_since_epoch().count()) + ":" +
         std::to_string(++events_made_);
  e.kind = kind;
  e.service = spec_->key;
  e.at = now;
  e.state = std::move(state);
  e.serving = serving_values();
  e.serial = serial_;
  e.proof = to_string(proof_);
  return e;
}

void ServiceModel::address_event(Changes& changes, std::size_t target, WallTime now,
                                 bool change) const {
  const auto& t = targets_[target];
  const char* state = "unk";
  if (change) {
    state = to_string(t.health.health);
  } else if (t.last != Verdict::inconclusive) {
    state = t.last == Verdict::pass ? "up" : "down";
  }
  auto e = event(EventKind::probe, state, now);
  e.change = change;
  if (t.round) {
    e.address = probed_address(*spec_, target);
    if (const auto* telling = t.round->telling()) e.message = telling->reason;
    for (const auto& attempt : t.round->attempts) {
      if (attempt.verdict == Verdict::pass || attempt.times.first_byte) {
        e.response_times.push_back(attempt.times.total);
      }
    }
  }
  if (change) {
    changes.notes.push_back(
        {"address",
         target_label(target) + " is " + state + (e.message.empty() ? "" : ": " + e.message), now});
  }
  changes.events.push_back(std::move(e));
}

const MonitorSpec* ServiceModel::monitor_of(std::size_t target) const {
  const ServiceSpec& spec = this->spec();
  if (target == 0) return &*spec.monitor;
  const auto& backup = spec.backups[target - 1];
  return backup.monitor ? &**backup.monitor : nullptr;
}

// Told besides health: none of it moves traffic.
void ServiceModel::quality_news(Changes& changes, std::size_t target, WallTime now) {
  auto& t = targets_[target];
  const auto* const monitor = monitor_of(target);
  if (monitor == nullptr || !t.round) return;
  const auto news = observe_quality(t.quality, *t.round, *monitor, now);
  const auto slowness = [&](const char* kind, const std::string& text) {
    changes.notes.push_back({kind, text, now});
    auto e = event(EventKind::status, to_string(status_), now);
    e.message = text;
    e.aside = true;
    changes.events.push_back(std::move(e));
  };
  const auto took = std::to_string(std::chrono::ceil<Millis>(news.latency).count()) + " ms";
  if (news.slow_begins) {
    slowness("degraded", target_label(target) + " is degraded: it answered after " + took +
                             ", more than " + std::to_string(monitor->degraded_above->count()) +
                             " ms");
  }
  if (news.slow_ends) {
    slowness("degraded_ended",
             target_label(target) + " is degraded no more: it answered after " + took);
  }
  if (news.expiry) {
    const bool past = *t.quality.certificate_ends <= now;
    changes.notes.push_back({"certificate",
                             "the certificate of " + target_label(target) +
                                 (past ? " ended on " : " ends on ") +
                                 to_rfc3339(*t.quality.certificate_ends),
                             now});
  }
}

Changes ServiceModel::round_finished(RoundResult round, WallTime now) {
  Changes changes;
  if (!active_) return changes;
  const int enough = std::max(1, spec_->recovery_delay);
  for (std::size_t i = 0; i < targets_.size() && i < round.targets.size(); ++i) {
    if (!round.targets[i]) continue;
    auto& t = targets_[i];
    const Verdict verdict = round.targets[i]->verdict;
    const auto before = std::pair(t.health, t.passes_in_row);
    const auto [next, change] = observe(t.health, verdict, policy(i));
    t.health = next;
    t.last = verdict;
    t.round = std::move(round.targets[i]);
    if (verdict == Verdict::pass) t.passes_in_row = std::min(t.passes_in_row + 1, enough);
    if (verdict == Verdict::fail) t.passes_in_row = 0;
    if (verdict != Verdict::inconclusive) {
      t.inconclusive_in_row = 0;
    } else if (t.inconclusive_in_row != std::numeric_limits<std::uint16_t>::max()) {
      ++t.inconclusive_in_row;
    }
    if (change == Change::changed) {
      address_event(changes, i, now, true);
    } else if (spec_->telling->syslog.delivery == SyslogDelivery::all) {
      address_event(changes, i, now, false);
    }
    quality_news(changes, i, now);
    changes.state = changes.state || before != std::pair(t.health, t.passes_in_row);
  }
  if (targets_[0].last != Verdict::inconclusive) {
    if (fresh_rounds_missing_ > 0) --fresh_rounds_missing_;
    seen_since_activation_ = true;
    evidence_at_ = round.finished;
  }
  return changes;
}

ServiceStatus ServiceModel::compute_status() const {
  if (!active_) return ServiceStatus::unk;
  if (record_ == RecordState::unread && !served_) return ServiceStatus::unk;
  if (record_ == RecordState::foreign) return ServiceStatus::trouble;
  if (serving_ != 0) return ServiceStatus::failover;
  const auto& p = targets_[0].health;
  if (!seen_since_activation_ || p.health == Health::unknown) return ServiceStatus::unk;
  if (p.health == Health::down || p.streak > 0) return ServiceStatus::trouble;
  return ServiceStatus::ok;
}

Changes ServiceModel::settle(const std::string& why, WallTime now, bool round_ended) {
  Changes changes;
  reason_ = why;
  const auto next = compute_status();
  const bool changed = next != status_;
  if (changed) {
    changes.state = true;
    changes.notes.push_back({"status",
                             std::string(to_string(status_)) + " -> " + to_string(next) +
                                 (why.empty() ? "" : ": " + why),
                             now});
    status_ = next;
    status_since_ = now;
  }
  if (changed || (round_ended && spec_->telling->syslog.delivery == SyslogDelivery::all)) {
    auto e = event(EventKind::status, to_string(status_), now);
    e.message = why;
    e.change = changed;
    changes.events.push_back(std::move(e));
    if (changed) told_why_ = stable_hash(why);
  }
  return changes;
}

FailoverView ServiceModel::view(const Moment& now, const Surroundings& around) const {
  FailoverView v;
  v.active = active_;
  v.inactive_for_a_time = !active_ && word_->active_until.has_value();
  v.observe = spec_->mode == ServiceMode::observe;
  v.swap_under_way = swap_under_way_;
  v.fresh_rounds_missing = fresh_rounds_missing_;
  v.record = record_;
  v.foreign = foreign();
  v.foreign_is_no_set = !no_set_->empty();
  v.serving = serving_;
  v.value_differs = served_ && !wanted(serving_).same_values(*served_);
  v.needs_touch = touch_wanted_;
  v.targets.reserve(targets_.size());
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    const auto& t = targets_[i];
    const bool probed = i == 0 || spec_->backups[i - 1].monitor.has_value();
    const auto* telling = t.last != Verdict::pass && t.round ? t.round->telling() : nullptr;
    v.targets.push_back({target_label(i), probed, t.health.health, t.last, t.passes_in_row,
                         telling != nullptr ? telling->reason : std::string()});
  }
  if (word_->forced) v.forced = word_->forced->to;
  v.requested = word_->requested;
  v.operator_said = word_->said;
  v.auto_recover = spec_->auto_recover;
  v.recovery_delay = spec_->recovery_delay;
  v.on_all_down = spec_->on_all_down;
  v.on_drift = spec_->on_drift;
  v.link_proved = around.link_proved;
  v.guards = guards(now, around);
  v.evidence_expired =
      !evidence_at_ || evidence_expired(*evidence_at_, now.steady, spec_->monitor->interval,
                                        spec_->monitor->timeout);
  return v;
}

std::vector<GuardCheck> ServiceModel::guards(const Moment& now, const Surroundings& around) const {
  std::optional<Millis> since;
  if (last_swap_) since = std::chrono::duration_cast<Millis>(now.steady - *last_swap_);
  return {check_maintenance(spec_->maintenance, now.wall),
          check_budget(budget_, spec_->max_swaps_per_hour, now), check_hold_down(since, spec_->ttl),
          check_correlated_loss(around.correlated_loss)};
}

Decision ServiceModel::decision(const Moment& now, const Surroundings& around) const {
  return decide(view(now, around));
}

bool ServiceModel::still_wanted(const Decision& decision, const Moment& now,
                                const Surroundings& around) const {
  auto v = view(now, around);
  v.swap_under_way = false;
  const auto again = decide(v);
  return again.action == Action::write && again.target == decision.target;
}

Wish ServiceModel::resumed_wish(const SwapPlan& plan, const Moment& now,
                                const Surroundings& around) const {
  if (active_ && fresh_rounds_missing_ > 0 && !word_->requested) return Wish::undecided;
  auto v = view(now, around);
  v.swap_under_way = false;
  v.foreign_is_no_set = false;
  const bool ours = plan.expect && ((served_ && served_->same_values(*plan.expect)) ||
                                    target_with(*plan.expect).has_value());
  v.record = !plan.expect ? RecordState::none : ours ? RecordState::ours : RecordState::foreign;
  const auto again = decide(v);
  const bool same = again.action == Action::write && wanted(again.target).same_values(plan.want);
  return same ? Wish::yes : Wish::no;
}

SwapPlan ServiceModel::plan(const Decision& decision, std::string op) const {
  SwapPlan p;
  p.key = spec_->key;
  if (live_) {
    p.expect = live_->set;
    p.expect_generation = live_->generation;
  }
  p.want = wanted(decision.target);
  p.generation = generation_ + 1;
  p.op = std::move(op);
  return p;
}

void ServiceModel::serve(std::size_t target, const LiveRecord& live, std::uint32_t asked_ttl) {
  serving_ = target;
  served_ = live.set;
  live_ = Found{live.set, live.generation};
  generation_ = std::max(generation_, live.generation.value_or(0));
  serial_ = live.serial;
  record_ = RecordState::ours;
  no_set_ = {};
  touch_wanted_ = asked_ttl != spec_->ttl;
}

// What a swap comes to is one event, whichever run of the daemon finishes it: who told it already
// knows it again.
Changes ServiceModel::named_after(const std::string& op, Changes changes) {
  for (auto& e : changes.events) e.id = op + ":" + e.state;
  return changes;
}

// Where traffic goes now is told even when the status has the same word for it: from one backup to
// another, or to an address that was edited.
Changes ServiceModel::arrived(bool moved, const std::string& why, WallTime now) {
  auto changes = settle(why, now, false);
  if (moved && changes.events.empty()) {
    auto e = event(EventKind::status, to_string(status_), now);
    e.message = why;
    changes.events.push_back(std::move(e));
  }
  return changes;
}

Changes ServiceModel::swap_committed(const Decision& decision, const SwapPlan& plan,
                                     const LiveRecord& live, const Moment& now) {
  Changes changes;
  changes.state = true;
  const auto from = plan.expect ? to_string(*plan.expect) : std::string("no record");
  const bool request_done = word_->requested == decision.target;
  // By value: an index means nothing to a specification that came in between.
  const auto target = target_with(plan.want).value_or(decision.target);
  serve(target < targets_.size() ? target : 0, live, plan.want.ttl);
  swap_under_way_ = false;
  proof_ = Proof::read_back;
  auto to = live.set ? to_string(*live.set) : std::string("no record");
  if (live.set && live.set->ttl != plan.want.ttl)
    to += " (the provider did not take our TTL of " + std::to_string(plan.want.ttl) + ")";
  const bool moved = plan.expect && !plan.expect->same_values(plan.want);
  const char* kind = decision.counted ? "swap" : moved ? "move" : "record";
  changes.notes.push_back({kind, from + " -> " + to + ", read back: " + decision.text, now.wall});
  if (moved) {
    last_swap_ = now.steady;
    if (decision.counted) budget_.add(now.steady);
    budget_.forget_older_than_an_hour(now.steady);
  }
  if (request_done) {
    request_fulfilled();
    // The next move needs evidence from after the operator's word.
    fresh_rounds_missing_ = std::max(fresh_rounds_missing_, 1);
    if (decision.target == 0 && targets_[0].last != Verdict::pass) seen_since_activation_ = false;
  }
  changes.merge(named_after(plan.op, arrived(moved, decision.status_text(), now.wall)));
  return changes;
}

Changes ServiceModel::swap_resumed(const SwapPlan& plan, const LiveRecord& live,
                                   const std::string& reason, bool counted, bool written_now,
                                   const Moment& now) {
  Changes changes;
  changes.state = true;
  const auto from = served_ ? to_string(*served_) : std::string("no record");
  const auto target = live.set ? target_with(*live.set) : std::nullopt;
  const bool moved = !served_ || !served_->same_values(plan.want);
  serve(target.value_or(serving_), live, plan.want.ttl);
  generation_ = std::max(generation_, plan.generation);
  swap_under_way_ = false;
  proof_ = Proof::read_back;
  if (target && word_->requested == target) request_fulfilled();
  if (moved) {
    last_swap_ = now.steady;
    if (counted) budget_.add(now.steady);
  }
  const char* kind = !moved ? "record" : counted ? "swap" : "move";
  changes.notes.push_back({kind,
                           from + " -> " + to_string(plan.want) +
                               ", read back: finished after a restart" +
                               (written_now ? ": " : ", it had been written: ") + reason,
                           now.wall});
  changes.merge(named_after(plan.op, arrived(moved, reason, now.wall)));
  return changes;
}

Changes ServiceModel::swap_abandoned(const std::string& why, const std::optional<LiveRecord>& found,
                                     const std::string& no_set, bool provider_keeps_generation,
                                     WallTime wall) {
  Changes changes;
  swap_under_way_ = false;
  changes.notes.push_back({"swap_abandoned", why, wall});
  if (found) {
    changes.merge(record_read(*found, provider_keeps_generation, wall));
  } else if (!no_set.empty()) {
    changes.merge(record_unusable(no_set, wall));
  }
  changes.merge(settle(why, wall, false));
  return changes;
}

Changes ServiceModel::swap_left_behind(const std::string& why, std::uint64_t generation,
                                       WallTime wall) {
  Changes changes;
  swap_under_way_ = false;
  changes.state = true;
  generation_spent(generation);
  changes.notes.push_back({"left_behind", why, wall});
  changes.merge(settle(why, wall, false));
  return changes;
}

void ServiceModel::generation_spent(std::uint64_t generation) {
  generation_ = std::max(generation_, generation);
}

Changes ServiceModel::swap_hindered(const std::string& why, bool alarming, WallTime wall) {
  Changes changes;
  changes.notes.push_back({"swap_hindered", why, wall});
  auto settled = settle(why, wall, false);
  if (alarming && settled.events.empty() && told_why_ != stable_hash(why)) {
    auto e = event(EventKind::status, to_string(status_), wall);
    e.message = why;
    e.aside = true;
    changes.events.push_back(std::move(e));
  }
  changes.merge(std::move(settled));
  return changes;
}

Changes ServiceModel::proof(Proof proof, const std::string& detail, WallTime wall) {
  Changes changes;
  if (proof == proof_) return changes;
  proof_ = proof;
  changes.state = true;
  if (proof == Proof::proved) {
    changes.notes.push_back({"proved", detail, wall});
  } else if (proof == Proof::not_proved) {
    changes.notes.push_back({"not_proved", detail, wall});
    auto e = event(EventKind::status, to_string(status_), wall);
    e.message = "applied, not proved: " + detail;
    e.aside = true;
    changes.events.push_back(std::move(e));
  }
  return changes;
}

void ServiceModel::record_unknown() {
  record_ = RecordState::unread;
  no_set_ = {};
  live_.reset();
  served_.reset();
  serving_ = 0;
  proof_ = Proof::none;
}

Changes ServiceModel::record_read(const LiveRecord& live, bool provider_keeps_generation,
                                  WallTime now) {
  Changes changes;
  if (swap_under_way_) return changes;  // the swap reads for itself
  const auto before = record_;
  const auto served_before = served_;
  const bool another = !no_set_->empty();
  no_set_ = {};
  live_ = Found{live.set, live.generation};
  serial_ = live.serial;
  if (live.generation && *live.generation > generation_) {
    generation_ = *live.generation;  // a state older than DNS: DNS wins
    changes.state = true;
  }
  if (!live.set) {
    record_ = served_ ? RecordState::foreign : RecordState::none;
  } else if (served_ && served_->same_values(*live.set)) {
    record_ = RecordState::ours;
  } else if (!served_ && !live.op.empty() && !target_with(*live.set)) {
    // Our own record of an earlier configuration: an edit, nobody's drift.
    served_ = live.set;
    serving_ = 0;
    record_ = RecordState::ours;
    changes.state = true;
    changes.notes.push_back(
        {"adopted",
         "found " + to_string(*live.set) + ", written for an earlier configuration of this service",
         now});
  } else if (const auto target = target_with(*live.set)) {
    const bool first = !served_;
    serving_ = *target;
    served_ = live.set;
    record_ = RecordState::ours;
    changes.state = true;
    changes.notes.push_back({"adopted",
                             std::string(first ? "found " : "somebody wrote ") +
                                 to_string(*live.set) + ", which is " + target_label(*target) +
                                 ": adopted",
                             now});
  } else {
    record_ = RecordState::foreign;
  }
  if (record_ == RecordState::ours) {
    const auto generation = live.generation.value_or(0);
    // A provider may keep a TTL of its own: what was read back after our write is not written
    // again.
    const bool same_ttl = served_before && served_before->ttl == live.set->ttl;
    const bool ttl_wanted = live.set->ttl != spec_->ttl && (touch_wanted_ || !same_ttl);
    touch_wanted_ =
        ttl_wanted || (provider_keeps_generation && (generation == 0 || generation < generation_));
  }
  if (record_ == RecordState::foreign && (before != RecordState::foreign || another)) {
    const auto text = "the record was changed by someone else to " + foreign();
    changes.notes.push_back({"drift", text, now});
    changes.merge(settle(text, now, false));
  } else if (before == RecordState::foreign && record_ != RecordState::foreign) {
    changes.notes.push_back({"drift_ended", "the record is one of ours again", now});
    changes.merge(settle("the record is one of ours again", now, false));
  }
  return changes;
}

Changes ServiceModel::record_unusable(const std::string& what, WallTime now) {
  Changes changes;
  if (swap_under_way_) return changes;
  const bool news = record_ != RecordState::foreign || *no_set_ != what;
  record_ = RecordState::foreign;
  live_.reset();
  if (!news) return changes;
  no_set_ = Shared(std::string(what));
  const auto text = "the record was changed by someone else: " + foreign();
  changes.notes.push_back({"drift", text, now});
  changes.merge(settle(text, now, false));
  return changes;
}

Changes ServiceModel::limit_reached(const std::string& text, WallTime wall) {
  Changes changes;
  if (limit_told_) return changes;
  limit_told_ = true;
  changes.state = true;
  changes.notes.push_back({"swap_limit", text, wall});
  if (told_why_ == stable_hash(text)) return changes;  // the status was told with these very words
  auto e = event(EventKind::status, to_string(status_), wall);
  e.message = text;
  e.aside = true;
  changes.events.push_back(std::move(e));
  return changes;
}

void ServiceModel::limit_passed() {
  limit_told_ = false;
}

void ServiceModel::require_fresh_rounds(int rounds) {
  fresh_rounds_missing_ = std::max(fresh_rounds_missing_, rounds);
}

void ServiceModel::remember_swap(WallTime at, const Moment& now) {
  budget_.remember(at, now);
}

bool ServiceModel::at_peace() const {
  const auto& primary = targets_[0];
  return active_ && serving_ == 0 && record_ == RecordState::ours && status_ == ServiceStatus::ok &&
         primary.last == Verdict::pass && primary.health == HealthState{Health::up, 0} &&
         fresh_rounds_missing_ == 0 && !touch_wanted_ && !word_->forced && !word_->requested &&
         !swap_under_way_ && spec_->telling->syslog.delivery == SyslogDelivery::change &&
         spec_->mode == ServiceMode::act;
}

bool ServiceModel::change_pending() const {
  if (!active_) return false;
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    if (targets_[i].health.streak > 0) return true;
  }
  const auto& p = targets_[0];
  return serving_ != 0 && p.last == Verdict::pass && spec_->auto_recover &&
         p.passes_in_row < std::max(1, spec_->recovery_delay);
}

}  // namespace hotswapd
