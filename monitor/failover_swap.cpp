// One swap: performed step by step as SwapMachine says, each of them journalled before it can be
// seen outside.
#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/json.hpp>
#include <memory>
#include <random>
#include <utility>

#include "core/timestamp.hpp"
#include "monitor/failover_service.hpp"
#include "monitor/swap_journal.hpp"
#include "monitor/swap_pauses.hpp"
#include "monitor/views.hpp"
#include "net/sleep.hpp"

namespace hotswapd {
namespace {

std::string new_op() {
  static constexpr char digits[] = "0123456789abcdef";
  // Made once: that takes longer than to use it, and ten thousand services may swap together.
  static thread_local std::random_device source;
  std::string op;
  for (int i = 0; i < 4; ++i) {
    auto bits = source();
    for (int j = 0; j < 4; ++j, bits >>= 4) op += digits[bits & 0xf];
  }
  return op;
}

}  // namespace

ProviderTraits traits(const ProviderCapabilities& can) {
  return {can.keeps_generation, can.late_effects, can.compare_and_set, can.write_life};
}

awaitable<Fallible<void>> FailoverService::commit(Batch batch) {
  auto initiate = [](auto handler, StateStore* store, asio::any_io_executor executor, Batch moved) {
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    store->commit(std::move(moved), [shared, executor](Fallible<void> done) {
      asio::post(executor, [shared, done = std::move(done)]() mutable {
        std::move (*shared)(std::move(done));
      });
    });
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Fallible<void>)>(
      initiate, asio::use_awaitable, &context_.store, context_.executor, std::move(batch));
}

IntentRow FailoverService::intent_row(const SwapMachine& machine, const std::string& phase,
                                      bool closed) const {
  IntentRow row;
  row.op = machine.plan().op;
  row.service = machine.plan().key;
  row.generation = machine.plan().generation;
  row.phase = phase;
  row.from_rr = journalled_expectation(machine.plan());
  row.to_rr = journalled_target(machine.plan(), model_.spec().provider);
  row.reason = story_ ? story_->reason : "";
  row.evidence = story_text();
  row.fence = machine.fence();
  row.opened = story_ ? story_->opened : context_.clocks.wall();
  if (closed) row.closed = context_.clocks.wall();
  return row;
}

std::string FailoverService::story_text() const {
  return story_ ? boost::json::serialize(story_view(*story_)) : "{}";
}

awaitable<bool> FailoverService::journal(SwapMachine& machine, std::string phase,
                                         std::string state) {
  Batch batch;
  // The end of an earlier swap may still be owed to the disk, which allows one open intent.
  const auto owed = std::exchange(unclosed_, {});
  batch.intents = owed;
  batch.intents.push_back(intent_row(machine, phase, false));
  auto done = co_await commit(std::move(batch));
  if (!done) {
    unclosed_.insert(unclosed_.begin(), owed.begin(), owed.end());
    if (done.error().code == errc::conflict) {
      context_.log.log(LogLevel::error, "HS1212",
                       "the journal holds another swap of this service open service=" +
                           model_.spec().key.fqdn + " " + done.error().text);
    }
    step("journal", "could not be written: " + done.error().text);
    co_return false;
  }
  if (story_) story_->state = state;
  step(std::move(state), "journalled");
  co_return true;
}

// A swap that came through, or one that was given up because its reason had gone: what is wanted
// now is not what it was decided on. After a fault the next round decides.
bool FailoverService::decide_anew(const SwapMachine& machine) const {
  return machine.phase() == SwapPhase::read_back ||
         (machine.phase() == SwapPhase::abandoned && machine.reason_gone());
}

awaitable<void> FailoverService::run_swap(Decision decision) {
  auto self = shared_from_this();
  SwapMachine machine(model_.plan(decision, new_op()), decision.overrides_drift,
                      traits(provider_->capabilities()));
  SwapStory story;
  story.op = machine.plan().op;
  story.generation = machine.plan().generation;
  story.from = machine.plan().expect ? to_string(*machine.plan().expect) : "no record";
  story.to = to_string(machine.plan().want);
  story.reason = decision.text;
  story.opened = context_.clocks.wall();
  story.state = "planned";
  story.moves = decision.moves;
  story.counted = decision.counted;
  story.evidence = targets_view(model_, story.opened);
  story_ = std::make_unique<SwapStory>(std::move(story));
  if (decision.moves) {
    context_.log.log(LogLevel::warning, "HS1203",
                     "swap begins service=" + model_.spec().key.fqdn + " op=" + story_->op + " " +
                         story_->from + " -> " + story_->to + ": " + decision.text);
  }
  ++proof_epoch_;
  const auto first = machine.start();
  co_await drive(machine, first, decision, false);
  at_rest();
  if (decide_anew(machine) && !running_ && !context_.tasks.stopping()) evaluate();
}

awaitable<void> FailoverService::drive(SwapMachine& machine, SwapStep next, Decision decision,
                                       bool resumed) {
  Provider& provider = *provider_;  // an edit waits for the end of the swap
  Hindrance told;
  Hurdle hurdle = Hurdle::none;
  // When what has left can take effect no more, where it cannot be fenced off.
  const auto write_life = provider.capabilities().write_life;
  auto life_ends = context_.clocks.steady() + write_life;
  for (;;) {
    switch (next) {
      case SwapStep::journal_prepared: {
        const bool durable = co_await journal(machine, "prepared", "prepared");
        next = machine.journaled(durable);
        break;
      }
      case SwapStep::journal_sent: {
        const bool durable = co_await journal(machine, "sent", "sent");
        next = machine.journaled(durable);
        break;
      }
      case SwapStep::journal_fence: {
        const bool durable = co_await journal(machine, "sent", "fencing");
        next = machine.journaled(durable);
        break;
      }
      case SwapStep::read_before:
      case SwapStep::read_back: {
        const bool may = co_await swap_turn(machine, told);
        if (!may && context_.gate.closed()) co_return;  // the journal says how far it came
        if (!may) {
          if (leaving()) next = machine.left();  // else the edit was taken back: it waits again
          break;
        }
        const auto asked = next;
        if (asked == SwapStep::read_before && !wanted_still(decision)) next = machine.withdrawn();
        if (next != asked) {
          context_.gate.called(provider);
          break;
        }
        auto live = co_await read_now(provider);
        hurdle = live ? hurdle : hurdle_of(live.error());
        step(asked == SwapStep::read_back ? "read back" : "read before",
             live ? (live->set ? to_string(*live->set) : "no record") : live.error().text);
        next = machine.was_read(live);
        break;
      }
      case SwapStep::write: {
        const bool may = co_await swap_turn(machine, told);
        if (!may && context_.gate.closed()) co_return;
        if (!may) {
          if (leaving()) next = machine.left();
          break;
        }
        // The journal and the turn may have taken long: what is written is what is wanted now (S5,
        // S8).
        const auto wish = wish_now(machine, decision, resumed);
        if (wish == Wish::no) next = machine.withdrawn();
        if (wish == Wish::undecided) next = machine.postponed();
        if (next != SwapStep::write) {
          context_.gate.called(provider);
          step("write", "not made: its reason may have gone while it waited for its turn");
          break;
        }
        auto plan = machine.to_write();
        auto answer = co_await apply_now(provider, std::move(plan));
        life_ends = context_.clocks.steady() + write_life;
        hurdle = hurdle_of(answer);
        step(machine.fence() ? "write the fence" : "write",
             std::string(to_string(answer.outcome)) +
                 (answer.detail.empty() ? "" : ": " + answer.detail));
        if (story_ && !machine.fence() && answer.outcome == SwapOutcome::applied)
          story_->state = "applied";  // says the provider; nobody has seen it yet
        next = machine.written(answer);
        break;
      }
      case SwapStep::pause: {
        if (leaving() && machine.may_be_dropped()) {
          next = machine.paused(Wish::no, false);
          break;
        }
        if (leaving() && !machine.waiting_out()) {
          next = machine.left();
          break;
        }
        leave_gate();  // others need not wait for what holds this one up
        hinder(machine, told, hurdle, machine.detail());
        if (machine.ignored() && !ended_)
          context_.troubles.ignored(model_.spec().provider, model_.spec().key, machine.detail());
        resting_ = true;
        const bool whole = co_await pause(machine, life_ends);
        resting_ = false;
        if (co_await being_stopped()) co_return;  // the next start goes on
        const auto wish = wish_now(machine, decision, resumed);
        if (wish == Wish::undecided && context_.gate.closed()) co_return;  // so it does here
        next = machine.paused(wish, whole);
        break;
      }
      case SwapStep::commit: {
        const auto now = context_.clocks.now();
        const auto live = *machine.found();
        auto changes = resumed ? model_.swap_resumed(machine.plan(), live, decision.text,
                                                     decision.counted, machine.written(), now)
                               : model_.swap_committed(decision, machine.plan(), live, now);
        if (!ended_) context_.troubles.written(model_.spec().provider, model_.spec().key);
        if (story_) story_->state = "read back";
        count_swap(SwapFigures::End::committed);
        Batch batch;
        last_intent_ = std::make_unique<IntentRow>(intent_row(machine, "applied", true));
        batch.intents.push_back(*last_intent_);
        perform(std::move(changes), std::move(batch));
        ++proof_epoch_;
        context_.tasks.spawn("prove " + model_.spec().key.fqdn, prove());
        co_return;
      }
      case SwapStep::commit_fence:
        close_swap(machine, decision, "fenced");
        co_return;
      case SwapStep::abandon:
        close_swap(machine, decision, machine.left_behind() ? "left behind" : "abandoned");
        co_return;
    }
  }
}

// People are told how things stand while the swap does not come through: once, until it is held up
// by something else.
void FailoverService::hinder(const SwapMachine& machine, Hindrance& told, Hurdle hurdle,
                             const std::string& why) {
  if (story_) story_->waits = why;
  const std::pair now{hurdle, machine.ignored()};
  if (told == now) return;
  told = now;
  step("waits", why);
  const bool alarming = machine.ignored() || hurdle != Hurdle::none;
  perform(model_.swap_hindered(why, alarming, context_.clocks.wall()));
}

// As turn(); who asks to be left alone is told of.
awaitable<bool> FailoverService::swap_turn(SwapMachine& machine, Hindrance& told) {
  const auto alone = left_alone();
  if (!alone.empty()) {
    hinder(machine, told, Hurdle::throttled, "it waits for " + alone);
    if (story_) story_->waits = alone;
  }
  const bool may = co_await turn(rank_, ticket_);
  if (story_) story_->waits.clear();
  co_return may;
}

// False: it was cut short.
awaitable<bool> FailoverService::pause(SwapMachine& machine, TimePoint life_ends) {
  const auto now = context_.clocks.steady();
  const bool refused = machine.refused() && !machine.waiting_out();
  auto until = life_ends;
  if (refused) {
    if (slow_until_ <= now) slow_until_ = now + jittered_up(refused_pause);
    until = slow_until_;
  } else if (!machine.waiting_out()) {
    until = now + jittered(machine.backoff());
  }
  if (story_)
    story_->waits += "; it goes on at " + to_rfc3339(context_.clocks.now().wall_at(until));
  const auto left = std::max(std::chrono::ceil<Millis>(until - now), Millis(0));
  co_await rest(left, refused);
  if (story_) story_->waits.clear();
  co_return context_.clocks.steady() >= until;
}

void FailoverService::count_swap(SwapFigures::End end) {
  if (story_ && story_->moves) ++context_.figures.swaps[{model_.spec().provider, end}];
}

// The old record stands, under its own generation or under that of the fence, or somebody else's
// does.
void FailoverService::close_swap(SwapMachine& machine, const Decision& decision,
                                 const char* state) {
  const auto why = machine.detail() + (decision.text.empty() ? "" : "; it was: " + decision.text);
  if (story_) story_->state = state;
  count_swap(machine.left_behind() ? SwapFigures::End::left_behind
             : machine.fence()     ? SwapFigures::End::fenced
                                   : SwapFigures::End::abandoned);
  step(state, machine.detail());
  const auto wall = context_.clocks.wall();
  auto changes = machine.left_behind()
                     ? model_.swap_left_behind(why, machine.spent(), wall)
                     : model_.swap_abandoned(why, machine.found(), machine.found_no_set(),
                                             provider_->capabilities().keeps_generation, wall);
  if (ended_ && machine.left_behind()) announce(changes);  // nobody else tells of it
  const auto& name = model_.spec().provider;
  const bool fenced = machine.fence() && !machine.left_behind();  // a write went through after all
  if (!ended_ && fenced) context_.troubles.written(name, model_.spec().key);
  if (!ended_ && !fenced) context_.troubles.given_up(name, model_.spec().key);
  Batch batch;
  batch.intents.push_back(intent_row(machine, "abandoned", true));
  perform(std::move(changes), std::move(batch));
  // Unfenced writes of a provider without compare-and-set: the record is looked at with the next
  // round once more.
  last_read_.reset();
  prove_what_is_not();
}

}  // namespace hotswapd
