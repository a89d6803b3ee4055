#include "monitor/failover_machine.hpp"

#include <gtest/gtest.h>

namespace hotswapd {
namespace {

TargetView target(std::string label, char state) {
  TargetView t;
  t.label = std::move(label);
  if (state == 'u') t.health = Health::up, t.last = Verdict::pass, t.passes_in_row = 1;
  if (state == 'd')
    t.health = Health::down, t.last = Verdict::fail, t.reason = "connection refused";
  if (state == 'i') t.health = Health::up, t.last = Verdict::inconclusive;
  if (state == 'n') t.probed = false;
  return t;
}

// "ud" is a primary that is up and one backup that is down; n is a target that is not probed.
FailoverView view(const std::string& states, std::size_t serving = 0) {
  FailoverView v;
  v.record = RecordState::ours;
  v.serving = serving;
  v.guards = {{"maintenance", true, ""}, {"swap-limit", true, ""}, {"hold-down", true, ""}};
  for (std::size_t i = 0; i < states.size(); ++i) {
    v.targets.push_back(target(i == 0 ? "primary" : "backup " + std::to_string(i), states[i]));
  }
  return v;
}

void expect_hold(const FailoverView& v, const std::string& rule) {
  const auto d = decide(v);
  EXPECT_EQ(d.action, Action::hold) << d.text;
  EXPECT_EQ(d.rule, rule) << d.text;
  EXPECT_FALSE(d.text.empty());
  EXPECT_FALSE(d.waiting_for.empty());
}

void expect_write(const FailoverView& v, std::size_t to, const std::string& rule) {
  const auto d = decide(v);
  EXPECT_EQ(d.action, Action::write) << d.rule << ": " << d.text;
  EXPECT_EQ(d.target, to);
  EXPECT_EQ(d.rule, rule) << d.text;
}

TEST(FailoverMachine, HealthTable) {
  struct Row {
    const char* states;
    std::size_t serving;
    const char* rule;
    int write;  // -1: hold
  };
  const Row rows[] = {
      {"uu", 0, "steady", -1},          {"ud", 0, "steady", -1},
      {"du", 0, "primary-down", 1},     {"dd", 0, "all-down", -1},
      {"ddu", 0, "primary-down", 2},    {"duu", 0, "primary-down", 1},
      {"di", 0, "all-down", -1},        {"iu", 0, "undecided", -1},
      {"dn", 0, "link-not-proved", -1}, {"uu", 1, "recovered", 0},
      {"ud", 1, "recovered", 0},        {"du", 1, "primary-still-down", -1},
      {"dd", 1, "all-down", -1},        {"ddu", 1, "backup-down", 2},
      {"iu", 1, "undecided", -1},       {"duu", 2, "primary-still-down", -1},
      {"dud", 2, "backup-down", 1},     {"dn", 1, "primary-still-down", -1},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(std::string(row.states) + " serving " + std::to_string(row.serving));
    if (row.write < 0) {
      expect_hold(view(row.states, row.serving), row.rule);
    } else {
      expect_write(view(row.states, row.serving), static_cast<std::size_t>(row.write), row.rule);
    }
  }
}

TEST(FailoverMachine, AnUnprobedBackupNeedsOtherProofOfOurLink) {
  auto v = view("dn");
  v.link_proved = true;
  expect_write(v, 1, "primary-down");
}

TEST(FailoverMachine, RecoveryDelayCountsGoodRounds) {
  auto v = view("uu", 1);
  v.recovery_delay = 3;
  v.targets[0].passes_in_row = 2;
  expect_hold(v, "recovery-delay");
  v.targets[0].passes_in_row = 3;
  expect_write(v, 0, "recovered");
}

TEST(FailoverMachine, AServedBackupThatFailsHardIsLeftWithTheFirstGoodRound) {
  auto v = view("ud", 1);
  v.recovery_delay = 3;
  v.guards[2] = {"hold-down", false, "young"};
  expect_write(v, 0, "backup-down");
}

TEST(FailoverMachine, AutoRecoverOffWaitsForTheOperator) {
  auto v = view("uu", 1);
  v.auto_recover = false;
  expect_hold(v, "auto-recover-off");
  v = view("ud", 1);
  v.auto_recover = false;
  expect_hold(v, "auto-recover-off");
  v.requested = 0;
  expect_write(v, 0, "operator");
}

TEST(FailoverMachine, AllDownPrimaryMovesHomeOnce) {
  auto v = view("dd", 1);
  v.on_all_down = OnAllDown::primary;
  expect_write(v, 0, "all-down-primary");
  v.serving = 0;
  expect_hold(v, "all-down");
}

TEST(FailoverMachine, NothingMovesBeforeAFreshRound) {
  auto v = view("du");
  v.fresh_rounds_missing = 1;
  expect_hold(v, "fresh-round");
  v.requested = 1;
  expect_write(v, 1, "operator");
}

TEST(FailoverMachine, NothingMovesBeforeTheRecordWasRead) {
  auto v = view("du");
  v.record = RecordState::unread;
  v.requested = 1;
  expect_hold(v, "record-unread");
}

TEST(FailoverMachine, FirstContactWaitsForAGoodPrimary) {
  auto v = view("du");
  v.record = RecordState::none;
  expect_hold(v, "first-contact");
  v = view("ud");
  v.record = RecordState::none;
  expect_write(v, 0, "first-contact");
  EXPECT_FALSE(decide(v).counted);
}

TEST(FailoverMachine, DriftHoldsUntilAnOperatorSpeaks) {
  auto v = view("du");
  v.record = RecordState::foreign;
  v.foreign = "A 203.0.113.9 ttl 60";
  expect_hold(v, "drift");
  v.requested = 0;
  expect_write(v, 0, "operator");
  EXPECT_TRUE(decide(v).overrides_drift);
}

TEST(FailoverMachine, DriftEnforcedPutsOursBackWithinTheLimit) {
  auto v = view("uu");
  v.record = RecordState::foreign;
  v.on_drift = OnDrift::enforce;
  expect_write(v, 0, "drift-enforced");
  EXPECT_TRUE(decide(v).counted);
  v.guards[1] = {"swap-limit", false, "full"};
  expect_hold(v, "swap-limit");
  EXPECT_TRUE(decide(v).limited);
}

TEST(FailoverMachine, DriftEnforcedWritesWhatIsWantedNowAtOnce) {
  auto v = view("du");
  v.record = RecordState::foreign;
  v.on_drift = OnDrift::enforce;
  expect_write(v, 1, "drift-enforced");
  v.evidence_expired = true;
  expect_write(v, 0, "drift-enforced");
  v = view("uu");
  v.record = RecordState::foreign;
  v.on_drift = OnDrift::enforce;
  v.serving = 1;
  v.targets[0].passes_in_row = 100;
  expect_write(v, 0, "drift-enforced");
  for (auto& guard : v.guards) guard.allows = guard.name != "hold-down";
  expect_write(v, 1, "drift-enforced");
}

TEST(FailoverMachine, AnOperatorsWordBeatsHealthAndGuards) {
  auto v = view("ud");
  v.requested = 1;
  v.forced = ForcedTo::failover;
  for (auto& guard : v.guards) guard.allows = false;
  expect_write(v, 1, "operator");
  EXPECT_FALSE(decide(v).counted);
}

TEST(FailoverMachine, WhatIsForcedHoldsTrafficWhereItIsWhateverHealthSays) {
  for (const auto forced : {ForcedTo::failover, ForcedTo::primary}) {
    for (const auto* states : {"uu", "du", "ud", "dd", "iu", "du"}) {
      for (const std::size_t serving : {0u, 1u}) {
        auto v = view(states, serving);
        v.forced = forced;
        expect_hold(v, "forced");
      }
    }
  }
}

TEST(FailoverMachine, AnEditOfWhatIsForcedIsWrittenWhenItPasses) {
  auto v = view("ud", 1);
  v.forced = ForcedTo::failover;
  v.value_differs = true;
  expect_hold(v, "edited");
  v = view("du", 1);
  v.forced = ForcedTo::failover;
  v.value_differs = true;
  expect_write(v, 1, "edited");
}

TEST(FailoverMachine, AnEditedTargetThatIsDownSaysNothingOfWhatIsServed) {
  auto v = view("ud", 1);
  v.value_differs = true;
  v.recovery_delay = 3;
  v.targets[0].passes_in_row = 1;
  expect_hold(v, "edited");
}

TEST(FailoverMachine, EachGuardHoldsByItsName) {
  for (std::size_t i = 0; i < 3; ++i) {
    auto v = view("uu", 1);
    v.guards[i] = {v.guards[i].name, false, "because"};
    expect_hold(v, v.guards[i].name);
    EXPECT_EQ(decide(v).limited, v.guards[i].name == "swap-limit");
  }
}

TEST(FailoverMachine, HoldDownDoesNotKeepTrafficOnADeadTarget) {
  auto v = view("du");
  v.guards[2] = {"hold-down", false, "young"};
  expect_write(v, 1, "primary-down");
}

TEST(FailoverMachine, ObserveNeverWrites) {
  for (const auto* states : {"du", "dd", "uu"}) {
    for (const std::size_t serving : {0u, 1u}) {
      for (const auto record : {RecordState::ours, RecordState::none, RecordState::foreign}) {
        auto v = view(states, serving);
        v.observe = true;
        v.record = record;
        v.on_drift = OnDrift::enforce;
        v.requested = 0;
        v.forced = ForcedTo::failover;
        v.needs_touch = true;
        EXPECT_EQ(decide(v).action, Action::hold);
      }
    }
  }
  auto v = view("du");
  v.observe = true;
  EXPECT_NE(decide(v).text.find("would write backup 1"), std::string::npos) << decide(v).text;
}

TEST(FailoverMachine, InactiveAndBusyHold) {
  auto v = view("du");
  v.active = false;
  expect_hold(v, "inactive");
  EXPECT_EQ(decide(v).waiting_for, "an operator's `activate`");
  v.inactive_for_a_time = true;
  EXPECT_EQ(decide(v).waiting_for, "an operator's `activate`, or the end of the time given");
  v = view("du");
  v.swap_under_way = true;
  expect_hold(v, "swap-under-way");
}

TEST(FailoverMachine, TouchWritesTheSameTargetAndIsNoMove) {
  auto v = view("uu");
  v.needs_touch = true;
  expect_write(v, 0, "touch");
  EXPECT_FALSE(decide(v).moves);
  v.guards[1].allows = false;  // no swap: the limit is none of its business
  expect_write(v, 0, "touch");
}

TEST(FailoverMachine, EditedValueIsWrittenWhenItsTargetIsGood) {
  auto v = view("uu");
  v.value_differs = true;
  expect_write(v, 0, "edited");
  v = view("dd");
  v.value_differs = true;
  expect_hold(v, "edited");
  v = view("du");
  v.value_differs = true;
  expect_write(v, 1, "primary-down");
}

TEST(FailoverMachine, ReasonsNameTheEvidence) {
  EXPECT_EQ(decide(view("du")).text,
            "primary is down (connection refused) and backup 1 passed its last round");
}

}  // namespace
}  // namespace hotswapd
