// What a service does before it decides anything: it finds out what an earlier run left, and reads
// the live record.
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/json.hpp>
#include <memory>
#include <utility>

#include "core/text.hpp"
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
  if (!plan) co_return close_unfinished(std::move(intent), "the journal's entry cannot be read");
  const auto provider = journalled_provider(intent);
  const auto& provider_now = model_.spec().provider;
  if (intent.phase != "prepared" && provider && *provider != provider_now) {
    co_return close_unfinished(std::move(intent),
                               "it was sent to the provider " + clean(*provider) +
                                   ", and the service has the provider " + provider_now + " now");
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

// What was sent cannot be found out about here: whatever may still come of it, the next write is
// higher.
void FailoverService::close_unfinished(IntentRow intent, const std::string& why) {
  const bool sent = intent.phase != "prepared";
  const auto generation = intent.fence.value_or(intent.generation);
  intent.phase = "abandoned";
  intent.closed = context_.clocks.wall();
  Batch batch;
  const auto what = why + "; it was: " + intent.reason;
  batch.intents.push_back(std::move(intent));
  const auto wall = context_.clocks.wall();
  perform(sent ? model_.swap_left_behind(what, generation, wall)
               : model_.swap_abandoned(what, std::nullopt, "", false, wall),
          std::move(batch));
}

awaitable<void> FailoverService::run_start(std::shared_ptr<FailoverService> predecessor,
                                           bool added) {
  auto self = shared_from_this();
  while (predecessor && predecessor->busy() && !ended_) {
    co_await context_.clocks.sleep(predecessor_pause);
    if (co_await being_stopped()) co_return;
  }
  predecessor.reset();
  if (added) {
    // A service of this key may have left a write behind, which nobody could find out about.
    const auto last = co_await newest_intent();
    if (last) model_.generation_spent(last->fence.value_or(last->generation));
  }
  if (open_intent_) {
    IntentRow intent = *std::exchange(open_intent_, nullptr);
    co_await finish(std::move(intent));
    if (co_await being_stopped()) co_return;
  }
  auto unread_for = read_pause_first;
  rank_ = CallRank::writes;
  ticket_ = context_.gate.ticket();
  co_await run_read(rank_, ticket_);
  while (!ended_ && !edit_ && model_.record_state() == RecordState::unread) {
    const auto refused = slow_until_ - context_.clocks.steady();
    const auto pause = refused_lately() ? std::chrono::ceil<Millis>(refused) : jittered(unread_for);
    unread_for = std::min(unread_for * 2, read_pause_longest);
    co_await rest(pause, refused_lately());
    if (co_await being_stopped()) break;
    ticket_ = context_.gate.ticket();
    co_await run_read(rank_, ticket_);
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

awaitable<void> FailoverService::run_read(CallRank rank, std::uint64_t ticket) {
  auto self = shared_from_this();
  const auto writes = writes_;
  auto* const asked = provider_;
  const bool may = co_await turn(rank, ticket);
  if (!may) {
    reading_ = false;
    co_return;
  }
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
