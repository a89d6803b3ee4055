#include "monitor/failover_service.hpp"

#include <boost/asio/post.hpp>
#include <iterator>
#include <optional>
#include <utility>

#include "core/timestamp.hpp"
#include "monitor/note_log.hpp"

namespace hotswapd {
namespace {

// How often the record is looked at while nothing happens: drift shows within this time and an
// interval.
constexpr Millis drift_check_every{60'000};
constexpr int inconclusive_rounds_to_alarm = 3;
constexpr std::size_t most_steps = 60;
constexpr std::ptrdiff_t kept_first_steps = 20;

}  // namespace

FailoverService::FailoverService(ServiceId id, Shared<ServiceSpec> spec, Provider& provider,
                                 ServiceContext& context)
    : id_(id),
      provider_(&provider),
      context_(context),
      model_(std::move(spec), context.clocks.wall()),
      decided_at_(context.clocks.wall()) {}

const Decision& FailoverService::last_decision() const noexcept {
  static const Decision starting = [] {
    Decision d;
    d.rule = "starting";
    d.text = "the daemon has just started";
    d.waiting_for = "the live record and a first round";
    return d;
  }();
  return decision_ ? *decision_ : starting;
}

void FailoverService::restore(const StateRow& row) {
  const auto restored =
      model_.restore(row.generation, row.active, row.status, row.detail, context_.clocks.now());
  if (!restored) {
    context_.log.log(LogLevel::error, "HS1004",
                     restored.error().text + ": starting this service afresh");
    model_.require_fresh_rounds(2);
  }
  if (timed()) context_.timed(id_);
}

void FailoverService::restore_intent(const IntentRow& intent) {
  open_intent_ = std::make_unique<IntentRow>(intent);
}

RoundSpec FailoverService::round_spec() const {
  const auto& spec = model_.spec();
  RoundSpec r;
  r.service = id_;
  r.epoch = epoch_;
  r.grid_key = spec.key.zone + "/" + spec.key.fqdn;
  r.interval = spec.monitor->interval;
  r.recheck = spec.recheck;
  r.targets.emplace_back(TargetSpec{probed_address(spec, 0), spec.monitor, spec.key.fqdn});
  for (const auto& backup : spec.backups) {
    if (backup.monitor) {
      r.targets.emplace_back(TargetSpec{backup.data, *backup.monitor, spec.key.fqdn});
    } else {
      r.targets.emplace_back(std::nullopt);
    }
  }
  return r;
}

void FailoverService::begin() {
  start(nullptr, false);
}

void FailoverService::begin_after(std::shared_ptr<FailoverService> predecessor) {
  start(std::move(predecessor), true);
}

void FailoverService::start(std::shared_ptr<FailoverService> predecessor, bool added) {
  ++epoch_;
  running_ = true;
  context_.tasks.spawn("start " + model_.spec().key.fqdn, run_start(std::move(predecessor), added));
  if (model_.active() && !ended_) context_.rounds.upsert(round_spec(), FirstRound::at_once);
}

void FailoverService::end() {
  stop_waiting();
  context_.troubles.forget(model_.spec().provider, model_.spec().key);
  ended_ = true;
  if (running_) context_.gate.hurry(*provider_, rank_, ticket_);
  ++epoch_;
  ++proof_epoch_;
  context_.rounds.remove(id_);
}

// What a swap under way was decided on stays as it is until it has come to its end, or is withdrawn
// for the edit.
void FailoverService::reconfigure(Shared<ServiceSpec> spec, Provider& provider) {
  edit_.reset();
  slow_until_ = TimePoint();                  // a reload may have put right what was refused
  if (configured_as(spec, provider)) return;  // an edit that was waiting is taken back
  if (running_) {
    edit_ = std::make_unique<Edit>(Edit{std::move(spec), &provider});
    ++words_;
    if (leaving()) context_.gate.hurry(*provider_, rank_, ticket_);
  } else {
    configure_now(std::move(spec), provider);
  }
}

bool FailoverService::configured_as(const Shared<ServiceSpec>& spec,
                                    const Provider& provider) const {
  if (edit_) return edit_->spec == spec && edit_->provider == &provider;
  return model_.shared_spec() == spec && provider_ == &provider;
}

void FailoverService::configure_now(Shared<ServiceSpec> spec, Provider& provider) {
  const auto before = round_spec();
  const bool moved_house = provider_ != &provider;
  stop_waiting();
  context_.troubles.forget(model_.spec().provider, model_.spec().key);
  slow_until_ = TimePoint();  // what was refused may be put right by now
  provider_ = &provider;
  if (moved_house) reading_ = false;  // a look under way is one at the provider before
  ++proof_epoch_;
  perform(model_.reconfigure(std::move(spec), context_.clocks.wall()));
  if (moved_house) model_.record_unknown();
  auto now = round_spec();
  if (now.targets != before.targets || now.interval != before.interval ||
      now.recheck != before.recheck) {
    now.epoch = ++epoch_;
    if (model_.active()) {
      const auto first = now.targets == before.targets ? FirstRound::on_grid : FirstRound::at_once;
      context_.rounds.upsert(std::move(now), first);
    }
  }
  // The record is looked at again, and proved again if it is not: the edit may have changed either.
  running_ = true;
  context_.tasks.spawn("start " + model_.spec().key.fqdn, run_start(nullptr, false));
}

// A coroutine of ours has ended: an edit that came meanwhile takes effect now.
void FailoverService::at_rest() {
  running_ = false;
  decision_.reset();
  leave_gate();
  ticket_ = 0;
  if (ended_ || context_.tasks.stopping() || !edit_) return;
  const auto edit = std::move(edit_);
  configure_now(std::move(edit->spec), *edit->provider);
}

// What is under way at the provider is not waited for: an operator changes it just when it does not
// answer.
bool FailoverService::leaving() const {
  return ended_ || (edit_ && edit_->provider != provider_);
}

bool FailoverService::wanted_still(const Decision& decision) const {
  return !ended_ && !edit_ &&
         model_.still_wanted(decision, context_.clocks.now(), context_.around(id_));
}

Wish FailoverService::wish_now(const SwapMachine& machine, const Decision& decision,
                               bool resumed) const {
  auto wish = Wish::no;
  if (!resumed) {
    wish = wanted_still(decision) ? Wish::yes : Wish::no;
  } else if (!ended_ && !edit_) {
    wish = model_.resumed_wish(machine.plan(), context_.clocks.now(), context_.around(id_));
  }
  // While we stop nobody probes: what was seen grows too old without having changed.
  if (wish == Wish::no && context_.gate.closed() && !ended_) return Wish::undecided;
  return wish;
}

void FailoverService::on_round(RoundResult round) {
  if (ended_ || round.epoch != epoch_ || !model_.active()) return;
  const auto now = context_.clocks.now();
  const auto wall = now.wall;
  ++rounds_;
  skipped_ += static_cast<std::uint32_t>(round.skipped);
  last_round_at_ = wall;
  last_round_number_ = static_cast<std::uint32_t>(round.number);
  full_round_done_ = true;
  const bool peace = model_.at_peace() && steady_;
  const auto before = model_.targets().front().health.health;
  auto changes = model_.round_finished(std::move(round), wall);
  const auto after = model_.targets().front().health.health;
  if (before != after) context_.primary_changed(id_, after);
  tell_inconclusive();
  if (peace && model_.at_peace()) {
    decided_at_ = wall;
    perform(std::move(changes));
  } else {
    decide_on_round(now, std::move(changes));
  }
  const bool pending = model_.change_pending();
  if (pending != pending_) {
    pending_ = pending;
    context_.rounds.set_pending(id_, pending);
  }
  const bool due = !last_read_ || now.steady - *last_read_ >= drift_check_every;
  if (due && !running_ && !reading_ && !refused_lately()) {
    reading_ = true;
    const auto ticket = context_.gate.ticket();
    context_.tasks.spawn("read " + model_.spec().key.fqdn, run_read(CallRank::looks, ticket));
  }
}

void FailoverService::decide_on_round(const Moment& now, Changes changes) {
  auto decision = model_.decision(now, context_.around(id_));
  // A swap that begins now tells the status itself, when it has been read back.
  if (decision.action != Action::write || !decision.moves) {
    const bool swapping = model_.swap_under_way() && story_;
    changes.merge(
        model_.settle(swapping ? story_->reason : decision.status_text(), now.wall, true));
  }
  steady_ = decision.rule == "steady";
  if (running_) decision_ = std::make_unique<Decision>(decision);
  perform(std::move(changes));
  const bool moves = decision.action == Action::write && decision.moves;
  const auto why = decision.text;
  act_on(std::move(decision), now);
  if (moves && waits_at_gate_)
    perform(model_.settle(why + "; it waits for " + waits_for_turn(), now.wall, true));
}

void FailoverService::tell_inconclusive() {
  const auto& primary = model_.targets().front();
  if (primary.last == Verdict::inconclusive) ++inconclusive_;
  for (std::size_t i = 0; i < model_.targets().size(); ++i) {
    const auto& t = model_.targets()[i];
    if (t.inconclusive_in_row != inconclusive_rounds_to_alarm || !t.round) continue;
    const auto* telling = t.round->telling();
    context_.blind("service=" + model_.spec().key.fqdn + " target=\"" + model_.target_label(i) +
                   "\" rounds=" + std::to_string(t.inconclusive_in_row) + " why=\"" +
                   (telling != nullptr ? telling->reason : "") + "\"");
  }
}

void FailoverService::reconsider() {
  if (model_.active() && model_.targets().front().last == Verdict::fail) evaluate();
}

void FailoverService::evaluate() {
  if (ended_ || running_) return;
  const auto now = context_.clocks.now();
  act_on(model_.decision(now, context_.around(id_)), now);
}

void FailoverService::act_on(Decision d, const Moment& now) {
  if (ended_ || running_) return;
  const auto wall = now.wall;
  if (d.action == Action::write) {
    if (const auto why = context_.writes_blocked()) {
      Decision held = d;
      held.action = Action::hold;
      held.rule = "journal";
      held.text = d.text + ", but " + *why;
      held.waiting_for = "the state directory to take writes again";
      d = std::move(held);
      perform(model_.settle(d.text, wall, false));
    }
  }
  if (d.action == Action::write && refused_lately()) {
    d.action = Action::hold;
    d.rule = "provider-refused";
    d.text += ", but the provider refused us less than a minute ago";
    d.waiting_for = "the next try, at most one a minute; somebody has to put the refusal right";
    perform(model_.settle(d.text, wall, false));
  }
  if (d.limited) {
    perform(model_.limit_reached(d.text, wall));
  } else if (check_budget(model_.budget(), model_.spec().max_swaps_per_hour, now).allows) {
    model_.limit_passed();
  }
  steady_ = d.rule == "steady";
  decided_at_ = wall;
  if (d.action != Action::write) return stop_waiting();
  if (!may_begin(d)) return;
  decision_ = std::make_unique<Decision>(d);
  running_ = true;
  ++writes_;
  model_.swap_begun();
  context_.tasks.spawn("swap " + model_.spec().key.fqdn, run_swap(std::move(d)));
}

// An operator's word begins at once; the rest where the provider has room for it.
bool FailoverService::may_begin(const Decision& decision) {
  const auto rank = decision.moves || decision.overrides_drift ? CallRank::moves : CallRank::writes;
  if (waits_at_gate_ && (rank != rank_ || decision.rule == "operator")) stop_waiting();
  if (waits_at_gate_) return false;
  rank_ = rank;
  if (ticket_ == 0) ticket_ = context_.gate.ticket();
  if (decision.rule == "operator") return true;
  const bool entered = context_.gate.enter(*provider_, shared_from_this(), rank_, ticket_);
  waits_at_gate_ = !entered;
  if (entered) in_gate_ = provider_;
  return !waits_at_gate_;
}

void FailoverService::take_turn() {
  waits_at_gate_ = false;
  evaluate();
  if (!running_ && !waits_at_gate_) ticket_ = 0;
}

// What was wanted is not any more, or not from this provider: its place in the row is lost.
void FailoverService::stop_waiting() {
  if (running_) return;
  if (waits_at_gate_) context_.gate.forget(*provider_, rank_, ticket_);
  waits_at_gate_ = false;
  ticket_ = 0;
}

void FailoverService::leave_gate() {
  if (const auto* at = std::exchange(in_gate_, nullptr)) context_.gate.leave(*at, rank_);
}

bool FailoverService::refused_lately() const {
  return context_.clocks.steady() < slow_until_;
}

std::string FailoverService::left_alone() const {
  const auto until = context_.gate.left_alone_until(*provider_);
  if (!until) return "";
  return "the provider " + model_.spec().provider + ", which asks to be left alone until " +
         to_rfc3339(context_.clocks.now().wall_at(*until));
}

std::string FailoverService::waits_for_turn() const {
  if (!waits_at_gate_) return "";
  if (auto alone = left_alone(); !alone.empty()) return alone;
  const auto ahead = context_.gate.ahead(*provider_, rank_, ticket_);
  return "its turn at the provider " + model_.spec().provider +
         ", which takes so many calls a second (" + std::to_string(ahead) + " before it)";
}

Fallible<std::string> FailoverService::command(const Command& command) {
  Changes changes;
  const bool was_active = model_.active();
  auto said = model_.command(command, context_.clocks.now(), changes);
  if (timed()) context_.timed(id_);
  perform(std::move(changes));
  if (!said) return said;
  ++words_;
  follow_activity(was_active);
  evaluate();
  return said;
}

void FailoverService::clock_advanced() {
  const auto next = model_.next_clock();
  if (!next || *next > context_.clocks.steady()) return;
  const bool was_active = model_.active();
  perform(model_.clock_advanced(context_.clocks.now()));
  follow_activity(was_active);
  evaluate();
  steady_ = false;  // the next round says how things stand now
}

// Starts or stops the rounds when the service was activated or deactivated.
void FailoverService::follow_activity(bool was_active) {
  if (was_active == model_.active()) return;
  ++epoch_;
  pending_ = false;
  if (model_.active()) {
    context_.rounds.upsert(round_spec(), FirstRound::at_once);
  } else {
    context_.rounds.remove(id_);
  }
}

StateRow FailoverService::state_row() const {
  StateRow row;
  row.service = model_.spec().key;
  row.generation = model_.generation();
  row.active = model_.active_name();
  row.status = to_string(model_.status());
  row.detail = model_.detail(context_.clocks.now());
  row.updated = context_.clocks.wall();
  return row;
}

void FailoverService::settle_journal() {
  if (!unclosed_.empty()) perform(Changes{});
}

void FailoverService::save() {
  dirty_ = true;
  perform(Changes{});
}

void FailoverService::perform(Changes changes) {
  perform(std::move(changes), Batch{});
}

void FailoverService::announce(const Changes& changes) {
  for (const auto& note : changes.notes) {
    log_note(context_.log, model_.spec().key, note);
    if (context_.watch) context_.watch({note.at, note.kind, model_.spec().key.fqdn, note.text});
  }
}

// Queues what the changes make durable; what is to be told waits for the disk, or goes out without
// it.
void FailoverService::perform(Changes changes, Batch batch) {
  if (ended_) {
    // Only the journal still wants to hear how it ended; state and telling are somebody else's now.
    changes = Changes{};
    dirty_ = false;
  }
  if (changes.empty() && batch.empty() && !dirty_ && unclosed_.empty()) return;
  announce(changes);
  const auto& key = model_.spec().key;
  if (changes.state || dirty_) batch.states.push_back(state_row());
  dirty_ = false;
  // What ended earlier first: a row of it that is in the batch again is newer.
  batch.intents.insert(batch.intents.begin(), std::make_move_iterator(unclosed_.begin()),
                       std::make_move_iterator(unclosed_.end()));
  unclosed_.clear();
  for (const auto& note : changes.notes) {
    batch.transitions.push_back({0, key, note.at, note.kind, note_detail(note)});
  }
  auto told = context_.teller.prepare(model_.spec(), changes.events, batch);
  if (batch.empty()) return;
  if (!batch.intents.empty()) ++closing_;
  auto done = [self = shared_from_this(), told = std::move(told),
               intents = batch.intents](Fallible<void> result) {
    const bool durable = result.has_value();
    asio::post(self->context_.executor, [self, told, intents, durable] {
      if (!intents.empty()) --self->closing_;
      if (durable) {
        self->context_.teller.durable(told);
        return;
      }
      // The disk will hear of it with the next change; people hear of it now (rule S12).
      self->dirty_ = true;
      self->unclosed_.insert(self->unclosed_.end(), intents.begin(), intents.end());
      self->context_.teller.not_durable(told);
    });
  };
  context_.store.commit(std::move(batch), std::move(done));
}

void FailoverService::step(std::string name, std::string text) {
  if (!story_) return;
  auto& steps = story_->steps;
  // A swap may be tried for days: how it began and how it goes on is what tells of it.
  if (steps.size() == most_steps) steps.erase(steps.begin() + kept_first_steps);
  steps.push_back({context_.clocks.wall(), std::move(name), std::move(text)});
}

}  // namespace hotswapd
