#include "monitor/swap_machine.hpp"

#include <gtest/gtest.h>

namespace hotswapd {
namespace {

const RecordSet old_set{RecordType::a, 30, {"192.0.2.10"}};
const RecordSet new_set{RecordType::a, 30, {"198.51.100.10"}};
const RecordSet foreign_set{RecordType::a, 30, {"203.0.113.9"}};

SwapPlan plan() {
  SwapPlan p;
  p.key = {"example.com", "www.example.com"};
  p.expect = old_set;
  p.expect_generation = 41;
  p.want = new_set;
  p.generation = 42;
  p.op = "op";
  return p;
}

Fallible<LiveRecord> live(const RecordSet& set, std::uint64_t generation) {
  return LiveRecord{set, generation, "", 7};
}
Fallible<LiveRecord> unreadable() {
  return Error{errc::timed_out, "no answer"};
}

SwapMachine sent_machine(bool late_effects = false) {
  SwapMachine m(plan(), false, {true, late_effects});
  EXPECT_EQ(m.start(), SwapStep::journal_prepared);
  EXPECT_EQ(m.journaled(true), SwapStep::read_before);
  EXPECT_EQ(m.was_read(live(old_set, 41)), SwapStep::journal_sent);
  EXPECT_EQ(m.journaled(true), SwapStep::write);
  return m;
}

TEST(SwapMachine, TheStraightWay) {
  auto m = sent_machine();
  EXPECT_EQ(m.written({SwapOutcome::applied, ""}), SwapStep::read_back);
  EXPECT_EQ(m.was_read(live(new_set, 42)), SwapStep::commit);
  EXPECT_EQ(m.phase(), SwapPhase::read_back);
  EXPECT_EQ(m.found()->serial, 7u);
}

TEST(SwapMachine, NothingIsWrittenWithoutTheJournal) {
  SwapMachine m(plan(), false, {true, false});
  m.start();
  EXPECT_EQ(m.journaled(false), SwapStep::abandon);
  SwapMachine second(plan(), false, {true, false});
  second.start();
  second.journaled(true);
  second.was_read(live(old_set, 41));
  EXPECT_EQ(second.journaled(false), SwapStep::pause);
  EXPECT_EQ(second.paused(Wish::yes), SwapStep::read_before)
      << "what was read before the pause is stale";
  EXPECT_FALSE(second.sent());
}

TEST(SwapMachine, ForeignRecordBeforeTheWriteIsLeftAlone) {
  SwapMachine m(plan(), false, {true, false});
  m.start();
  m.journaled(true);
  EXPECT_EQ(m.was_read(live(foreign_set, 41)), SwapStep::abandon);
  EXPECT_TRUE(m.conflicted());
}

TEST(SwapMachine, SameValueWithAnotherGenerationIsForeignToo) {
  SwapMachine m(plan(), false, {true, false});
  m.start();
  m.journaled(true);
  EXPECT_EQ(m.was_read(live(old_set, 43)), SwapStep::abandon);
  EXPECT_TRUE(m.conflicted());
}

TEST(SwapMachine, AnOperatorOverridesDrift) {
  SwapMachine m(plan(), true, {true, false});
  m.start();
  m.journaled(true);
  EXPECT_EQ(m.was_read(live(foreign_set, 57)), SwapStep::journal_sent);
  EXPECT_EQ(m.plan().expect, foreign_set);
  EXPECT_EQ(m.plan().expect_generation, 57u);
  EXPECT_EQ(m.plan().generation, 58u);
}

TEST(SwapMachine, AnEarlierTryThatWonIsCommittedWithoutASecondWrite) {
  SwapMachine m(plan(), false, {true, false});
  m.start();
  m.journaled(true);
  EXPECT_EQ(m.was_read(live(new_set, 42)), SwapStep::commit);
}

TEST(SwapMachine, TheAnswerNeverDecidesOnlyTheReadBackDoes) {
  for (const auto outcome : {SwapOutcome::applied, SwapOutcome::already, SwapOutcome::conflict,
                             SwapOutcome::refused, SwapOutcome::failed, SwapOutcome::unknown}) {
    auto m = sent_machine();
    EXPECT_EQ(m.written({outcome, "said so"}), SwapStep::read_back);
    EXPECT_EQ(m.was_read(live(new_set, 42)), SwapStep::commit) << to_string(outcome);
    auto lost = sent_machine();
    lost.written({outcome, "said so"});
    EXPECT_EQ(lost.was_read(live(old_set, 41)), SwapStep::pause) << to_string(outcome);
    EXPECT_EQ(lost.paused(Wish::yes), SwapStep::write);
  }
}

TEST(SwapMachine, LosingTheRaceIsDrift) {
  auto m = sent_machine();
  m.written({SwapOutcome::conflict, ""});
  EXPECT_EQ(m.was_read(live(foreign_set, 42)), SwapStep::abandon);
  EXPECT_TRUE(m.conflicted());
}

TEST(SwapMachine, UnreadableIsAskedAgain) {
  auto m = sent_machine();
  m.written({SwapOutcome::unknown, ""});
  EXPECT_EQ(m.was_read(unreadable()), SwapStep::pause);
  EXPECT_EQ(m.paused(Wish::yes), SwapStep::read_back);
  EXPECT_EQ(m.was_read(unreadable()), SwapStep::pause);
  EXPECT_EQ(m.paused(Wish::no), SwapStep::read_back) << "sent: only a read-back may end it";
  EXPECT_EQ(m.was_read(live(new_set, 42)), SwapStep::commit);
}

TEST(SwapMachine, AVanishedReasonDropsOnlyWhatCannotTakeEffectLater) {
  auto local = sent_machine(false);
  local.written({SwapOutcome::failed, ""});
  local.was_read(live(old_set, 41));
  EXPECT_EQ(local.paused(Wish::no), SwapStep::abandon);
  EXPECT_FALSE(local.conflicted());

  auto remote = sent_machine(true);
  remote.written({SwapOutcome::unknown, ""});
  remote.was_read(live(old_set, 41));
  EXPECT_EQ(remote.paused(Wish::no), SwapStep::journal_fence)
      << "a packet may be under way: it cannot be dropped";

  SwapMachine unsent(plan(), false, {true, true});
  unsent.start();
  unsent.journaled(true);
  unsent.was_read(unreadable());
  EXPECT_EQ(unsent.paused(Wish::no), SwapStep::abandon);
}

TEST(SwapMachine, BackoffDoublesToAMinuteAndRefusalsAreSlow) {
  auto m = sent_machine();
  std::vector<Millis> pauses;
  for (int i = 0; i < 8; ++i) {
    m.written({SwapOutcome::failed, ""});
    m.was_read(live(old_set, 41));
    pauses.push_back(m.backoff());
    m.paused(Wish::yes);
  }
  EXPECT_EQ(pauses, (std::vector<Millis>{Seconds(1), Seconds(2), Seconds(4), Seconds(8),
                                         Seconds(16), Seconds(32), Seconds(60), Seconds(60)}));
  m.written({SwapOutcome::refused, ""});
  m.was_read(live(old_set, 41));
  EXPECT_EQ(m.backoff(), Seconds(60));
}

TEST(SwapMachine, AfterACrash) {
  SwapMachine prepared(plan(), false, {true, false});
  EXPECT_EQ(prepared.resume(false, false), SwapStep::abandon) << "never sent";

  SwapMachine won(plan(), false, {true, false});
  EXPECT_EQ(won.resume(true, false), SwapStep::read_back);
  EXPECT_EQ(won.was_read(live(new_set, 42)), SwapStep::commit);

  SwapMachine lost(plan(), false, {true, false});
  lost.resume(true, false);
  EXPECT_EQ(lost.was_read(live(old_set, 41)), SwapStep::abandon);
  EXPECT_FALSE(lost.conflicted());

  SwapMachine remote(plan(), false, {true, true});
  remote.resume(true, false);
  EXPECT_EQ(remote.was_read(live(old_set, 41)), SwapStep::pause)
      << "a packet may still be under way";

  SwapMachine foreign(plan(), false, {true, false});
  foreign.resume(true, false);
  EXPECT_EQ(foreign.was_read(live(foreign_set, 42)), SwapStep::abandon);
  EXPECT_TRUE(foreign.conflicted());
}

TEST(SwapMachine, FirstContactExpectsNothing) {
  auto p = plan();
  p.expect.reset();
  p.expect_generation.reset();
  SwapMachine m(p, false, {true, false});
  m.start();
  m.journaled(true);
  EXPECT_EQ(m.was_read(LiveRecord{}), SwapStep::journal_sent);
  SwapMachine taken(p, false, {true, false});
  taken.start();
  taken.journaled(true);
  EXPECT_EQ(taken.was_read(LiveRecord{old_set, std::nullopt, "", 0}), SwapStep::abandon);
}

TEST(SwapMachine, ALostTouchOfTheSameValueIsNotTakenForDone) {
  auto p = plan();
  p.want = old_set;
  p.expect_generation.reset();
  p.generation = 1;
  SwapMachine m(p, false, {true, false});
  m.start();
  m.journaled(true);
  m.was_read(LiveRecord{old_set, std::nullopt, "", 0});
  m.journaled(true);
  m.written({SwapOutcome::unknown, ""});
  EXPECT_EQ(m.was_read(LiveRecord{old_set, std::nullopt, "", 0}), SwapStep::pause);
}

TEST(SwapMachine, WithoutGenerationsATtlOfTheProvidersOwnIsNoObstacle) {
  const auto machine = [](const RecordSet& want, SwapOutcome answer) {
    SwapPlan p = plan();
    p.expect_generation.reset();
    p.want = want;
    SwapMachine m(p, false, {false, true, false});
    m.start();
    m.journaled(true);
    m.was_read(LiveRecord{old_set, std::nullopt, "", 7});
    m.journaled(true);
    m.written({answer, ""});
    return m;
  };
  RecordSet lower = old_set;
  lower.ttl = 20;
  auto touch = machine(lower, SwapOutcome::applied);
  EXPECT_EQ(touch.was_read(LiveRecord{old_set, std::nullopt, "", 8}), SwapStep::commit);
  RecordSet clamped = new_set;
  clamped.ttl = 300;
  auto swap = machine(new_set, SwapOutcome::applied);
  EXPECT_EQ(swap.was_read(LiveRecord{clamped, std::nullopt, "", 8}), SwapStep::commit);
  auto lost = machine(lower, SwapOutcome::unknown);
  EXPECT_EQ(lost.was_read(LiveRecord{old_set, std::nullopt, "", 8}), SwapStep::pause)
      << "nobody said that it is done";
}

TEST(SwapMachine, AnotherOperationsWriteIsNotOurs) {
  auto m = sent_machine();
  m.written({SwapOutcome::unknown, ""});
  EXPECT_EQ(m.was_read(LiveRecord{new_set, 42, "somebody else's", 0}), SwapStep::abandon);
}

// A machine whose swap may be under way, and whose reason has gone.
SwapMachine fencing_machine() {
  auto m = sent_machine(true);
  m.written({SwapOutcome::unknown, ""});
  m.was_read(live(old_set, 41));
  EXPECT_EQ(m.paused(Wish::no), SwapStep::journal_fence);
  EXPECT_EQ(m.fence(), 43u) << "the entry in the journal says which";
  EXPECT_EQ(m.journaled(true), SwapStep::write);
  return m;
}

TEST(SwapMachine, TheFenceExpectsWhatTheSwapExpectsAndOutbidsIt) {
  auto m = fencing_machine();
  const auto fence = m.to_write();
  EXPECT_EQ(fence.expect, old_set);
  EXPECT_EQ(fence.expect_generation, 41u);
  EXPECT_EQ(fence.want, old_set);
  EXPECT_EQ(fence.generation, 43u);
  EXPECT_NE(fence.op, m.plan().op);
  EXPECT_EQ(m.phase(), SwapPhase::fenced);
}

TEST(SwapMachine, EitherTheSwapOrItsFenceIsReadBack) {
  auto fence = fencing_machine();
  fence.written({SwapOutcome::unknown, ""});
  EXPECT_EQ(fence.was_read(live(old_set, 43)), SwapStep::commit_fence);
  EXPECT_TRUE(fence.reason_gone());
  EXPECT_FALSE(fence.conflicted());

  auto swap = fencing_machine();
  swap.written({SwapOutcome::conflict, ""});
  EXPECT_EQ(swap.was_read(live(new_set, 42)), SwapStep::commit) << "the late packet was quicker";

  auto neither = fencing_machine();
  neither.written({SwapOutcome::unknown, ""});
  EXPECT_EQ(neither.was_read(live(old_set, 41)), SwapStep::pause);
  EXPECT_EQ(neither.paused(Wish::yes), SwapStep::write);
  EXPECT_EQ(neither.to_write().generation, 43u) << "a fence stays one, whatever is wanted by now";
  EXPECT_EQ(neither.written({SwapOutcome::unknown, ""}), SwapStep::read_back);
  EXPECT_EQ(neither.was_read(unreadable()), SwapStep::pause);
  EXPECT_EQ(neither.paused(Wish::no), SwapStep::read_back);
}

TEST(SwapMachine, AFenceThatIsNotInTheJournalIsNotWritten) {
  auto m = sent_machine(true);
  m.written({SwapOutcome::unknown, ""});
  m.was_read(live(old_set, 41));
  EXPECT_EQ(m.paused(Wish::no), SwapStep::journal_fence);
  EXPECT_EQ(m.journaled(false), SwapStep::pause);
  EXPECT_FALSE(m.fence());
  EXPECT_EQ(m.paused(Wish::no), SwapStep::journal_fence);
  EXPECT_EQ(m.journaled(false), SwapStep::pause);
  EXPECT_EQ(m.paused(Wish::yes), SwapStep::write) << "wanted again before anything was fenced";
  EXPECT_EQ(m.to_write().generation, 42u);
}

TEST(SwapMachine, WithoutAReadingTheRecordIsReadBeforeItIsFenced) {
  auto m = sent_machine(true);
  m.written({SwapOutcome::unknown, ""});
  m.was_read(unreadable());
  EXPECT_EQ(m.paused(Wish::no), SwapStep::read_back);
  EXPECT_EQ(m.was_read(live(old_set, 41)), SwapStep::journal_fence);
}

TEST(SwapMachine, AResumedSwapWaitsForAFreshRoundThenGoesOnOrIsFenced) {
  SwapMachine m(plan(), false, {true, true});
  m.resume(true, false);
  m.was_read(live(old_set, 41));
  EXPECT_EQ(m.paused(Wish::undecided), SwapStep::pause);
  EXPECT_EQ(m.backoff(), Seconds(1));
  EXPECT_EQ(m.paused(Wish::yes), SwapStep::write);
  // The turn took long, and the primary is back.
  EXPECT_EQ(m.withdrawn(), SwapStep::read_back) << "an earlier run may have written";
  EXPECT_EQ(m.was_read(live(old_set, 41)), SwapStep::journal_fence);
}

TEST(SwapMachine, AResumedSwapOfWhichNobodyCanTellIsNotWritten) {
  SwapMachine m(plan(), false, {true, true});
  m.resume(true, false);
  m.was_read(live(old_set, 41));
  EXPECT_EQ(m.paused(Wish::yes), SwapStep::write);
  EXPECT_EQ(m.postponed(), SwapStep::read_back);
  EXPECT_EQ(m.was_read(live(old_set, 41)), SwapStep::pause);
  EXPECT_EQ(m.paused(Wish::yes), SwapStep::write);
  m.written({SwapOutcome::unknown, ""});
  m.was_read(live(old_set, 41));
  EXPECT_EQ(m.paused(Wish::no), SwapStep::journal_fence);

  SwapMachine fenced(plan(), false, {true, true});
  EXPECT_EQ(fenced.resume(true, true), SwapStep::read_back);
  EXPECT_EQ(fenced.fence(), 43u);
  EXPECT_EQ(fenced.was_read(live(old_set, 41)), SwapStep::pause);
  EXPECT_EQ(fenced.paused(Wish::undecided), SwapStep::write);
  EXPECT_EQ(fenced.to_write().generation, 43u);
}

TEST(SwapMachine, WhereNoFenceCanBeItsLifeIsWaitedOut) {
  for (const bool keeps : {true, false}) {
    auto p = plan();
    if (!keeps) p.expect_generation.reset();
    const std::optional<std::uint64_t> old_generation =
        keeps ? std::optional<std::uint64_t>(41) : std::nullopt;
    const Fallible<LiveRecord> old_there = LiveRecord{old_set, old_generation, "", 7};
    SwapMachine m(p, false, {keeps, true, !keeps, Seconds(90)});
    m.start();
    m.journaled(true);
    m.was_read(old_there);
    m.journaled(true);
    m.written({SwapOutcome::unknown, ""});
    m.was_read(old_there);
    EXPECT_EQ(m.paused(Wish::no), SwapStep::pause);
    EXPECT_EQ(m.backoff(), Seconds(90));
    auto again = m;
    EXPECT_EQ(again.paused(Wish::yes), SwapStep::write) << "wanted again meanwhile";
    again.written({SwapOutcome::unknown, ""});
    again.was_read(old_there);
    EXPECT_EQ(again.paused(Wish::no), SwapStep::pause);
    EXPECT_EQ(again.backoff(), Seconds(90)) << "the newest write has a life of its own";
    EXPECT_EQ(m.paused(Wish::no), SwapStep::read_back);
    auto late = m;
    const std::optional<std::uint64_t> new_generation =
        keeps ? std::optional<std::uint64_t>(42) : std::nullopt;
    EXPECT_EQ(late.was_read(LiveRecord{new_set, new_generation, "", 8}), SwapStep::commit);
    EXPECT_EQ(m.was_read(old_there), SwapStep::abandon);
    EXPECT_TRUE(m.reason_gone());
  }
}

TEST(SwapMachine, AnEmptyNameIsNeverFenced) {
  auto p = plan();
  p.expect.reset();
  p.expect_generation.reset();
  SwapMachine m(p, false, {true, true});
  m.start();
  m.journaled(true);
  m.was_read(LiveRecord{});
  m.journaled(true);
  m.written({SwapOutcome::unknown, ""});
  m.was_read(LiveRecord{});
  EXPECT_EQ(m.paused(Wish::no), SwapStep::pause) << "what was sent is waited out";
  EXPECT_FALSE(m.fence());
}

TEST(SwapMachine, WhatIsSaidToBeDoneAndIsNotIsTriedAgainWithBackoff) {
  auto m = sent_machine(true);
  m.written({SwapOutcome::applied, ""});
  EXPECT_FALSE(m.ignored());
  EXPECT_EQ(m.was_read(live(old_set, 41)), SwapStep::pause);
  EXPECT_TRUE(m.ignored());
  EXPECT_FALSE(m.conflicted());
  EXPECT_EQ(m.paused(Wish::yes), SwapStep::write);
  m.written({SwapOutcome::applied, ""});
  m.was_read(live(old_set, 41));
  EXPECT_EQ(m.backoff(), Seconds(2));
  m.paused(Wish::yes);
  m.written({SwapOutcome::applied, ""});
  EXPECT_EQ(m.was_read(live(new_set, 42)), SwapStep::commit);
  EXPECT_FALSE(m.ignored());
}

TEST(SwapMachine, AGenerationWithoutItsRecordIsNoConflictAndIsWrittenAnew) {
  auto m = sent_machine(true);
  m.written({SwapOutcome::applied, ""});
  EXPECT_EQ(m.was_read(live(old_set, 42)), SwapStep::pause);
  EXPECT_TRUE(m.ignored());
  EXPECT_FALSE(m.conflicted());
  auto gone = m;
  EXPECT_EQ(gone.paused(Wish::no), SwapStep::abandon)
      << "what was sent expects a generation that will not come again";
  EXPECT_EQ(m.paused(Wish::yes), SwapStep::journal_sent);
  EXPECT_EQ(m.plan().expect_generation, 42u);
  EXPECT_EQ(m.plan().generation, 43u);
  EXPECT_EQ(m.journaled(false), SwapStep::pause);
  EXPECT_EQ(m.paused(Wish::yes), SwapStep::journal_sent);
  EXPECT_EQ(m.journaled(true), SwapStep::write);
  m.written({SwapOutcome::unknown, ""});
  m.was_read(live(old_set, 42));
  EXPECT_EQ(m.paused(Wish::no), SwapStep::journal_fence) << "now something may be under way again";
}

TEST(SwapMachine, WhatIsNoRecordSetIsForeign) {
  const Fallible<LiveRecord> both = Error{errc::conflict, "an A and an AAAA"};
  SwapMachine before(plan(), false, {true, true});
  before.start();
  before.journaled(true);
  EXPECT_EQ(before.was_read(both), SwapStep::abandon);
  EXPECT_TRUE(before.conflicted());
  EXPECT_FALSE(before.found());
  auto after = sent_machine(true);
  after.written({SwapOutcome::conflict, ""});
  EXPECT_EQ(after.was_read(both), SwapStep::abandon);
  EXPECT_TRUE(after.conflicted());
}

TEST(SwapMachine, RefusedReadingsAreSlowToo) {
  auto m = sent_machine(true);
  m.written({SwapOutcome::unknown, ""});
  m.was_read(Error{errc::refused, "BADSIG"});
  EXPECT_TRUE(m.refused());
  EXPECT_EQ(m.backoff(), Seconds(60));
  m.paused(Wish::yes);
  m.was_read(unreadable());
  EXPECT_FALSE(m.refused());
  EXPECT_EQ(m.backoff(), Seconds(2));
}

TEST(SwapMachine, AReasonThatWentBeforeTheFirstCallSendsNothing) {
  SwapMachine m(plan(), false, {true, true});
  m.start();
  m.journaled(true);
  EXPECT_EQ(m.withdrawn(), SwapStep::abandon);
  EXPECT_FALSE(m.sent());
  auto written = sent_machine(true);
  written.written({SwapOutcome::unknown, ""});
  written.was_read(live(old_set, 41));
  EXPECT_EQ(written.paused(Wish::yes), SwapStep::write);
  EXPECT_EQ(written.withdrawn(), SwapStep::read_back) << "one may be under way";
  EXPECT_EQ(written.was_read(live(old_set, 41)), SwapStep::journal_fence);
}

}  // namespace
}  // namespace hotswapd
