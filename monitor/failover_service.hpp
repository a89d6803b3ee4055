// One service at work: feeds its model with rounds and commands, performs the decisions, journals
// and tells. Serialises everything of its service: one decision, one swap at a time (rule S1).
#pragma once

#include <boost/json/array.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/log.hpp"
#include "dns/provider.hpp"
#include "monitor/clocks.hpp"
#include "monitor/figures.hpp"
#include "monitor/provider_gate.hpp"
#include "monitor/provider_troubles.hpp"
#include "monitor/rounds.hpp"
#include "monitor/service_model.hpp"
#include "monitor/state_store.hpp"
#include "monitor/swap_machine.hpp"
#include "monitor/teller.hpp"
#include "net/task_group.hpp"

namespace hotswapd {

// Something happened: for `hotswapctl watch`.
struct WatchEvent {
  WallTime at;
  std::string kind;
  std::string fqdn;
  std::string text;
};

// What every service shares. Lives on shard 0, as long as any service.
struct ServiceContext {
  asio::any_io_executor executor;
  StateStore& store;
  Teller& teller;
  Rounds& rounds;
  Logger& log;
  Clocks clocks;
  TaskGroup& tasks;
  ProviderGate& gate;
  ProviderTroubles& troubles;
  SwapFigures& figures;
  std::function<void(const WatchEvent&)> watch;
  std::function<Surroundings(ServiceId but)> around;
  std::function<void(ServiceId, Health after)> primary_changed;  // before it decides
  std::function<void(const std::string& line)> blind;  // a target cannot be probed: which, and why
  std::function<void(ServiceId)> timed;  // something of it runs out: wants clock_advanced()
  std::function<std::optional<std::string>()>
      writes_blocked;  // why no swap may begin now (a stuck disk)
};

// One swap as `explain` tells it.
struct SwapStory {
  struct Line {
    WallTime at;
    std::string step;
    std::string text;
  };
  std::string op;
  std::uint64_t generation = 0;
  std::string from;
  std::string to;
  std::string reason;
  WallTime opened;
  // prepared, sent, applied, read back, proved, "applied, not proved", abandoned, left behind;
  // fencing, fenced
  std::string state;
  std::string waits;  // what it waits for now, until when; empty: for nothing but an answer
  std::vector<Line> steps;
  std::vector<ServerEvidence> proof;
  boost::json::array evidence;  // the targets as they were when it was decided
  bool moves = true;            // false: the value stays, only TTL or generation are written
  bool counted = false;         // for max_swaps_per_hour
};

ProviderTraits traits(const ProviderCapabilities& can);

// Lives on shard 0. Destroyed only after its swap has ended (Monitor sees to that).
class FailoverService : public std::enable_shared_from_this<FailoverService> {
 public:
  FailoverService(ServiceId id, Shared<ServiceSpec> spec, Provider& provider,
                  ServiceContext& context);

  // What an earlier run left; call before begin().
  void restore(const StateRow& row);
  void restore_intent(const IntentRow& intent);
  void remember_swaps(SwapBudget budget) { model_.remember_swaps(std::move(budget)); }
  void remember_swap(WallTime at) { model_.remember_swap(at, context_.clocks.now()); }
  void require_fresh_rounds(int rounds) { model_.require_fresh_rounds(rounds); }

  // Reads the live record, finishes what was open, starts the rounds. `predecessor`: an ended
  // service of the same key, whose swap has to come to its end first, which it soon does.
  void begin();
  // One that a reload brought: `predecessor` may be null.
  void begin_after(std::shared_ptr<FailoverService> predecessor);
  // Announces begin(), which must follow: what comes until then waits for it.
  void will_begin() { running_ = true; }
  void end();  // the service is no longer ours: stops rounds, leaves DNS alone
  void reconfigure(Shared<ServiceSpec> spec, Provider& provider);
  // Whether that is what reconfigure() last asked for.
  bool configured_as(const Shared<ServiceSpec>& spec, const Provider& provider) const;

  void on_round(RoundResult round);
  Fallible<std::string> command(const Command& command);
  void clock_advanced();
  bool timed() const { return model_.next_clock().has_value(); }
  void reconsider();  // what held a swap of ours from outside is over
  void take_turn();   // of a write that waited at the ProviderGate
  void save();  // the state row, whether it changed or not: finds out whether the disk takes writes
                // again

  ServiceId id() const noexcept { return id_; }
  const ServiceModel& model() const noexcept { return model_; }
  // The one that began the swap under way, or was taken during it; without a swap say nothing of
  // it.
  const Decision& last_decision() const noexcept;
  WallTime decided_at() const noexcept { return decided_at_; }
  // What a write that is decided waits for, when it does not begin; empty: nothing.
  std::string waits_for_turn() const;
  const SwapStory* story() const noexcept { return story_.get(); }  // null: no swap yet
  // What the provider holds up, in a few words; empty: nothing.
  std::string left_alone() const;
  std::uint64_t rounds_seen() const noexcept { return rounds_; }
  std::uint64_t slots_skipped() const noexcept { return skipped_; }
  std::uint64_t rounds_inconclusive() const noexcept { return inconclusive_; }
  std::optional<WallTime> last_round_at() const noexcept { return last_round_at_; }
  std::uint64_t last_round_number() const noexcept { return last_round_number_; }
  bool full_round_done() const noexcept { return full_round_done_; }
  // A coroutine of ours is at work, or the end of a swap is not on the disk yet.
  bool busy() const noexcept { return running_ || !unclosed_.empty() || closing_ > 0; }
  // A swap is under way that may soon come to its end: none that backs off.
  bool swaps_now() const noexcept { return model_.swap_under_way() && !resting_; }
  void settle_journal();  // tries once more to put there what is not on the disk yet

 private:
  // What holds a swap up, as it was told last.
  using Hindrance = std::optional<std::pair<Hurdle, bool>>;

  RoundSpec round_spec() const;
  StateRow state_row() const;
  IntentRow intent_row(const SwapMachine& machine, const std::string& phase, bool closed) const;
  void perform(Changes changes);
  void perform(Changes changes, Batch batch);
  void announce(const Changes& changes);
  void decide_on_round(const Moment& now, Changes changes);
  void evaluate();
  void act_on(Decision d, const Moment& now);
  bool may_begin(const Decision& decision);
  void stop_waiting();
  void leave_gate();
  bool refused_lately() const;
  bool decide_anew(const SwapMachine& machine) const;
  void follow_activity(bool was_active);
  void tell_inconclusive();

  void configure_now(Shared<ServiceSpec> spec, Provider& provider);
  void at_rest();
  bool leaving() const;
  bool wanted_still(const Decision& decision) const;
  // Of the swap under way, which may be one of an earlier run.
  Wish wish_now(const SwapMachine& machine, const Decision& decision, bool resumed) const;

  awaitable<void> rest(Millis duration, bool after_refusal = false);
  awaitable<bool> turn(CallRank rank, std::uint64_t ticket);
  awaitable<Fallible<LiveRecord>> read_now(Provider& provider);
  awaitable<ApplyResult> apply_now(Provider& provider, SwapPlan plan);
  void answered(const Provider& provider, const std::string& name);
  void hindered(Provider& provider, const std::string& name, const Hint& hint, Hurdle hurdle,
                const std::string& text);
  void start(std::shared_ptr<FailoverService> predecessor, bool added);
  awaitable<void> run_start(std::shared_ptr<FailoverService> predecessor, bool added);
  awaitable<void> finish(IntentRow intent);
  awaitable<void> run_read(CallRank rank, std::uint64_t ticket);
  awaitable<void> run_swap(Decision decision);
  awaitable<void> drive(SwapMachine& machine, SwapStep step, Decision decision, bool resumed);
  void hinder(const SwapMachine& machine, Hindrance& told, Hurdle hurdle, const std::string& why);
  awaitable<bool> swap_turn(SwapMachine& machine, Hindrance& told);
  awaitable<bool> pause(SwapMachine& machine, TimePoint life_ends);
  void count_swap(SwapFigures::End end);
  void close_swap(SwapMachine& machine, const Decision& decision, const char* state);
  void prove_what_is_not();
  awaitable<void> prove();
  void close_unfinished(IntentRow intent, const std::string& why);
  awaitable<bool> journal(SwapMachine& machine, std::string phase, std::string state);
  awaitable<Fallible<void>> commit(Batch batch);
  awaitable<std::optional<IntentRow>> newest_intent();
  void step(std::string name, std::string text);
  std::string story_text() const;

  ServiceId id_;
  Provider* provider_;
  ServiceContext& context_;
  ServiceModel model_;
  // What only a service with a swap has is kept apart: most services have none, and there may be
  // tens of thousands of them.
  std::unique_ptr<IntentRow> open_intent_;
  std::unique_ptr<IntentRow> last_intent_;  // of the swap that is being proved
  std::vector<IntentRow> unclosed_;         // their end did not reach the disk yet
  int closing_ = 0;                         // batches with the end of a swap on their way to it
  std::unique_ptr<Decision> decision_;      // while a coroutine of ours is at work
  WallTime decided_at_;
  std::unique_ptr<SwapStory> story_;
  const Provider* in_gate_ = nullptr;  // at whose place of the ProviderGate we are
  CallRank rank_ = CallRank::moves;    // of what waits there, or is under way
  std::uint64_t ticket_ = 0;           // since when it is wanted; 0: nothing is
  TimePoint slow_until_{};             // refused by the provider: no try before
  std::uint32_t epoch_ = 0;
  std::uint32_t proof_epoch_ = 0;
  std::uint32_t words_ = 0;   // of operators, by command or reload
  std::uint32_t writes_ = 0;  // swaps begun: a read from before one says nothing after it
  std::uint32_t rounds_ = 0;
  std::uint32_t skipped_ = 0;
  std::uint32_t inconclusive_ = 0;
  std::uint32_t last_round_number_ = 0;
  MaybeTime<WallTime> last_round_at_;
  MaybeTime<TimePoint> last_read_;
  bool full_round_done_ = false;
  bool steady_ = false;  // the last decision was that all is well
  bool pending_ = false;
  bool running_ = false;
  bool waits_at_gate_ = false;
  bool reading_ = false;
  bool resting_ = false;
  bool ended_ = false;
  struct Edit {
    Shared<ServiceSpec> spec;
    Provider* provider;
  };
  std::unique_ptr<Edit> edit_;  // came during a swap: takes effect at its end
  bool dirty_ = false;          // the disk holds less than the model knows
};

}  // namespace hotswapd
