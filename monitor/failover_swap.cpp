// The coroutines of a service: reading the live record, performing a swap step by step, and proving
// it.
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/json.hpp>
#include <memory>
#include <random>
#include <utility>

#include "monitor/failover_service.hpp"
#include "monitor/views.hpp"
#include "net/sleep.hpp"

namespace hotswapd {
namespace {

// What one call to a provider may take, and what one round of questions to the name servers may
// take.
constexpr Millis provider_deadline{10'000};
constexpr Millis read_pause_longest{60'000};
constexpr Millis predecessor_pause{20};
constexpr Millis longest_nap{200};
constexpr Millis proof_question_deadline{2'000};
constexpr Millis proof_pause_first{50};
constexpr Millis proof_pause_longest{1'000};

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

// +-20 %, so that services that failed together do not come back together.
Millis jittered(Millis base) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  return Millis(base.count() * std::uniform_int_distribution<int>(80, 120)(random) / 100);
}

boost::json::value record_json(const std::optional<RecordSet>& set) {
  if (!set) return nullptr;
  boost::json::array values;
  for (const auto& value : set->values) values.emplace_back(value);
  return boost::json::object{{"type", to_string(set->type)}, {"ttl", set->ttl}, {"values", values}};
}

std::optional<RecordSet> read_record(const std::string& text) {
  boost::system::error_code ec;
  const auto v = boost::json::parse(text, ec);
  if (ec || !v.is_object()) return std::nullopt;
  const auto& o = v.as_object();
  const auto* type = o.if_contains("type");
  const auto* ttl = o.if_contains("ttl");
  const auto* values = o.if_contains("values");
  if (type == nullptr || ttl == nullptr || values == nullptr || !type->is_string() ||
      !ttl->is_number() || !values->is_array()) {
    return std::nullopt;
  }
  const auto known = record_type(std::string_view(type->as_string()));
  if (!known) return std::nullopt;
  RecordSet set{*known, ttl->to_number<std::uint32_t>(ec), {}};
  for (const auto& value : values->as_array()) {
    if (!value.is_string()) return std::nullopt;
    set.values.emplace_back(value.as_string());
  }
  if (ec || set.values.empty()) return std::nullopt;
  return set;
}

// Whether the swap whose story this is counts for max_swaps_per_hour; a story that cannot be read
// does, which holds rather than moves.
bool was_counted(const std::string& story) {
  boost::system::error_code ec;
  const auto v = boost::json::parse(story, ec);
  if (ec || !v.is_object()) return true;
  const auto* counted = v.as_object().if_contains("counted");
  return counted == nullptr || !counted->is_bool() || counted->as_bool();
}

ProviderTraits traits(const ProviderCapabilities& c) {
  return {c.keeps_generation, c.late_effects};
}

}  // namespace

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

IntentRow FailoverService::intent_row(const SwapMachine& machine, const std::string& phase,
                                      bool closed) const {
  IntentRow row;
  row.op = machine.plan().op;
  row.service = machine.plan().key;
  row.generation = machine.plan().generation;
  row.phase = phase;
  row.from_rr = boost::json::serialize(record_json(machine.plan().expect));
  row.to_rr = boost::json::serialize(record_json(machine.plan().want));
  row.reason = story_ ? story_->reason : "";
  row.evidence = story_text();
  row.opened = story_ ? story_->opened : context_.clocks.wall();
  if (closed) row.closed = context_.clocks.wall();
  return row;
}

std::string FailoverService::story_text() const {
  return story_ ? boost::json::serialize(story_view(*story_)) : "{}";
}

awaitable<bool> FailoverService::journal(SwapMachine& machine, std::string phase, bool closed) {
  Batch batch;
  // The end of an earlier swap may still be owed to the disk, which allows one open intent.
  const auto owed = std::exchange(unclosed_, {});
  batch.intents = owed;
  batch.intents.push_back(intent_row(machine, phase, closed));
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
  if (story_) story_->state = phase;
  step(std::move(phase), "journalled");
  co_return true;
}

// A pause that an edit or the end of the service cuts short.
awaitable<void> FailoverService::rest(Millis duration) {
  const auto until = context_.clocks.steady() + duration;
  const bool ended = ended_;
  const bool edited = edit_ != nullptr;
  const auto words = words_;
  for (;;) {
    const auto left = std::chrono::ceil<Millis>(until - context_.clocks.steady());
    if (ended != ended_ || edited != (edit_ != nullptr) || words != words_ || left <= Millis(0))
      co_return;
    const auto nap = std::min(left, longest_nap);
    co_await context_.clocks.sleep(nap);
    if (co_await being_stopped()) co_return;
  }
}

awaitable<void> FailoverService::run_start(std::shared_ptr<FailoverService> predecessor) {
  auto self = shared_from_this();
  while (predecessor && predecessor->busy() && !ended_) {
    co_await context_.clocks.sleep(predecessor_pause);
    if (co_await being_stopped()) co_return;
  }
  predecessor.reset();
  if (open_intent_) {
    const IntentRow intent = *std::exchange(open_intent_, nullptr);
    SwapPlan plan;
    plan.key = intent.service;
    plan.op = intent.op;
    plan.generation = intent.generation;
    plan.expect = read_record(intent.from_rr);
    plan.expect_generation = std::nullopt;
    const auto want = read_record(intent.to_rr);
    const auto capabilities = provider_->capabilities();
    if (want) {
      plan.want = *want;
      // The generation before this one, when the provider keeps them at all and anything was there.
      if (capabilities.keeps_generation && plan.expect && plan.generation > 1) {
        const auto deadline = context_.clocks.steady() + provider_deadline;
        auto live = co_await provider_->read(plan.key, deadline);
        if (live && live->generation != plan.generation) plan.expect_generation = live->generation;
      }
      SwapStory story;
      story.op = intent.op;
      story.generation = intent.generation;
      story.from = plan.expect ? to_string(*plan.expect) : "no record";
      story.to = to_string(plan.want);
      story.reason = intent.reason;
      story.opened = intent.opened;
      story.counted = was_counted(intent.evidence);
      story_ = std::make_unique<SwapStory>(std::move(story));
      step("restart", "the daemon ended in phase " + intent.phase + "; finding out what was done");
      SwapMachine machine(plan, false, traits(capabilities));
      const auto first = machine.resume(intent.phase != "prepared");
      Decision decision;
      decision.action = Action::write;
      decision.text = intent.reason;
      decision.counted = story_->counted;
      ++writes_;
      model_.swap_begun();
      co_await drive(machine, first, decision, true);
    } else {
      IntentRow unreadable = intent;
      unreadable.phase = "abandoned";
      unreadable.closed = context_.clocks.wall();
      Batch batch;
      batch.intents.push_back(std::move(unreadable));
      perform(Changes{}, std::move(batch));
    }
  }
  Millis unread_for{1'000};
  co_await run_read();
  while (!ended_ && !edit_ && model_.record_state() == RecordState::unread) {
    if (model_.record_state() != RecordState::unread) break;
    const auto pause = jittered(unread_for);
    unread_for = std::min(unread_for * 2, read_pause_longest);
    co_await rest(pause);
    if (co_await being_stopped()) break;
    co_await run_read();
  }
  at_rest();
  if (running_) co_return;
  const auto proof = model_.proof_state();
  if (model_.record_state() == RecordState::ours && proof != Proof::proved &&
      proof != Proof::none) {
    // A run before this one, or the provider before this one, left it unproved.
    if (!last_intent_) {
      auto intent = co_await newest_intent();
      const bool ours = intent && intent->phase == "applied" &&
                        intent->generation == model_.generation() && !running_ && !ended_;
      if (ours) last_intent_ = std::make_unique<IntentRow>(*std::move(intent));
    }
    if (ended_ || running_) co_return;
    ++proof_epoch_;
    context_.tasks.spawn("prove " + model_.spec().key.fqdn, prove());
  }
  evaluate();
}

awaitable<void> FailoverService::run_read() {
  auto self = shared_from_this();
  const auto now = context_.clocks.steady();
  last_read_ = now;
  const auto writes = writes_;
  const auto* asked = provider_;
  auto live = co_await provider_->read(model_.spec().key, now + provider_deadline);
  reading_ = false;
  if (ended_ || writes != writes_ || asked != provider_) co_return;
  if (!live) {
    context_.log.log(LogLevel::warning, "HS1112",
                     "record not read service=" + model_.spec().key.fqdn + " " + live.error().text);
    co_return;
  }
  perform(model_.record_read(*live, provider_->capabilities().keeps_generation,
                             context_.clocks.wall()));
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
  for (;;) {
    const auto deadline = context_.clocks.steady() + provider_deadline;
    switch (next) {
      case SwapStep::journal_prepared: {
        const bool durable = co_await journal(machine, "prepared", false);
        next = machine.journaled(durable);
        break;
      }
      case SwapStep::journal_sent: {
        const bool durable = co_await journal(machine, "sent", false);
        next = machine.journaled(durable);
        // The journal may have taken long: what is written is what is wanted now (S5, S8).
        if (next == SwapStep::write && !resumed && !wanted_still(decision))
          next = machine.withdrawn();
        break;
      }
      case SwapStep::read_before:
      case SwapStep::read_back: {
        auto live = co_await provider_->read(machine.plan().key, deadline);
        const auto* name = next == SwapStep::read_back ? "read back" : "read before";
        step(name, live ? (live->set ? to_string(*live->set) : "no record") : live.error().text);
        next = machine.was_read(live);
        break;
      }
      case SwapStep::write: {
        SwapPlan plan = machine.plan();
        auto answer = co_await provider_->apply(std::move(plan), deadline);
        step("write", std::string(to_string(answer.outcome)) +
                          (answer.detail.empty() ? "" : ": " + answer.detail));
        next = machine.written(answer);
        break;
      }
      case SwapStep::pause: {
        leave_gate();  // others need not wait for what holds this one up
        step("waits", machine.detail());
        context_.log.log(LogLevel::warning, "HS1211",
                         "swap not done yet service=" + model_.spec().key.fqdn +
                             " op=" + machine.plan().op + " " + machine.detail());
        // People are told how things stand while the swap does not come through.
        perform(model_.settle(machine.detail(), context_.clocks.wall(), false));
        const auto pause = jittered(machine.backoff());
        co_await rest(pause);
        if (co_await being_stopped()) {
          co_return;  // stopped: the journal says how far it came, the next start goes on
        }
        const bool wanted = resumed ? !ended_ : wanted_still(decision);
        next = machine.paused(wanted);
        break;
      }
      case SwapStep::commit: {
        const auto now = context_.clocks.now();
        const auto live = *machine.found();
        auto changes = resumed ? model_.swap_resumed(machine.plan(), live, decision.text,
                                                     decision.counted, now)
                               : model_.swap_committed(decision, machine.plan(), live, now);
        if (story_) story_->state = "read back";
        Batch batch;
        last_intent_ = std::make_unique<IntentRow>(intent_row(machine, "applied", true));
        batch.intents.push_back(*last_intent_);
        perform(std::move(changes), std::move(batch));
        ++proof_epoch_;
        context_.tasks.spawn("prove " + model_.spec().key.fqdn, prove());
        co_return;
      }
      case SwapStep::abandon: {
        const auto wall = context_.clocks.wall();
        const auto why =
            machine.detail() + (decision.text.empty() ? "" : "; it was: " + decision.text);
        if (story_) story_->state = "abandoned";
        step("abandoned", machine.detail());
        auto changes = model_.swap_abandoned(why, machine.conflicted(), machine.found(), wall);
        Batch batch;
        batch.intents.push_back(intent_row(machine, "abandoned", true));
        perform(std::move(changes), std::move(batch));
        co_return;
      }
    }
  }
}

// Asks every authoritative name server until all serve the new record. Past the deadline the swap
// stays, is told as not proved, and they are asked again each interval.
awaitable<void> FailoverService::prove() {
  auto self = shared_from_this();
  const auto epoch = proof_epoch_;
  const auto began = context_.clocks.steady();
  auto pause = proof_pause_first;
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
    if (context_.clocks.steady() - began >= proof_deadline) {
      if (story_) story_->state = "applied, not proved";
      perform(model_.proof(Proof::not_proved, missing, wall));
      pause = model_.spec().monitor->interval;
    }
    co_await context_.clocks.sleep(pause);
    if (co_await being_stopped()) co_return;
    if (ended_ || epoch != proof_epoch_) co_return;
    if (context_.clocks.steady() - began < proof_deadline)
      pause = std::min(pause * 2, proof_pause_longest);
  }
}

}  // namespace hotswapd
