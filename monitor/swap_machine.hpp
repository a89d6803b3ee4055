// The protocol of one swap: journal, read, journal, compare-and-set write, read back, commit. Pure:
// it is told what came of each step and says which comes next; the coroutine around it performs.
//
//   journal prepared -> read before -> journal sent -> write -> read back -> commit
//
// Promises: nothing is written before both journal entries are durable (rule S1); what is committed
// was read back; a write whose answer was lost is never taken for "not done"; a plan that may have
// left is dropped only where the provider's writes have no late effects (S19).
#pragma once

#include <string>

#include "core/error.hpp"
#include "core/record.hpp"
#include "core/swap_plan.hpp"

namespace hotswapd {

enum class SwapStep : std::uint8_t {
  journal_prepared,
  read_before,
  journal_sent,
  write,
  read_back,
  pause,    // wait backoff(), then paused()
  commit,   // journal: applied, the state, the transition and what is told, in one transaction
  abandon,  // journal: closed without effect; detail() says why
};

// Where a swap stands, in the words that operators see.
enum class SwapPhase : std::uint8_t { planned, prepared, sent, read_back, abandoned };

// What the protocol must know of a provider; as ProviderCapabilities.
struct ProviderTraits {
  bool keeps_generation = true;
  bool late_effects = true;
};

class SwapMachine {
 public:
  // `override_drift`: whatever is read before the write becomes what is expected.
  SwapMachine(SwapPlan plan, bool override_drift, const ProviderTraits& traits);

  // A new swap.
  SwapStep start();
  // One that the journal shows open after a crash: `sent` when its second entry was durable.
  SwapStep resume(bool sent);

  SwapStep journaled(bool durable);
  SwapStep was_read(const Fallible<LiveRecord>& found);
  SwapStep written(const ApplyResult& answer);
  // The reason went while the journal was written: nothing has left, so nothing has to be undone.
  // Instead of the first write; after one it means nothing and the write comes.
  SwapStep withdrawn();
  // After a pause: does the reason for the swap still stand?
  SwapStep paused(bool still_wanted);

  const SwapPlan& plan() const noexcept { return plan_; }
  SwapPhase phase() const noexcept { return phase_; }
  Millis backoff() const noexcept;  // how long the pause is, before jitter
  const std::string& detail() const noexcept { return detail_; }
  bool conflicted() const noexcept {
    return conflicted_;
  }  // abandoned because something else stands there
  const std::optional<LiveRecord>& found() const noexcept {
    return found_;
  }  // by the last read that went through
  bool sent() const noexcept { return sent_; }
  // Abandoned because nobody wants it any more.
  bool reason_gone() const noexcept { return reason_gone_; }

 private:
  SwapStep give_up(std::string why);
  SwapStep wait(std::string why);
  bool is_ours(const LiveRecord& live) const;
  bool is_expected(const LiveRecord& live) const;

  SwapPlan plan_;
  bool override_drift_;
  bool late_effects_;
  bool keeps_generation_;
  SwapPhase phase_ = SwapPhase::planned;
  SwapStep at_ = SwapStep::journal_prepared;
  SwapStep after_pause_ = SwapStep::journal_prepared;
  bool sent_ = false;
  bool recovering_ = false;
  bool slow_ = false;
  bool conflicted_ = false;
  bool reason_gone_ = false;
  bool written_ = false;  // a write was asked for in this life of the process
  int failures_ = 0;
  std::string detail_;
  std::optional<LiveRecord> found_;
};

const char* to_string(SwapPhase phase) noexcept;

}  // namespace hotswapd
