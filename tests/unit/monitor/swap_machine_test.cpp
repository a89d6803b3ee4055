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
  EXPECT_EQ(second.paused(true), SwapStep::read_before)
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
    EXPECT_EQ(lost.paused(true), SwapStep::write);
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
  EXPECT_EQ(m.paused(true), SwapStep::read_back);
  EXPECT_EQ(m.was_read(unreadable()), SwapStep::pause);
  EXPECT_EQ(m.paused(false), SwapStep::read_back) << "sent: only a read-back may end it";
  EXPECT_EQ(m.was_read(live(new_set, 42)), SwapStep::commit);
}

TEST(SwapMachine, AVanishedReasonDropsOnlyWhatCannotTakeEffectLater) {
  auto local = sent_machine(false);
  local.written({SwapOutcome::failed, ""});
  local.was_read(live(old_set, 41));
  EXPECT_EQ(local.paused(false), SwapStep::abandon);
  EXPECT_FALSE(local.conflicted());

  auto remote = sent_machine(true);
  remote.written({SwapOutcome::unknown, ""});
  remote.was_read(live(old_set, 41));
  EXPECT_EQ(remote.paused(false), SwapStep::write)
      << "a packet may be under way: it cannot be dropped";

  SwapMachine unsent(plan(), false, {true, true});
  unsent.start();
  unsent.journaled(true);
  unsent.was_read(unreadable());
  EXPECT_EQ(unsent.paused(false), SwapStep::abandon);
}

TEST(SwapMachine, BackoffDoublesToAMinuteAndRefusalsAreSlow) {
  auto m = sent_machine();
  std::vector<Millis> pauses;
  for (int i = 0; i < 8; ++i) {
    m.written({SwapOutcome::failed, ""});
    m.was_read(live(old_set, 41));
    pauses.push_back(m.backoff());
    m.paused(true);
  }
  EXPECT_EQ(pauses, (std::vector<Millis>{Seconds(1), Seconds(2), Seconds(4), Seconds(8),
                                         Seconds(16), Seconds(32), Seconds(60), Seconds(60)}));
  m.written({SwapOutcome::refused, ""});
  m.was_read(live(old_set, 41));
  EXPECT_EQ(m.backoff(), Seconds(60));
}

TEST(SwapMachine, AfterACrash) {
  SwapMachine prepared(plan(), false, {true, false});
  EXPECT_EQ(prepared.resume(false), SwapStep::abandon) << "never sent";

  SwapMachine won(plan(), false, {true, false});
  EXPECT_EQ(won.resume(true), SwapStep::read_back);
  EXPECT_EQ(won.was_read(live(new_set, 42)), SwapStep::commit);

  SwapMachine lost(plan(), false, {true, false});
  lost.resume(true);
  EXPECT_EQ(lost.was_read(live(old_set, 41)), SwapStep::abandon);
  EXPECT_FALSE(lost.conflicted());

  SwapMachine remote(plan(), false, {true, true});
  remote.resume(true);
  EXPECT_EQ(remote.was_read(live(old_set, 41)), SwapStep::pause)
      << "a packet may still be under way";

  SwapMachine foreign(plan(), false, {true, false});
  foreign.resume(true);
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

TEST(SwapMachine, AnotherOperationsWriteIsNotOurs) {
  auto m = sent_machine();
  m.written({SwapOutcome::unknown, ""});
  EXPECT_EQ(m.was_read(LiveRecord{new_set, 42, "somebody else's", 0}), SwapStep::abandon);
}

}  // namespace
}  // namespace hotswapd
