#include "monitor/swap_machine.hpp"

#include <algorithm>
#include <utility>

namespace hotswapd {
namespace {

constexpr Millis first_backoff{1'000};
constexpr Millis longest_backoff{60'000};

std::string describe(const LiveRecord& live) {
  return live.set ? to_string(*live.set) : std::string("no record");
}

}  // namespace

SwapMachine::SwapMachine(SwapPlan plan, bool override_drift, const ProviderTraits& traits)
    : plan_(std::move(plan)),
      override_drift_(override_drift),
      late_effects_(traits.late_effects),
      keeps_generation_(traits.keeps_generation) {}

SwapStep SwapMachine::start() {
  return at_ = SwapStep::journal_prepared;
}

SwapStep SwapMachine::resume(bool sent) {
  recovering_ = true;
  sent_ = sent;
  if (!sent) return give_up("it was prepared, never sent, when the daemon ended");
  phase_ = SwapPhase::sent;
  return at_ = SwapStep::read_back;
}

SwapStep SwapMachine::journaled(bool durable) {
  if (!durable) {
    // The entry does not exist: nothing may be written on its strength.
    if (at_ == SwapStep::journal_prepared) return give_up("the journal could not be written");
    return wait("the journal could not be written");
  }
  if (at_ == SwapStep::journal_prepared) {
    phase_ = SwapPhase::prepared;
    return at_ = SwapStep::read_before;
  }
  sent_ = true;
  phase_ = SwapPhase::sent;
  return at_ = SwapStep::write;
}

SwapStep SwapMachine::was_read(const Fallible<LiveRecord>& found) {
  if (!found) {
    after_pause_ = at_;
    return wait("the record could not be read: " + found.error().text);
  }
  found_ = *found;
  if (is_ours(*found_)) {
    detail_ = "read back: " + describe(*found_);
    phase_ = SwapPhase::read_back;
    return at_ = SwapStep::commit;
  }
  if (at_ == SwapStep::read_before) {
    if (override_drift_) {
      plan_.expect = found_->set;
      plan_.expect_generation = found_->generation;
      plan_.generation = std::max(plan_.generation, found_->generation.value_or(0) + 1);
    } else if (!is_expected(*found_)) {
      conflicted_ = true;
      return give_up("found " + describe(*found_) + " instead of what was expected");
    }
    return at_ = SwapStep::journal_sent;
  }
  // After the write. Only what we expected before means that it has not been done.
  if (!is_expected(*found_)) {
    conflicted_ = true;
    return give_up("found " + describe(*found_) + ", which is neither the old nor the new record");
  }
  if (recovering_ && !late_effects_) {
    return give_up("it had not been written when the daemon ended");
  }
  after_pause_ = SwapStep::write;
  return wait(detail_.empty() ? "the record is still the old one" : detail_);
}

SwapStep SwapMachine::withdrawn() {
  if (at_ != SwapStep::write || written_ || recovering_) return at_;
  reason_gone_ = true;
  return give_up("its reason had gone before anything was written");
}

SwapStep SwapMachine::written(const ApplyResult& answer) {
  written_ = true;
  slow_ = answer.outcome == SwapOutcome::refused;
  detail_ = std::string(to_string(answer.outcome)) +
            (answer.detail.empty() ? std::string() : ": " + answer.detail);
  return at_ = SwapStep::read_back;
}

SwapStep SwapMachine::paused(bool still_wanted) {
  if (!still_wanted && (!sent_ || !late_effects_)) {
    // Without late effects the last read-back was final; unread, it is asked for once more.
    if (sent_ && after_pause_ == SwapStep::read_back) return at_ = SwapStep::read_back;
    reason_gone_ = true;
    return give_up("its reason has gone");
  }
  return at_ = after_pause_;
}

Millis SwapMachine::backoff() const noexcept {
  if (slow_) return longest_backoff;
  const int doublings = std::clamp(failures_ - 1, 0, 10);
  return std::min(longest_backoff, first_backoff * (1 << doublings));
}

SwapStep SwapMachine::give_up(std::string why) {
  detail_ = std::move(why);
  phase_ = SwapPhase::abandoned;
  return at_ = SwapStep::abandon;
}

SwapStep SwapMachine::wait(std::string why) {
  // Time passes in a pause: what was read before it is read again.
  if (at_ == SwapStep::journal_sent) after_pause_ = SwapStep::read_before;
  ++failures_;
  detail_ = std::move(why);
  return at_ = SwapStep::pause;
}

bool SwapMachine::is_ours(const LiveRecord& live) const {
  if (!live.set || !live.set->same_values(plan_.want)) return false;
  if (!live.op.empty() && live.op != plan_.op) return false;
  if (keeps_generation_) return live.generation == plan_.generation;
  // Without generations the value and our TTL are all there is to see.
  return sent_ && live.set->ttl == plan_.want.ttl;
}

bool SwapMachine::is_expected(const LiveRecord& live) const {
  if (live.generation != plan_.expect_generation) return false;
  if (!live.set || !plan_.expect) return live.set.has_value() == plan_.expect.has_value();
  return live.set->same_values(*plan_.expect);
}

const char* to_string(SwapPhase phase) noexcept {
  switch (phase) {
    case SwapPhase::planned:
      return "planned";
    case SwapPhase::prepared:
      return "prepared";
    case SwapPhase::sent:
      return "sent";
    case SwapPhase::read_back:
      return "read back";
    case SwapPhase::abandoned:
      break;
  }
  return "abandoned";
}

}  // namespace hotswapd
