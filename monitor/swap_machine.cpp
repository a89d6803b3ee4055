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
    : plan_(std::move(plan)), override_drift_(override_drift), traits_(traits) {}

SwapStep SwapMachine::start() {
  return at_ = SwapStep::journal_prepared;
}

SwapStep SwapMachine::resume(bool sent, bool fenced) {
  recovering_ = true;
  sent_ = sent;
  if (!sent) return give_up("it was prepared, never sent, when the daemon ended");
  phase_ = fenced ? SwapPhase::fenced : SwapPhase::sent;
  fenced_ = unwanted_ = fenced;
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
  if (at_ == SwapStep::journal_fence) {
    fenced_ = true;
    phase_ = SwapPhase::fenced;
    return at_ = SwapStep::write;
  }
  sent_ = true;
  superseded_ = false;
  phase_ = SwapPhase::sent;
  return at_ = SwapStep::write;
}

SwapStep SwapMachine::was_read(const Fallible<LiveRecord>& found) {
  if (!found && found.error().code == errc::conflict) {
    found_.reset();
    no_set_ = found.error().text;
    conflicted_ = true;
    return give_up("found what cannot be swapped: " + found.error().text);
  }
  read_refused_ = !found && hurdle_of(found.error()) == Hurdle::configuration;
  if (!found) {
    after_pause_ = at_;
    return wait("the record could not be read: " + found.error().text);
  }
  found_ = *found;
  if (is_ours(*found_)) {
    detail_ = "read back: " + describe(*found_);
    phase_ = SwapPhase::read_back;
    ignored_ = false;
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
  // After the write, or what may have been one.
  if (fenced_ && is_fence(*found_)) {
    detail_ =
        "its reason had gone when it may have been under way: the old record was written "
        "again as generation " +
        std::to_string(*fence()) + ", so that no copy of it can take effect";
    phase_ = SwapPhase::abandoned;
    reason_gone_ = true;
    return at_ = SwapStep::commit_fence;
  }
  if (is_half_done(*found_)) return half_done();
  // Only what we expected before means that it has not been done.
  if (!is_expected(*found_)) {
    conflicted_ = true;
    return give_up("found " + describe(*found_) + ", which is neither the old nor the new record");
  }
  if (recovering_ && !traits_.late_effects) {
    return give_up("it had not been written when the daemon ended");
  }
  after_pause_ = SwapStep::write;
  if (unwanted_ && !fenced_) return drop();
  ignored_ = said_done_;
  if (ignored_) {
    return wait("the provider said that it is done, but the record is still " + describe(*found_));
  }
  return wait(detail_.empty() ? "the record is still the old one" : detail_);
}

// The generation is the one that we wrote, the record beside it is not: the server took one and
// passed over the other. What was sent expects a generation that is gone, so it is written anew.
SwapStep SwapMachine::half_done() {
  superseded_ = true;
  plan_.generation = fence().value_or(plan_.generation) + 1;
  plan_.expect_generation = found_->generation;
  fenced_ = false;
  if (unwanted_ || (recovering_ && !traits_.late_effects)) return drop();
  ignored_ = true;
  after_pause_ = SwapStep::journal_sent;
  return wait("the provider took the generation, but the record is still " + describe(*found_));
}

SwapStep SwapMachine::withdrawn() {
  if (fenced_) return at_;  // one of the two has to be there first
  const bool sends_nothing = at_ == SwapStep::read_before && !recovering_;
  const bool unsent = at_ == SwapStep::write && !written_ && !recovering_;
  if (sends_nothing || unsent) {
    reason_gone_ = true;
    return give_up("its reason had gone before anything was written");
  }
  if (at_ != SwapStep::write) return at_;
  unwanted_ = true;
  return at_ = SwapStep::read_back;
}

SwapStep SwapMachine::postponed() {
  if (fenced_ || at_ != SwapStep::write) return at_;
  return at_ = SwapStep::read_back;
}

SwapStep SwapMachine::written(const ApplyResult& answer) {
  written_ = true;
  superseded_ = false;
  write_refused_ = hurdle_of(answer) == Hurdle::configuration;
  said_done_ = answer.outcome == SwapOutcome::applied || answer.outcome == SwapOutcome::already;
  detail_ = std::string(to_string(answer.outcome)) +
            (answer.detail.empty() ? std::string() : ": " + answer.detail);
  return at_ = SwapStep::read_back;
}

SwapStep SwapMachine::paused(Wish wish, bool whole) {
  short_pause_ = false;
  const bool waited_out = std::exchange(waiting_out_, false) && whole;
  if (fenced_) return at_ = after_pause_;  // one of the two has to be there first
  if (after_pause_ == SwapStep::read_back) {
    if (wish != Wish::undecided) unwanted_ = wish == Wish::no;
    return at_ = SwapStep::read_back;
  }
  if (wish == Wish::undecided) {
    short_pause_ = true;
    detail_ =
        "it may have been sent before the daemon ended; a fresh round decides whether it is "
        "still wanted";
    return at_ = SwapStep::pause;
  }
  unwanted_ = wish == Wish::no;
  if (!unwanted_) return at_ = after_pause_;
  if (!waited_out) return drop();
  // Its life is over; the last look is the one that counts.
  superseded_ = true;
  return at_ = SwapStep::read_back;
}

SwapStep SwapMachine::left() {
  reason_gone_ = true;
  if (!written_ && !recovering_) return give_up("nothing of it had left");
  left_behind_ = true;
  return give_up("it may still take effect at the provider that is left; the last of it: " +
                 (detail_.empty() ? std::string("it was sent") : detail_));
}

// The record is the old one, and nobody wants the new one any more.
SwapStep SwapMachine::drop() {
  if (!sent_ || !traits_.late_effects || superseded_) {
    reason_gone_ = true;
    return give_up("its reason has gone");
  }
  if (can_fence()) return at_ = SwapStep::journal_fence;
  waiting_out_ = true;
  detail_ =
      "its reason has gone, but it may still be under way: the record is watched until it "
      "cannot be any more";
  return at_ = SwapStep::pause;
}

Millis SwapMachine::backoff() const noexcept {
  if (waiting_out_) return traits_.write_life;
  if (refused()) return longest_backoff;
  if (short_pause_) return first_backoff;
  const int doublings = std::clamp(failures_ - 1, 0, 10);
  return std::min(longest_backoff, first_backoff * (1 << doublings));
}

SwapStep SwapMachine::give_up(std::string why) {
  detail_ = std::move(why);
  phase_ = SwapPhase::abandoned;
  ignored_ = false;
  return at_ = SwapStep::abandon;
}

SwapStep SwapMachine::wait(std::string why) {
  // Time passes in a pause: what was read before it is read again.
  if (at_ == SwapStep::journal_sent)
    after_pause_ = sent_ ? SwapStep::journal_sent : SwapStep::read_before;
  if (at_ == SwapStep::journal_fence) after_pause_ = SwapStep::write;
  ++failures_;
  detail_ = std::move(why);
  return at_ = SwapStep::pause;
}

std::optional<std::uint64_t> SwapMachine::fence() const noexcept {
  if (!fenced_ && at_ != SwapStep::journal_fence) return std::nullopt;
  return plan_.generation + 1;
}

// An empty name stays without a fence: nothing of ours could stand there (S4).
bool SwapMachine::can_fence() const {
  return traits_.compare_and_set && traits_.keeps_generation && plan_.expect.has_value();
}

SwapPlan SwapMachine::fence_plan() const {
  SwapPlan fence = plan_;
  fence.want = *plan_.expect;
  ++fence.generation;
  fence.op += "-fence";
  return fence;
}

bool SwapMachine::is_ours(const LiveRecord& live) const {
  if (!live.set || !live.set->same_values(plan_.want)) return false;
  if (!live.op.empty() && live.op != plan_.op) return false;
  if (traits_.keeps_generation) return live.generation == plan_.generation;
  // Without generations the value and our TTL are all there is to see. Some keep a TTL of their
  // own: where the provider says that it is done, the value alone has to do.
  return sent_ && (live.set->ttl == plan_.want.ttl || said_done_);
}

bool SwapMachine::is_fence(const LiveRecord& live) const {
  if (!live.set || !live.set->same_values(*plan_.expect)) return false;
  if (!live.op.empty() && live.op != plan_.op + "-fence") return false;
  return live.generation == fence();
}

bool SwapMachine::is_expected(const LiveRecord& live) const {
  if (live.generation != plan_.expect_generation) return false;
  if (!live.set || !plan_.expect) return live.set.has_value() == plan_.expect.has_value();
  return live.set->same_values(*plan_.expect);
}

bool SwapMachine::is_half_done(const LiveRecord& live) const {
  if (!traits_.keeps_generation || live.generation != plan_.generation) return false;
  if (!live.op.empty() && live.op != plan_.op) return false;
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
    case SwapPhase::fenced:
      return "fenced";
    case SwapPhase::read_back:
      return "read back";
    case SwapPhase::abandoned:
      break;
  }
  return "abandoned";
}

}  // namespace hotswapd
