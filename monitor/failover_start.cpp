// What a service does before it decides anything: it finds out what an earlier run left, and reads
// the live record.
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/json.hpp>
#include <memory>
#include <utility>

#include "monitor/failover_service.hpp"
#include "monitor/swap_journal.hpp"
#include "monitor/swap_pauses.hpp"
#include "monitor/views.hpp"
#include "net/sleep.hpp"

namespace hotswapd {
namespace {

constexpr Millis read_pause_first{1'000};
constexpr Millis read_pause_longest{60'000};
constexpr Millis predecessor_pause{20};

}  // namespace

// What the journal shows open: it is found out what became of it. It expects what it expected when
// it was journalled, whatever is there now.
awaitable<void> FailoverService::finish(IntentRow intent) {
  auto plan = journalled_plan(intent);
  if (!plan) {
    intent.phase = "abandoned";
    intent.closed = context_.clocks.wall();
    Batch batch;
    batch.intents.push_back(std::move(intent));
    perform(Changes{}, std::move(batch));
    co_return;
  }
  SwapStory story;
  story.op = intent.op;
  story.generation = intent.generation;
  story.from = plan->expect ? to_string(*plan->expect) : "no record";
  story.to = to_string(plan->want);
  story.reason = intent.reason;
  story.opened = intent.opened;
  story.moves = !plan->expect || !plan->expect->same_values(plan->want);
  story.counted = journalled_as_counted(intent.evidence);
  Decision decision;
  decision.action = Action::write;
  decision.text = intent.reason;
  decision.counted = story.counted;
  story_ = std::make_unique<SwapStory>(std::move(story));
  step("restart", "the daemon ended in phase " + intent.phase +
                      (intent.fence ? ", fencing it off" : "") + "; finding out what was done");
  SwapMachine machine(*plan, false, traits(provider_->capabilities()));
  const auto first = machine.resume(intent.phase != "prepared", intent.fence.has_value());
  rank_ = story_->moves ? CallRank::moves : CallRank::writes;
  ticket_ = context_.gate.ticket();
  ++writes_;
  model_.swap_begun();
  co_await drive(machine, first, decision, true);
}

awaitable<void> FailoverService::run_start(std::shared_ptr<FailoverService> predecessor) {
  auto self = shared_from_this();
  while (predecessor && predecessor->busy() && !ended_) {
    co_await context_.clocks.sleep(predecessor_pause);
    if (co_await being_stopped()) co_return;
  }
  predecessor.reset();
  if (open_intent_) {
    IntentRow intent = *std::exchange(open_intent_, nullptr);
    co_await finish(std::move(intent));
    if (co_await being_stopped()) co_return;
  }
  auto unread_for = read_pause_first;
  co_await run_read(CallRank::writes);
  while (!ended_ && !edit_ && model_.record_state() == RecordState::unread) {
    const auto refused = slow_until_ - context_.clocks.steady();
    const auto pause = refused_lately() ? std::chrono::ceil<Millis>(refused) : jittered(unread_for);
    unread_for = std::min(unread_for * 2, read_pause_longest);
    co_await rest(pause, refused_lately());
    if (co_await being_stopped()) break;
    co_await run_read(CallRank::writes);
  }
  at_rest();
  if (running_) co_return;
  const auto proof = model_.proof_state();
  const bool unproved = proof != Proof::proved && proof != Proof::none;
  if (unproved && !last_intent_ && model_.record_state() == RecordState::ours) {
    auto intent = co_await newest_intent();
    const bool ours = intent && intent->phase == "applied" &&
                      intent->generation == model_.generation() && !running_ && !ended_;
    if (ours) last_intent_ = std::make_unique<IntentRow>(*std::move(intent));
  }
  if (ended_ || running_) co_return;
  prove_what_is_not();
  evaluate();
}

awaitable<void> FailoverService::run_read(CallRank rank) {
  auto self = shared_from_this();
  const auto writes = writes_;
  auto* const asked = provider_;
  const auto ticket = context_.gate.ticket();
  const bool may = co_await turn(rank, ticket);
  if (!may) co_return;
  last_read_ = context_.clocks.steady();
  if (ended_ || writes != writes_ || asked != provider_) {
    reading_ = false;
    context_.gate.called(*asked);
    co_return;
  }
  auto live = co_await read_now(*asked);
  reading_ = false;
  if (ended_ || writes != writes_ || asked != provider_) co_return;
  const auto wall = context_.clocks.wall();
  if (live) {
    perform(model_.record_read(*live, asked->capabilities().keeps_generation, wall));
  } else if (live.error().code == errc::conflict) {
    perform(model_.record_unusable(live.error().text, wall));
  }
}

}  // namespace hotswapd
