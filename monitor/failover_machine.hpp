// The decision: from what is known of a service to hold, or to write one of its targets into DNS,
// and why. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "core/service_spec.hpp"
#include "monitor/guard.hpp"
#include "monitor/health_machine.hpp"

namespace hotswapd {

// What the live record was found to be.
enum class RecordState : std::uint8_t {
  unread,   // not read since the start
  none,     // the name has no record: first contact
  ours,     // what we wrote last, or adopted
  foreign,  // drift
};

enum class ForcedTo : std::uint8_t { primary, failover };

struct TargetView {
  std::string label;  // "primary 192.0.2.10", "backup 1 198.51.100.10"
  bool probed = true;
  Health health = Health::unknown;
  Verdict last = Verdict::inconclusive;  // of the last round
  int passes_in_row = 0;
  std::string reason;  // why the last round failed; empty when it did not
};

// All that a decision may look at. Index 0 is the primary, 1 + i backup i.
struct FailoverView {
  bool active = true;
  bool inactive_for_a_time = false;  // not active now, and active again by itself
  bool observe = false;
  bool swap_under_way = false;
  int fresh_rounds_missing = 0;  // decided full rounds still to come before anything may move
  RecordState record = RecordState::unread;
  std::string foreign;             // what stands there instead, when foreign
  bool foreign_is_no_set = false;  // and no compare-and-set can change it (an A and an AAAA)
  std::size_t serving = 0;
  bool value_differs =
      false;  // what is served is not what the configuration says for `serving`: it was edited
  bool needs_touch = false;  // only TTL or generation differ
  std::vector<TargetView> targets;
  std::optional<ForcedTo> forced;        // an operator's lasting word: nothing moves traffic
  std::optional<std::size_t> requested;  // an operator's word for once: write this target now
  std::string operator_said;             // who and why, for both: " (ops: new rack)"; may be empty
  bool auto_recover = true;
  int recovery_delay = 0;
  OnAllDown on_all_down = OnAllDown::hold;
  OnDrift on_drift = OnDrift::hold;
  bool evidence_expired = false;  // the last decided round is too old to move anything (S5)
  bool link_proved = false;       // some other target or the witness answered in the last interval
  std::vector<GuardCheck> guards;
};

enum class Action : std::uint8_t { hold, write };

struct Decision {
  Action action = Action::hold;
  std::size_t target = 0;  // write: what to serve
  bool moves = false;  // write: traffic goes elsewhere (else only TTL, generation or first contact)
  bool counted = false;          // write: counts for max_swaps_per_hour
  bool overrides_drift = false;  // write: whatever stands there
  bool limited = false;          // hold: because of max_swaps_per_hour; alarmed once
  std::string rule;              // stable short word: "primary-down"
  std::string text;              // why, in words
  std::string waiting_for;       // what would change it
  std::string standing;          // how things stand meanwhile; empty: as `text` says
  const std::string& status_text() const { return standing.empty() ? text : standing; }
};

Decision decide(const FailoverView& view);

}  // namespace hotswapd
