#include "monitor/failover_machine.hpp"

#include <algorithm>
#include <utility>

namespace hotswapd {
namespace {

constexpr std::size_t primary = 0;

Decision hold(std::string rule, std::string text, std::string waiting_for) {
  Decision d;
  d.rule = std::move(rule);
  d.text = std::move(text);
  d.waiting_for = std::move(waiting_for);
  return d;
}

Decision write(std::size_t target, std::string rule, std::string text) {
  Decision d;
  d.action = Action::write;
  d.target = target;
  d.rule = std::move(rule);
  d.text = std::move(text);
  d.waiting_for = "the swap to be written, read back and proved";
  return d;
}

// S8: seen good in the last round; a target that is not probed needs other proof that our own link
// works.
bool fit(const FailoverView& v, std::size_t i) {
  const auto& t = v.targets[i];
  return t.probed ? t.last == Verdict::pass : v.link_proved;
}

std::optional<std::size_t> first_fit_backup(const FailoverView& v,
                                            std::optional<std::size_t> except) {
  for (std::size_t i = 1; i < v.targets.size(); ++i) {
    if (i != except && fit(v, i)) return i;
  }
  return std::nullopt;
}

// "primary 192.0.2.10 is down (connection refused)"
std::string is_down(const TargetView& t) {
  return t.label + " is down" + (t.reason.empty() ? "" : " (" + t.reason + ")");
}

Decision undecided(const TargetView& t) {
  return hold("undecided",
              "the last round of " + t.label + " decided nothing" +
                  (t.reason.empty() ? "" : " (" + t.reason + ")"),
              "a decided round");
}

bool failed_hard(const TargetView& t) {
  return t.probed && t.health == Health::down && t.last == Verdict::fail;
}

// What is served is not probed when the configuration gives its target another value.
bool served_failed_hard(const FailoverView& v) {
  return !v.value_differs && failed_hard(v.targets[v.serving]);
}

Decision operators_word(const FailoverView& v, std::size_t target, std::string rule,
                        std::string text) {
  auto d = write(target, std::move(rule), std::move(text));
  d.moves = target != v.serving || v.value_differs;
  d.overrides_drift = true;
  return d;
}

// What health alone asks for: a target to move to, or why to stay. Serving the primary.
Decision wish_on_primary(const FailoverView& v) {
  const auto& p = v.targets[primary];
  if (p.health != Health::down) {
    if (p.last == Verdict::fail) {
      return hold("pending",
                  p.label + " failed" + (p.reason.empty() ? "" : " (" + p.reason + ")") +
                      ", not yet as often in sequence as `fall` asks",
                  "the next round of the primary");
    }
    return hold("steady", p.label + " is up and served", "nothing: all is well");
  }
  if (const auto backup = first_fit_backup(v, std::nullopt)) {
    auto d =
        write(*backup, "primary-down",
              is_down(p) + " and " + v.targets[*backup].label +
                  (v.targets[*backup].probed ? " passed its last round"
                                             : " is not probed, while our own link is proved"));
    d.moves = d.counted = true;
    return d;
  }
  const bool unprobed = std::any_of(v.targets.begin() + 1, v.targets.end(),
                                    [](const TargetView& t) { return !t.probed; });
  if (unprobed) {
    return hold("link-not-proved",
                is_down(p) + ", but nothing else answers either: the fault may be our own link",
                "another target or the witness to answer");
  }
  return hold("all-down", is_down(p) + " and no backup passed its last round: nothing is better",
              "the primary or a backup to pass a round");
}

// Serving backup `v.serving`.
Decision wish_on_backup(const FailoverView& v) {
  const auto& p = v.targets[primary];
  const auto& served = v.targets[v.serving];
  const bool hard = served_failed_hard(v);
  const int need = std::max(1, v.recovery_delay);
  if (v.auto_recover && p.last == Verdict::pass && (p.passes_in_row >= need || hard)) {
    auto d = write(primary, hard && p.passes_in_row < need ? "backup-down" : "recovered",
                   hard && p.passes_in_row < need
                       ? is_down(served) + " and " + p.label + " passed its last round"
                       : p.label + " passed " + std::to_string(p.passes_in_row) + " of " +
                             std::to_string(need) + " good rounds in sequence");
    d.moves = d.counted = true;
    return d;
  }
  if (hard) {
    if (const auto other = first_fit_backup(v, v.serving)) {
      auto d =
          write(*other, "backup-down",
                is_down(served) + " and " + v.targets[*other].label +
                    (v.targets[*other].probed ? " passed its last round"
                                              : " is not probed, while our own link is proved"));
      d.moves = d.counted = true;
      return d;
    }
    if (p.last == Verdict::fail) {
      if (v.on_all_down == OnAllDown::primary) {
        auto d = write(primary, "all-down-primary",
                       "every target is down and `on_all_down: primary` asks for the primary");
        d.moves = d.counted = true;
        return d;
      }
      return hold("all-down", "every target is down: nothing is better than what is served",
                  "the primary or a backup to pass a round");
    }
  }
  if (!v.auto_recover && p.last == Verdict::pass) {
    return hold("auto-recover-off", p.label + " is up again, but `auto_recover` is off",
                "an operator's `recover`");
  }
  if (p.last == Verdict::pass) {
    return hold("recovery-delay",
                p.label + " passed " + std::to_string(p.passes_in_row) + " of " +
                    std::to_string(need) + " good rounds in sequence",
                "more good rounds of the primary");
  }
  return hold("primary-still-down", p.label + " is still down; " + served.label + " is served",
              "the primary to pass a round");
}

// Traffic stays where it is, as `d` says; what the configuration says of that place is written.
Decision stay(const FailoverView& v, Decision d) {
  if (v.value_differs) {
    if (!fit(v, v.serving)) {
      return hold("edited",
                  "the configuration gives " + v.targets[v.serving].label +
                      " another value, but it did not pass its last round",
                  v.targets[v.serving].label + " to pass a round");
    }
    auto edited = write(v.serving, "edited",
                        "the configuration gives " + v.targets[v.serving].label + " another value");
    edited.moves = true;
    return edited;
  }
  if (v.needs_touch) {
    auto touch =
        write(v.serving, "touch", d.text + "; TTL or generation of its record were not ours yet");
    touch.standing = d.text;
    return touch;
  }
  return d;
}

Decision wish(const FailoverView& v) {
  if (v.forced) {
    return stay(
        v, hold("forced",
                std::string(*v.forced == ForcedTo::failover ? "an operator forced the failover"
                                                            : "an operator forced the primary") +
                    v.operator_said,
                "an operator's `recover`, or the end of the forced time"));
  }
  // Whoever is served: a swap needs a decided round of the primary.
  if (v.targets[primary].last == Verdict::inconclusive) return undecided(v.targets[primary]);
  auto d = v.serving == primary ? wish_on_primary(v) : wish_on_backup(v);
  return d.action == Action::write ? d : stay(v, std::move(d));
}

// The guards that do not depend on what the move is for.
bool may_move(const FailoverView& v, const Decision& move) {
  if (move.action != Action::write || v.evidence_expired) return false;
  return served_failed_hard(v) || std::all_of(v.guards.begin(), v.guards.end(), [](const auto& g) {
           return g.allows || g.name != "hold-down";
         });
}

}  // namespace

Decision decide(const FailoverView& v) {
  if (!v.active) {
    return hold("inactive", "the service is deactivated",
                std::string("an operator's `activate`") +
                    (v.inactive_for_a_time ? ", or the end of the time given" : ""));
  }
  if (v.swap_under_way) {
    return hold("swap-under-way", "a swap of this service is under way", "its end");
  }
  if (v.record == RecordState::unread) {
    return hold("record-unread", "the live record has not been read yet",
                "the DNS provider to answer");
  }

  if (v.record == RecordState::foreign && v.foreign_is_no_set) {
    return hold("drift", "what stands there cannot be swapped: " + v.foreign,
                "somebody to put that right: no single change of ours can");
  }

  // An operator's word goes before everything but `observe`, which refuses it where it is spoken.
  if (!v.observe) {
    if (v.requested) {
      return operators_word(
          v, *v.requested, "operator",
          "an operator asked for " + v.targets[*v.requested].label + v.operator_said);
    }
  }

  if (v.fresh_rounds_missing > 0) {
    return hold("fresh-round", "nothing moves before a fresh full round has been decided",
                std::to_string(v.fresh_rounds_missing) + " more decided round" +
                    (v.fresh_rounds_missing == 1 ? "" : "s"));
  }

  if (v.record == RecordState::none) {
    if (!fit(v, primary)) {
      return hold("first-contact",
                  "the name has no record, and the primary has not passed a round yet",
                  "the first good round of the primary");
    }
    if (v.evidence_expired) {
      return hold("stale-evidence",
                  "the name has no record, and what was seen of the primary is too old to act on",
                  "the next decided round");
    }
    if (v.observe) {
      return hold("observe", "would write the first record, but `mode: observe` never writes",
                  "nothing: this service only reports");
    }
    return write(primary, "first-contact", "the name has no record and the primary passed a round");
  }

  if (v.record == RecordState::foreign) {
    const auto what = "the record was changed by someone else to " + v.foreign;
    if (v.on_drift == OnDrift::hold || v.observe) {
      return hold(
          "drift", what,
          "the record to be one of ours again, or an operator's `recover` or `force-failover`");
    }
    for (const auto& guard : v.guards) {
      if (!guard.allows && guard.name != "hold-down") {
        auto held = hold(guard.name, what + "; " + guard.text, guard.text);
        held.limited = guard.name == "swap-limit";
        return held;
      }
    }
    auto d = write(v.serving, "drift-enforced", what + " and `on_drift: enforce` puts ours back");
    // Not by way of a target that is to be left anyhow.
    if (auto move = wish(v); move.target != v.serving && may_move(v, move)) {
      d.target = move.target;
      d.text += "; " + move.text;
    }
    d.moves = d.counted = d.overrides_drift = true;
    return d;
  }

  auto d = wish(v);
  if (d.action == Action::hold) return d;
  if (v.evidence_expired) {
    auto held = hold("stale-evidence", d.text + ", but that was seen too long ago to act on",
                     "the next decided round");
    held.standing = d.standing;
    return held;
  }
  if (v.observe) {
    auto held = hold("observe",
                     "would write " + v.targets[d.target].label + " (" + d.text +
                         "), but `mode: observe` never writes",
                     "nothing: this service only reports");
    held.standing = d.standing;
    return held;
  }
  // A target that fails hard may be left before the hold-down is over (S9): the served one is down.
  const bool served_failed = served_failed_hard(v);
  for (const auto& guard : v.guards) {
    if (guard.allows) continue;
    if (!d.moves && guard.name != "maintenance") continue;
    if (guard.name == "swap-limit" && !d.counted) continue;
    if (guard.name == "hold-down" && served_failed) continue;
    auto held = hold(guard.name, d.text + ", but " + guard.text, guard.text);
    held.standing = d.standing;
    held.limited = guard.name == "swap-limit";
    return held;
  }
  return d;
}

}  // namespace hotswapd
