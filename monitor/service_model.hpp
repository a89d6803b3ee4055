// One service as the daemon knows it: health of its targets, what is served, who forced what, and
// what to tell. Pure: rounds, commands and the ends of swaps go in, changes to journal and events
// to tell come out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/event.hpp"
#include "core/hash.hpp"
#include "core/kept_set.hpp"
#include "core/kept_text.hpp"
#include "core/probe_result.hpp"
#include "core/record.hpp"
#include "core/service_spec.hpp"
#include "core/shared.hpp"
#include "monitor/failover_machine.hpp"
#include "monitor/guard.hpp"
#include "monitor/health_machine.hpp"
#include "monitor/swap_machine.hpp"
#include "monitor/target_quality.hpp"

namespace hotswapd {

enum class ServiceStatus : std::uint8_t { unk, ok, trouble, failover };

const char* to_string(ServiceStatus status) noexcept;
std::optional<ServiceStatus> service_status(std::string_view word);

struct TargetState {
  HealthState health;
  int passes_in_row = 0;                  // counted up to what recovery needs: more says nothing
  std::uint16_t inconclusive_in_row = 0;  // counted as far as it goes
  Verdict last = Verdict::inconclusive;
  TargetQuality quality;
  std::optional<TargetRound> round;  // the last one, for `explain`
};

struct Forced {
  ForcedTo to = ForcedTo::failover;
  std::optional<TimePoint> until;  // absent: for good
  std::string reason;
  std::string by;
  bool operator==(const Forced&) const = default;
};

// What an operator said that still counts. Few services have it.
struct OperatorsWord {
  std::optional<Forced> forced;
  std::optional<std::size_t> requested;   // write this target now
  std::optional<TimePoint> active_until;  // then `active` turns into its opposite
  std::string said;                       // with the last command: " (ops: new rack)"
  bool operator==(const OperatorsWord&) const = default;
};

// How sure we are of what is served (S17).
enum class Proof : std::uint8_t { none, applied, read_back, proved, not_proved };

const char* to_string(
    Proof proof) noexcept;  // "", "applied", "read back", "proved", "applied, not proved"

// Something for the history and the operator's log.
struct Note {
  std::string kind;  // stable word: status, address, swap, command, drift, ...
  std::string text;
  WallTime at;
};

// What came of an input: everything here becomes durable in one transaction, then it is told.
struct Changes {
  bool state = false;  // the state row changed
  std::vector<Note> notes;
  std::vector<MonitorEvent> events;

  void merge(Changes other);
  bool empty() const { return !state && notes.empty() && events.empty(); }
};

enum class CommandKind : std::uint8_t { activate, deactivate, recover, force_failover };

struct Command {
  CommandKind kind = CommandKind::activate;
  std::string reason;
  std::string by;
  std::optional<Millis> duration;
};

class ServiceModel {
 public:
  ServiceModel(Shared<ServiceSpec> spec, WallTime now);

  // From the state row of an earlier run. A detail that cannot be read is an error and changes
  // nothing.
  Fallible<void> restore(std::uint64_t generation, const std::string& active,
                         const std::string& status, const std::string& detail, const Moment& now);
  std::string active_name() const;              // "primary", "backup:0"
  std::string detail(const Moment& now) const;  // JSON for the state row

  // The configuration changed. Health of targets that are probed as before is kept.
  Changes reconfigure(Shared<ServiceSpec> spec, WallTime now);

  // The record lives elsewhere now: nothing is known of it, and nothing is proved.
  void record_unknown();

  // What the provider says is there: at the start, and now and then.
  Changes record_read(const LiveRecord& live, bool provider_keeps_generation, WallTime now);

  // The provider can be read, but what stands there could never be ours: drift, which `what` names.
  Changes record_unusable(const std::string& what, WallTime now);

  // One finished round. The decision that follows is asked for with decision(); when it does not
  // move traffic at once, settle() then tells how things stand.
  Changes round_finished(RoundResult round, WallTime now);

  // Brings the told status up to date. `round_ended` adds the repetition that syslog delivery `all`
  // asks for.
  Changes settle(const std::string& why, WallTime now, bool round_ended);

  Fallible<std::string> command(const Command& command, const Moment& now, Changes& changes);

  // Ends what has run out: forced times, timed activation. Empty when nothing has.
  Changes clock_advanced(const Moment& now);

  Decision decision(const Moment& now, const Surroundings& around) const;
  std::vector<GuardCheck> guards(const Moment& now, const Surroundings& around) const;
  FailoverView view(const Moment& now, const Surroundings& around) const;

  // The plan of a decision to write.
  SwapPlan plan(const Decision& decision, std::string op) const;
  // True while `decision` would still be taken.
  bool still_wanted(const Decision& decision, const Moment& now, const Surroundings& around) const;
  // Whether a swap that an earlier run began would be begun now, as the record stands that it
  // expected. Undecided before a fresh round.
  Wish resumed_wish(const SwapPlan& plan, const Moment& now, const Surroundings& around) const;

  void swap_begun() { swap_under_way_ = true; }
  // The swap was read back: what is served now is `live`.
  Changes swap_committed(const Decision& decision, const SwapPlan& plan, const LiveRecord& live,
                         const Moment& now);
  // Read back after a crash: of the decision the journal kept `reason` and `counted`, the target is
  // found by its value.
  // `written_now`: it was written in this run, too.
  Changes swap_resumed(const SwapPlan& plan, const LiveRecord& live, const std::string& reason,
                       bool counted, bool written_now, const Moment& now);
  // `found`: what was read last; `no_set`: what stands there instead of a record set, or empty.
  Changes swap_abandoned(const std::string& why, const std::optional<LiveRecord>& found,
                         const std::string& no_set, bool provider_keeps_generation, WallTime wall);
  // It may take effect even now, where nobody looks any more.
  Changes swap_left_behind(const std::string& why, std::uint64_t generation, WallTime wall);
  // A write of this generation may be under way and cannot be fenced off where it is: the next
  // write is higher, and is made even when nothing else asks for one.
  void generation_spent(std::uint64_t generation);
  // Something besides the status that people have to know of a swap that does not come through.
  Changes swap_hindered(const std::string& why, bool alarming, WallTime wall);
  Changes proof(Proof proof, const std::string& detail, WallTime wall);

  // Told once when max_swaps_per_hour begins to hold.
  Changes limit_reached(const std::string& text, WallTime wall);
  void limit_passed();

  // The state may have been lost: this many decided rounds before anything moves.
  void require_fresh_rounds(int rounds);
  // Swaps by decision that an earlier run made, or a service of the same key before this one.
  void remember_swaps(SwapBudget budget) { budget_ = std::move(budget); }
  void remember_swap(WallTime at, const Moment& now);

  // Reading.
  const ServiceSpec& spec() const noexcept { return *spec_; }
  const Shared<ServiceSpec>& shared_spec() const noexcept { return spec_; }
  const std::vector<TargetState>& targets() const noexcept { return targets_; }
  ServiceStatus status() const noexcept { return status_; }
  WallTime status_since() const noexcept { return status_since_; }
  std::string reason() const { return reason_.text(); }
  bool active() const noexcept { return active_; }
  std::size_t serving() const noexcept { return serving_; }
  std::optional<RecordSet> served() const { return served_; }
  std::uint64_t generation() const noexcept { return generation_; }
  std::uint32_t serial() const noexcept { return serial_; }
  const std::optional<Forced>& forced() const noexcept { return word_->forced; }
  RecordState record_state() const noexcept { return record_; }
  std::string foreign() const;  // what stands there instead of ours; empty: nothing does
  Proof proof_state() const noexcept { return proof_; }
  const SwapBudget& budget() const noexcept { return budget_; }
  bool swap_under_way() const noexcept { return swap_under_way_; }
  bool change_pending() const;  // earns the shorter `recheck` interval
  // All is well and says so already: the primary is up, passed its last round and is served as the
  // configuration wants it. Another such round decides nothing new.
  bool at_peace() const;
  RecordSet wanted(std::size_t target) const;
  std::string target_label(std::size_t target) const;
  const MonitorSpec* monitor_of(std::size_t target) const;  // null: not probed
  std::vector<std::string> serving_values() const;
  std::optional<TimePoint> next_clock() const;  // when clock_advanced() has something to do

 private:
  ServiceStatus compute_status() const;
  Changes arrived(bool moved, const std::string& why, WallTime now);
  void serve(std::size_t target, const LiveRecord& live, std::uint32_t asked_ttl);
  void say(OperatorsWord word);
  void request_fulfilled();
  static Changes named_after(const std::string& op, Changes changes);
  MonitorEvent event(EventKind kind, std::string state, WallTime now) const;
  void address_event(Changes& changes, std::size_t target, WallTime now, bool change) const;
  void quality_news(Changes& changes, std::size_t target, WallTime now);
  HealthPolicy policy(std::size_t target) const;
  std::size_t failover_to_force() const;
  std::string being_written() const;
  std::optional<std::size_t> target_with(const RecordSet& set) const;

  Shared<ServiceSpec> spec_;
  std::vector<TargetState> targets_;
  bool active_ = true;
  std::size_t serving_ = 0;
  KeptSet served_;  // what we wrote or adopted last
  bool touch_wanted_ = false;
  std::uint64_t generation_ = 0;
  std::uint32_t serial_ = 0;
  RecordState record_ = RecordState::unread;
  // What was found at the name, or written there, last.
  struct Found {
    KeptSet set;
    std::optional<std::uint64_t> generation;
  };
  std::optional<Found> live_;
  Shared<std::string> no_set_;  // what stands there instead of a record set
  Shared<OperatorsWord> word_;
  int fresh_rounds_missing_ = 1;
  bool seen_since_activation_ = false;         // a decided round of the primary
  ServiceStatus status_ = ServiceStatus::unk;  // as it was told
  WallTime status_since_;
  KeptText reason_;
  std::uint64_t told_why_ = stable_hash("");  // of the words of the last status that was told
  Proof proof_ = Proof::none;
  SwapBudget budget_;
  bool limit_told_ = false;
  MaybeTime<TimePoint> last_swap_;
  MaybeTime<TimePoint> evidence_at_;
  bool swap_under_way_ = false;
  mutable std::uint64_t events_made_ = 0;
};

}  // namespace hotswapd
