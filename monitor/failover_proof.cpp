// Proof: every authoritative name server of the zone is asked directly whether it serves what was
// read back.
#include <algorithm>
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

constexpr Millis proof_question_deadline{2'000};
// A quarter of the time that it has taken so far: soon seen, seldom asked.
constexpr Millis proof_pause_shortest{50};
constexpr Millis proof_pause_longest{1'000};

}  // namespace

awaitable<std::optional<IntentRow>> FailoverService::newest_intent() {
  using Found = std::vector<IntentRow>;
  auto initiate = [](auto handler, StateStore* store, asio::any_io_executor executor,
                     RecordKey key) {
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    store->intents(std::move(key), 1, [shared, executor](Fallible<Found> rows) {
      asio::post(executor, [shared, rows = rows ? std::move(*rows) : Found()]() mutable {
        std::move (*shared)(std::move(rows));
      });
    });
  };
  auto key = model_.spec().key;
  auto found = co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Found)>(
      initiate, asio::use_awaitable, &context_.store, context_.executor, std::move(key));
  if (found.empty()) co_return std::nullopt;
  co_return std::move(found.front());
}

// A run before this one, the provider before this one, or a swap that was given up left it
// unproved.
void FailoverService::prove_what_is_not() {
  const auto proof = model_.proof_state();
  const bool ours = model_.record_state() == RecordState::ours;
  if (ended_ || !ours || proof == Proof::proved || proof == Proof::none) return;
  ++proof_epoch_;
  context_.tasks.spawn("prove " + model_.spec().key.fqdn, prove());
}

// Asks every authoritative name server until all serve the new record. Past the deadline the swap
// stays, is told as not proved, and they are asked again each interval.
awaitable<void> FailoverService::prove() {
  auto self = shared_from_this();
  const auto epoch = proof_epoch_;
  const auto began = context_.clocks.steady();
  const auto proof_deadline = provider_->capabilities().proof_deadline;
  const auto served = model_.served();
  if (!served) co_return;
  for (;;) {
    const auto deadline = context_.clocks.steady() + proof_question_deadline;
    auto evidence = co_await provider_->prove(model_.spec().key, *served, deadline);
    if (ended_ || epoch != proof_epoch_) co_return;
    std::string missing;
    std::string servers;
    for (const auto& e : evidence) {
      auto& list = e.proved ? servers : missing;
      list += (list.empty() ? "" : "; ") + e.server + (e.proved ? "" : " " + e.detail);
    }
    if (story_) story_->proof = evidence;
    const auto wall = context_.clocks.wall();
    if (missing.empty() && !evidence.empty()) {
      if (story_) story_->state = "proved";
      if (last_intent_ && story_ && story_->moves) {
        const auto took = context_.clocks.steady() - began;
        context_.figures.proofs[model_.spec().provider].record(
            std::chrono::duration_cast<Micros>(took));
      }
      step("proved", "every name server serves it: " + servers);
      Batch batch;
      if (last_intent_) {
        last_intent_->phase = "proved";
        last_intent_->evidence =
            story_ ? story_text() : proved_story(last_intent_->evidence, evidence);
        batch.intents.push_back(*std::exchange(last_intent_, nullptr));
      }
      perform(model_.proof(Proof::proved, to_string(*served) + " by " + servers, wall),
              std::move(batch));
      if (story_ && !story_->moves) story_.reset();  // TTL or generation only: no swap to explain
      co_return;
    }
    const auto elapsed = std::chrono::floor<Millis>(context_.clocks.steady() - began);
    auto pause = std::clamp(elapsed / 4, proof_pause_shortest, proof_pause_longest);
    if (elapsed >= proof_deadline) {
      if (last_intent_ && story_ && story_->moves && model_.proof_state() != Proof::not_proved)
        ++context_.figures.not_proved[model_.spec().provider];
      if (story_) story_->state = "applied, not proved";
      perform(model_.proof(Proof::not_proved, missing, wall));
      pause = model_.spec().monitor->interval;
    }
    co_await context_.clocks.sleep(pause);
    if (co_await being_stopped()) co_return;
    if (ended_ || epoch != proof_epoch_) co_return;
  }
}

}  // namespace hotswapd
