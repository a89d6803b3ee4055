// What operators, the clock and a new configuration do to a service.
#include <algorithm>
#include <utility>

#include "core/text.hpp"
#include "core/timestamp.hpp"
#include "monitor/service_model.hpp"

namespace hotswapd {
namespace {

std::string signed_by(const Command& c) {
  std::string text = c.by.empty() ? "" : " by " + clean(c.by, 64);
  if (!c.reason.empty()) text += ": " + clean(c.reason);
  return text;
}

const char* verb(CommandKind kind) {
  switch (kind) {
    case CommandKind::activate:
      return "activate";
    case CommandKind::deactivate:
      return "deactivate";
    case CommandKind::recover:
      return "recover";
    case CommandKind::force_failover:
      break;
  }
  return "force-failover";
}

}  // namespace

Fallible<std::string> ServiceModel::command(const Command& c, const Moment& now, Changes& changes) {
  const auto until = [&]() -> std::optional<TimePoint> {
    return c.duration ? std::optional(now.steady + *c.duration) : std::nullopt;
  };
  const auto for_a_time = [&] {
    return c.duration ? " until " + to_rfc3339(now.wall_at(*until())) : std::string();
  };
  OperatorsWord word = *word_;  // as it will be
  const auto remember = [&] {
    const auto said =
        clean(c.by, 64) + (c.reason.empty() || c.by.empty() ? "" : ": ") + clean(c.reason);
    word.said = said.empty() ? "" : " (" + said + ")";
  };
  const auto note = [&](const std::string& what) {
    changes.state = true;
    changes.notes.push_back({"command", what + signed_by(c), now.wall});
  };

  if (c.kind == CommandKind::recover || c.kind == CommandKind::force_failover) {
    if (!active_) {
      return Error{errc::refused, spec_->key.fqdn + " is deactivated: activate it first"};
    }
    if (spec_->mode == ServiceMode::observe) {
      return Error{errc::refused,
                   spec_->key.fqdn + " is in `mode: observe`: nothing is ever written for it"};
    }
  }

  switch (c.kind) {
    case CommandKind::activate: {
      if (active_ && !c.duration && !word.active_until) return std::string("already active");
      const bool was = active_;
      active_ = true;
      word.active_until = until();
      say(std::move(word));
      if (!was) {
        for (auto& t : targets_) t = TargetState{};
        seen_since_activation_ = false;
        fresh_rounds_missing_ = std::max(fresh_rounds_missing_, 1);
      }
      note(std::string(was ? "stays active" : "activated") + for_a_time());
      changes.merge(settle("activated" + signed_by(c), now.wall, false));
      return std::string(was ? "stays active" : "activated; the first round runs now") +
             for_a_time();
    }
    case CommandKind::deactivate: {
      if (!active_ && !c.duration && !word.active_until) return std::string("already deactivated");
      active_ = false;
      word.active_until = until();
      word.requested.reset();
      word.forced.reset();
      say(std::move(word));
      note("deactivated" + for_a_time());
      changes.merge(settle("deactivated" + signed_by(c), now.wall, false));
      const auto values = serving_values();
      return "deactivated" + for_a_time() + "; DNS stays as it is" +
             (values.empty() ? std::string() : ", serving " + values.front());
    }
    case CommandKind::recover: {
      // A swap under way may lead away.
      const bool at_home =
          serving_ == 0 && record_ == RecordState::ours && !word.requested && !swap_under_way_;
      if (at_home && !word.forced && !c.duration)
        return std::string("nothing to do: the primary is served");
      remember();
      word.forced.reset();
      if (c.duration)
        word.forced = Forced{ForcedTo::primary, until(), clean(c.reason), clean(c.by, 64)};
      if (!at_home) word.requested = 0;
      say(std::move(word));
      note(std::string(verb(c.kind)) + for_a_time());
      if (at_home) return "the primary is served and stays so" + for_a_time();
      return "the primary is " + being_written() + for_a_time();
    }
    case CommandKind::force_failover:
      break;
  }
  remember();
  word.forced = Forced{ForcedTo::failover, until(), clean(c.reason), clean(c.by, 64)};
  word.requested.reset();
  const bool there = serving_ != 0 && record_ == RecordState::ours && !swap_under_way_;
  if (!there) word.requested = serving_ != 0 ? serving_ : failover_to_force();
  say(std::move(word));
  note(std::string(verb(c.kind)) + for_a_time());
  if (there) return "the failover is served and held" + for_a_time();
  return "the failover is " + being_written() + for_a_time();
}

std::string ServiceModel::being_written() const {
  if (!swap_under_way_) return "being written";
  return "written when the swap under way has come to its end (`hotswapctl explain` says what that "
         "waits for)";
}

// An operator's word may name no target: the first that passed its last round, or else the first.
std::size_t ServiceModel::failover_to_force() const {
  const auto fit = std::find_if(targets_.begin() + 1, targets_.end(),
                                [](const TargetState& t) { return t.last == Verdict::pass; });
  return fit == targets_.end() ? 1 : static_cast<std::size_t>(fit - targets_.begin());
}

Changes ServiceModel::clock_advanced(const Moment& now) {
  Changes changes;
  OperatorsWord word = *word_;
  const auto& forced = word.forced;
  if (forced && forced->until && *forced->until <= now.steady) {
    const auto what = forced->to == ForcedTo::failover ? "failover" : "primary";
    word.forced.reset();
    say(word);
    changes.state = true;
    changes.notes.push_back(
        {"command", std::string("the forced ") + what + " has run out", now.wall});
  }
  if (word.active_until && *word.active_until <= now.steady) {
    word.active_until.reset();
    say(std::move(word));
    Command c;
    c.kind = active_ ? CommandKind::deactivate : CommandKind::activate;
    c.reason = "the time given with --for has run out";
    (void)command(c, now, changes);  // neither of the two can be refused
  }
  return changes;
}

std::optional<TimePoint> ServiceModel::next_clock() const {
  const auto& forced = word_->forced;
  std::optional<TimePoint> next = word_->active_until;
  if (forced && forced->until && (!next || *forced->until < *next)) next = forced->until;
  return next;
}

Changes ServiceModel::reconfigure(Shared<ServiceSpec> spec, WallTime now) {
  Changes changes;
  const auto old = std::exchange(spec_, std::move(spec));
  std::vector<TargetState> kept(1 + spec_->backups.size());
  const auto probed_as = [](const ServiceSpec& s, std::size_t i) {
    return std::tuple(probed_address(s, i), i == 0 ? std::optional<Shared<MonitorSpec>>(s.monitor)
                                                   : s.backups[i - 1].monitor);
  };
  bool all_kept = kept.size() == targets_.size();
  for (std::size_t i = 0; i < kept.size(); ++i) {
    bool found = false;
    for (std::size_t j = 0; j < targets_.size() && !found; ++j) {
      if (probed_as(*spec_, i) != probed_as(*old, j)) continue;
      kept[i] = targets_[j];
      found = true;
    }
    all_kept = all_kept && found;
  }
  targets_ = std::move(kept);
  if (!all_kept) fresh_rounds_missing_ = std::max(fresh_rounds_missing_, 1);
  if (word_->requested) {
    // An operator's word survives an edit, by the value that was asked for.
    OperatorsWord word = *word_;
    auto& asked = word.requested;
    const auto value = *asked == 0 ? old->address : old->backups[*asked - 1].data;
    const bool home = *asked == 0;
    asked = target_with(record_for(value, spec_->ttl));
    if (!asked) asked = home || targets_.size() == 1 ? 0 : failover_to_force();
    say(std::move(word));
  }
  const auto target = served_ ? target_with(*served_) : std::nullopt;
  if (target) {
    serving_ = *target;
  } else if (serving_ >= targets_.size()) {
    serving_ = targets_.size() - 1;  // another backup stands for the one that is gone
  }
  if (old->ttl != spec_->ttl && served_ && served_->ttl != spec_->ttl) touch_wanted_ = true;
  changes.state = true;
  changes.notes.push_back({"configured", "the configuration of the service changed", now});
  return changes;
}

}  // namespace hotswapd
