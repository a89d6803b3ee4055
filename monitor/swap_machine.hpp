// The protocol of one swap: journal, read, journal, compare-and-set write, read back, commit. Pure:
// it is told what came of each step and says which comes next; the coroutine around it performs.
//
//   journal prepared -> read before -> journal sent -> write -> read back -> commit
//   its reason gone, and it may have left:  journal the fence -> write it -> read back -> commit
//   whichever of the two is there
//
// Promises: nothing is written before both journal entries are durable (rule S1); what is committed
// was read back; a write whose answer was lost is never taken for "not done"; what may have left is
// dropped only when it can take no effect any more (S19). docs/model/swap.pml is this machine in
// Promela.
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
  write,  // to_write(): the swap, or its fence
  read_back,
  journal_fence,
  pause,         // wait backoff(), then paused()
  commit,        // journal: applied, the state, the transition and what is told, in one transaction
  commit_fence,  // journal: closed, the old record stands under the fence's generation
  abandon,       // journal: closed without effect; detail() says why
};

// Where a swap stands, in the words that operators see.
enum class SwapPhase : std::uint8_t { planned, prepared, sent, fenced, read_back, abandoned };

// Does the reason for the swap stand? After a restart only a fresh round can tell.
enum class Wish : std::uint8_t { no, yes, undecided };

// What the protocol must know of a provider; as ProviderCapabilities.
struct ProviderTraits {
  bool keeps_generation = true;
  bool late_effects = true;
  bool compare_and_set = true;
  Millis write_life{60'000};
};

class SwapMachine {
 public:
  // `override_drift`: whatever is read before the write becomes what is expected.
  SwapMachine(SwapPlan plan, bool override_drift, const ProviderTraits& traits);

  // A new swap.
  SwapStep start();
  // One that the journal shows open after a crash: `sent` when its second entry was durable,
  // `fenced` when that of its fence was.
  SwapStep resume(bool sent, bool fenced);

  SwapStep journaled(bool durable);
  SwapStep was_read(const Fallible<LiveRecord>& found);
  SwapStep written(const ApplyResult& answer);
  // The reason went while the journal was written or a turn was waited for. Instead of the call
  // that was due: where nothing has left, nothing has to be undone; where something may have, the
  // record is looked at and fenced. A fence under way goes on.
  SwapStep withdrawn();
  // Instead of a write: nobody can tell for the moment whether it is still wanted.
  SwapStep postponed();
  // `whole`: the pause was not cut short.
  SwapStep paused(Wish wish, bool whole = true);
  // The service turns to another provider, or ends, and this one cannot be asked now, or did not
  // settle it when it was: closed as it is. What may have left may take effect even then.
  SwapStep left();

  const SwapPlan& plan() const noexcept { return plan_; }
  SwapPlan to_write() const { return fenced_ ? fence_plan() : plan_; }
  // The fence's generation, from its journal entry on.
  std::optional<std::uint64_t> fence() const noexcept;
  SwapPhase phase() const noexcept { return phase_; }
  Millis backoff() const noexcept;  // how long the pause is, before jitter
  // A refusal: the pause is the least that there may be between two tries.
  bool refused() const noexcept { return read_refused_ || write_refused_; }
  const std::string& detail() const noexcept { return detail_; }
  bool conflicted() const noexcept {
    return conflicted_;
  }  // abandoned because something else stands there
  // By the last read that went through; absent too when what stands there is no record set.
  const std::optional<LiveRecord>& found() const noexcept { return found_; }
  const std::string& found_no_set() const noexcept { return no_set_; }  // then this says what
  bool sent() const noexcept { return sent_; }
  // The provider said that it is done, and the record is still the old one.
  bool ignored() const noexcept { return ignored_; }
  bool written() const noexcept { return written_; }  // or asked for at least, in this run
  // The pause is for a write that may be under way and cannot be fenced off.
  bool waiting_out() const noexcept { return waiting_out_; }
  // Read back as not done, and nobody has tried yet to make sure that it stays so.
  bool may_be_dropped() const noexcept {
    return at_ == SwapStep::pause && after_pause_ == SwapStep::write && !fenced_ && !unwanted_;
  }
  // Closed by left() although a write may be under way.
  bool left_behind() const noexcept { return left_behind_; }
  // The highest generation that may have been sent.
  std::uint64_t spent() const noexcept { return fence().value_or(plan_.generation); }
  // Dropped or fenced because nobody wants it any more.
  bool reason_gone() const noexcept { return reason_gone_; }

 private:
  SwapStep give_up(std::string why);
  SwapStep wait(std::string why);
  SwapStep drop();
  SwapStep half_done();
  SwapPlan fence_plan() const;
  bool can_fence() const;
  bool is_ours(const LiveRecord& live) const;
  bool is_fence(const LiveRecord& live) const;
  bool is_expected(const LiveRecord& live) const;
  bool is_half_done(const LiveRecord& live) const;

  SwapPlan plan_;
  bool override_drift_;
  ProviderTraits traits_;
  SwapPhase phase_ = SwapPhase::planned;
  SwapStep at_ = SwapStep::journal_prepared;
  SwapStep after_pause_ = SwapStep::journal_prepared;
  bool sent_ = false;
  bool fenced_ = false;       // its journal entry is durable
  bool unwanted_ = false;     // as far as the last pause could tell
  bool waiting_out_ = false;  // until a write that cannot be fenced has lost its life
  bool superseded_ = false;   // the generation moved on: nothing that was sent can be done any more
  bool recovering_ = false;
  bool read_refused_ = false;
  bool write_refused_ = false;
  bool said_done_ = false;
  bool ignored_ = false;
  bool conflicted_ = false;
  bool reason_gone_ = false;
  bool left_behind_ = false;
  bool written_ = false;  // a write was asked for in this life of the process
  bool short_pause_ = false;
  int failures_ = 0;
  std::string detail_;
  std::string no_set_;
  std::optional<LiveRecord> found_;
};

const char* to_string(SwapPhase phase) noexcept;

}  // namespace hotswapd
