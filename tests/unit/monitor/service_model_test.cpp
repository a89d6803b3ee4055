#include "monitor/service_model.hpp"

#include <gtest/gtest.h>

#include "service_harness.hpp"

namespace hotswapd {
namespace {

using testing::service_spec;
using testing::ServiceHarness;

// A service whose primary is served and up, with the told events forgotten.
ServiceHarness settled(ServiceSpec spec) {
  ServiceHarness h(std::move(spec));
  h.read();
  h.round(std::string(1 + h.model.spec().backups.size(), 'p'));
  h.events.clear();
  h.writes.clear();
  return h;
}

TEST(ServiceModel, FirstContactWritesThePrimaryAfterItsFirstGoodRound) {
  ServiceHarness h(service_spec());
  h.read();
  h.round("fp");
  EXPECT_EQ(h.served(), "nothing");
  h.round("pp");
  EXPECT_EQ(h.served(), "192.0.2.10");
  EXPECT_EQ(h.status(), "ok");
}

TEST(ServiceModel, FailsOverAndComesBackWithTheRecoveryDelay) {
  auto spec = service_spec();
  spec.recovery_delay = 2;
  auto h = settled(spec);
  h.round("fp");
  EXPECT_EQ(h.served(), "198.51.100.10");
  EXPECT_EQ(h.told(), "down failover");
  h.round("pp");
  EXPECT_EQ(h.served(), "198.51.100.10") << "one good round of two";
  EXPECT_EQ(h.status(), "failover");
  EXPECT_TRUE(h.model.change_pending());
  h.round("fp");
  h.round("pp");
  EXPECT_EQ(h.served(), "198.51.100.10") << "the count began anew";
  h.round("pp");
  EXPECT_EQ(h.served(), "192.0.2.10");
  EXPECT_EQ(h.told(), "down failover up ok");
  EXPECT_FALSE(h.model.change_pending());
}

TEST(ServiceModel, FallNeedsBadRoundsInSequence) {
  auto spec = service_spec();
  spec.fall = 3;
  auto h = settled(spec);
  h.round("fp");
  EXPECT_EQ(h.status(), "trouble");
  h.round("fp");
  h.round("ip");
  EXPECT_EQ(h.served(), "192.0.2.10");
  h.round("fp");
  EXPECT_EQ(h.served(), "198.51.100.10") << "an inconclusive round neither counts nor resets";
  EXPECT_EQ(h.told(), "trouble down failover");
}

TEST(ServiceModel, SlownessIsToldAndMovesNothing) {
  auto spec = service_spec();
  spec.monitor.change([](MonitorSpec& monitor) { monitor.degraded_above = Millis(800); });
  auto h = settled(spec);
  h.latency = Millis(812);
  h.rounds_of("pp", 2);
  EXPECT_TRUE(h.model.targets()[0].quality.degraded);
  EXPECT_EQ(h.status(), "ok");
  EXPECT_TRUE(h.writes.empty());
  ASSERT_EQ(h.events.size(), 1u);
  EXPECT_TRUE(h.events[0].aside);
  EXPECT_EQ(h.events[0].message,
            "primary 192.0.2.10 is degraded: it answered after 812 ms, more than 800 ms");
  h.latency = Millis(20);
  h.rounds_of("pp", 3);
  ASSERT_EQ(h.events.size(), 2u);
  EXPECT_EQ(h.events[1].message, "primary 192.0.2.10 is degraded no more: it answered after 20 ms");
  EXPECT_EQ(h.events[1].state, "ok");
}

TEST(ServiceModel, BothDownHolds) {
  auto h = settled(service_spec());
  h.rounds_of("ff", 5);
  EXPECT_TRUE(h.writes.empty());
  EXPECT_EQ(h.status(), "trouble");
  EXPECT_EQ(h.told(), "down down trouble");
}

TEST(ServiceModel, StaysOnTheBackupWithoutAutoRecover) {
  auto spec = service_spec();
  spec.auto_recover = false;
  auto h = settled(spec);
  h.round("fp");
  h.rounds_of("pp", 5);
  EXPECT_EQ(h.served(), "198.51.100.10");
  EXPECT_EQ(h.status(), "failover");
  ASSERT_TRUE(h.command(CommandKind::recover));
  EXPECT_EQ(h.served(), "192.0.2.10");
  EXPECT_EQ(h.status(), "ok");
}

TEST(ServiceModel, RecoverToADeadPrimaryIsUnkThenFailsOverAgain) {
  auto spec = service_spec();
  spec.auto_recover = false;
  auto h = settled(spec);
  h.round("fp");
  h.events.clear();
  ASSERT_TRUE(h.command(CommandKind::recover));
  EXPECT_EQ(h.served(), "192.0.2.10");
  EXPECT_EQ(h.status(), "unk");
  h.round("fp");
  EXPECT_EQ(h.served(), "198.51.100.10");
  EXPECT_EQ(h.told(), "unk failover");
}

TEST(ServiceModel, ForcedFailoverStaysUntilItsTimeIsOver) {
  auto h = settled(service_spec());
  ASSERT_TRUE(h.command(CommandKind::force_failover, Seconds(25)));
  EXPECT_EQ(h.served(), "198.51.100.10");
  EXPECT_EQ(h.status(), "failover");
  h.round("pp");
  h.round("pp");
  EXPECT_EQ(h.served(), "198.51.100.10");
  ASSERT_TRUE(h.model.forced());
  h.round("pp");
  h.round("pp");
  EXPECT_FALSE(h.model.forced());
  EXPECT_EQ(h.served(), "192.0.2.10");
}

TEST(ServiceModel, RecoverForATimeHoldsThePrimary) {
  auto h = settled(service_spec());
  ASSERT_TRUE(h.command(CommandKind::recover, Seconds(25)));
  h.round("fp");
  h.round("fp");
  EXPECT_EQ(h.served(), "192.0.2.10");
  EXPECT_EQ(h.status(), "trouble");
  h.round("fp");
  h.round("fp");
  EXPECT_EQ(h.served(), "198.51.100.10");
}

TEST(ServiceModel, DeactivatedLeavesDnsAndSaysUnk) {
  auto h = settled(service_spec());
  h.round("fp");
  ASSERT_TRUE(h.command(CommandKind::deactivate));
  EXPECT_EQ(h.status(), "unk");
  h.round("pp");
  EXPECT_EQ(h.served(), "198.51.100.10");
  const auto refused = h.command(CommandKind::recover);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::refused);
  ASSERT_TRUE(h.command(CommandKind::activate));
  EXPECT_EQ(h.status(), "failover");
  h.round("pp");
  EXPECT_EQ(h.served(), "192.0.2.10");
}

TEST(ServiceModel, DeactivatedForATimeComesBack) {
  auto h = settled(service_spec());
  ASSERT_TRUE(h.command(CommandKind::deactivate, Seconds(15)));
  h.round("pp");
  EXPECT_FALSE(h.model.active());
  h.advance(Seconds(10));
  h.round("pp");
  EXPECT_TRUE(h.model.active());
}

TEST(ServiceModel, CommandsThatChangeNothingSaySo) {
  auto h = settled(service_spec());
  EXPECT_EQ(h.command(CommandKind::activate).value(), "already active");
  EXPECT_NE(h.command(CommandKind::recover).value().find("nothing to do"), std::string::npos);
  EXPECT_TRUE(h.writes.empty());
  EXPECT_EQ(h.told(), "");
}

TEST(ServiceModel, ObserveReportsAndNeverWrites) {
  auto spec = service_spec();
  spec.mode = ServiceMode::observe;
  ServiceHarness h(spec);
  h.record.set = RecordSet{RecordType::a, 60, {"192.0.2.10"}};
  h.read();
  h.round("pp");
  h.round("fp");
  EXPECT_TRUE(h.writes.empty());
  EXPECT_EQ(h.status(), "trouble");
  EXPECT_NE(h.model.reason().find("would write"), std::string::npos) << h.model.reason();
  EXPECT_FALSE(h.command(CommandKind::force_failover));
}

TEST(ServiceModel, SwapLimitHoldsAndIsToldOnce) {
  auto spec = service_spec();
  spec.max_swaps_per_hour = 2;
  auto h = settled(spec);
  h.round("fp");
  h.round("pp");
  EXPECT_EQ(h.writes.size(), 2u);
  h.events.clear();
  h.rounds_of("fp", 10);
  EXPECT_EQ(h.writes.size(), 2u);
  EXPECT_EQ(h.status(), "trouble");
  EXPECT_EQ(h.told(), "down trouble") << "once, with the limit as its reason";
  h.advance(std::chrono::hours(1));
  h.round("fp");
  EXPECT_EQ(h.served(), "198.51.100.10");
}

TEST(ServiceModel, BackupsAreTriedInOrder) {
  auto h = settled(service_spec(3));
  h.round("ffpp");
  EXPECT_EQ(h.served(), "198.51.100.11");
  h.round("fpfp");
  EXPECT_EQ(h.served(), "198.51.100.10") << "the served one failed: the first that is good";
  h.round("fpff");
  EXPECT_EQ(h.served(), "198.51.100.10");
}

TEST(ServiceModel, AdoptsWhatStandsThereAndTouchesItOnce) {
  ServiceHarness h(service_spec());
  h.record.set = RecordSet{RecordType::a, 300, {"198.51.100.10"}};
  h.read();
  EXPECT_TRUE(h.writes.empty());
  h.round("fp");
  ASSERT_EQ(h.writes.size(), 1u);
  EXPECT_EQ(h.writes[0].decision.rule, "touch");
  EXPECT_EQ(h.record.set->ttl, 5u);
  EXPECT_EQ(h.served(), "198.51.100.10");
  EXPECT_EQ(h.status(), "failover");
}

TEST(ServiceModel, ForeignRecordIsDriftAndStays) {
  auto h = settled(service_spec());
  h.record.set = RecordSet{RecordType::a, 60, {"203.0.113.9"}};
  h.read();
  EXPECT_EQ(h.status(), "trouble");
  h.round("fp");
  EXPECT_EQ(h.served(), "203.0.113.9");
  EXPECT_EQ(h.model.serving_values(), std::vector<std::string>{"203.0.113.9"});
  h.record.set = RecordSet{RecordType::a, 5, {"192.0.2.10"}};
  h.read();
  EXPECT_EQ(h.model.record_state(), RecordState::ours);
  h.round("pp");
  EXPECT_EQ(h.status(), "ok");
}

TEST(ServiceModel, RecoverOverridesDrift) {
  auto h = settled(service_spec());
  h.record.set = RecordSet{RecordType::a, 60, {"203.0.113.9"}};
  h.read();
  ASSERT_TRUE(h.command(CommandKind::recover));
  EXPECT_EQ(h.served(), "192.0.2.10");
}

TEST(ServiceModel, ARecordThatVanishedIsDrift) {
  auto h = settled(service_spec());
  h.record = LiveRecord{};
  h.read();
  h.round("pp");
  EXPECT_EQ(h.model.record_state(), RecordState::foreign);
  EXPECT_EQ(h.served(), "nothing");
}

TEST(ServiceModel, DnsWinsOverAnOlderState) {
  auto h = settled(service_spec());
  h.record.set = RecordSet{RecordType::a, 5, {"198.51.100.10"}};
  h.record.generation = 77;
  h.read();
  EXPECT_EQ(h.model.generation(), 77u);
  EXPECT_EQ(h.model.serving(), 1u);
}

TEST(ServiceModel, RestartKeepsEverythingAndMovesNothing) {
  auto spec = service_spec(2);
  spec.auto_recover = false;
  spec.recovery_delay = 3;
  auto h = settled(spec);
  h.round("fpp");
  h.round("ppp");
  const auto before = h.model.detail(h.moment());
  const auto told = h.told();
  h.restart();
  ASSERT_TRUE(h.restored);
  EXPECT_EQ(h.model.detail(h.moment()), before);
  EXPECT_EQ(h.status(), "failover");
  EXPECT_EQ(h.told(), told) << "nothing is told twice";
  EXPECT_EQ(h.writes.size(), 1u);
  h.round("ipp");
  EXPECT_EQ(h.decision.rule, "fresh-round");
}

TEST(ServiceModel, RestartWithADeadPrimaryWaitsForAFreshRound) {
  auto h = settled(service_spec());
  h.round("ff");
  h.restart();
  EXPECT_TRUE(h.writes.empty());
  h.round("fp");
  EXPECT_EQ(h.served(), "198.51.100.10");
}

TEST(ServiceModel, ForcedStateSurvivesARestart) {
  auto h = settled(service_spec());
  ASSERT_TRUE(h.command(CommandKind::force_failover, std::chrono::hours(2)));
  h.restart();
  h.rounds_of("pp", 3);
  EXPECT_EQ(h.served(), "198.51.100.10");
  ASSERT_TRUE(h.model.forced());
  EXPECT_EQ(h.model.forced()->by, "ops");
}

TEST(ServiceModel, DamagedDetailIsRefusedAndChangesNothing) {
  for (const auto* detail :
       {"", "{}", "[]", "null", R"({"v":2})", R"({"v":1,"on":"yes"})", "{\"v\":1"}) {
    ServiceModel m(service_spec(), WallTime{});
    const auto before = m.detail(Moment{});
    EXPECT_FALSE(m.restore(7, "backup:0", "failover", detail, Moment{})) << detail;
    EXPECT_EQ(m.detail(Moment{}), before);
  }
}

TEST(ServiceModel, ReloadKeepsHealthOfWhatIsProbedAsBefore) {
  auto h = settled(service_spec());
  h.round("fp");
  auto spec = h.model.spec();
  spec.recovery_delay = 4;
  h.model.reconfigure(spec, h.wall);
  EXPECT_EQ(h.model.targets()[0].health.health, Health::down);
  EXPECT_EQ(h.served(), "198.51.100.10");
  EXPECT_EQ(h.status(), "failover");
}

TEST(ServiceModel, ReloadWithAnotherAddressMovesAfterAGoodRound) {
  auto h = settled(service_spec());
  auto spec = h.model.spec();
  spec.address = "192.0.2.11";
  h.model.reconfigure(spec, h.wall);
  h.act();
  EXPECT_EQ(h.served(), "192.0.2.10") << "not before a fresh round";
  h.round("pp");
  EXPECT_EQ(h.served(), "192.0.2.11");
}

TEST(ServiceModel, ReloadFindsTheServedBackupUnderItsNewPlace) {
  auto h = settled(service_spec(2));
  h.round("fpp");
  auto spec = h.model.spec();
  std::swap(spec.backups[0], spec.backups[1]);
  h.model.reconfigure(spec, h.wall);
  EXPECT_EQ(h.model.serving(), 2u);
  h.round("fpp");
  EXPECT_EQ(h.served(), "198.51.100.10");
}

TEST(ServiceModel, DeliveryAllTellsEveryRound) {
  auto spec = service_spec();
  spec.telling.change([](TellingSpec& telling) { telling.syslog.delivery = SyslogDelivery::all; });
  auto h = settled(spec);
  h.round("pp");
  EXPECT_EQ(h.told(), "up up ok");
  h.events.clear();
  h.round("fp");
  EXPECT_EQ(h.told(), "down up failover") << "probe messages before the status that they cause";
  h.events.clear();
  h.round("ip");
  EXPECT_EQ(h.told(), "unk up failover");
}

TEST(ServiceModel, EventIdsNeverRepeat) {
  auto h = settled(service_spec());
  for (int i = 0; i < 5; ++i) {
    h.round("fp");
    h.round("pp");
  }
  std::set<std::string> ids;
  for (const auto& e : h.events) EXPECT_TRUE(ids.insert(e.id).second) << e.id;
}

TEST(ServiceModel, WhatIsForcedForATimeIsNotMovedByTheWallClock) {
  auto h = settled(service_spec());
  ASSERT_TRUE(h.command(CommandKind::force_failover, Seconds(60)));
  h.wall += std::chrono::hours(24);
  h.rounds_of("pp", 3);
  EXPECT_TRUE(h.model.forced()) << "30 s of 60 s have passed, whatever the clock on the wall says";
  h.wall -= std::chrono::hours(48);
  h.rounds_of("pp", 4);
  EXPECT_FALSE(h.model.forced());
}

TEST(ServiceModel, TheSwapLimitIsNotMovedByTheWallClock) {
  auto spec = service_spec();
  spec.max_swaps_per_hour = 1;
  auto h = settled(spec);
  h.round("fp");
  ASSERT_EQ(h.served(), "198.51.100.10");
  h.wall += std::chrono::hours(2);
  h.rounds_of("pp", 5);
  EXPECT_EQ(h.served(), "198.51.100.10") << "not an hour has passed";
  h.now += std::chrono::hours(1);
  h.round("pp");
  EXPECT_EQ(h.served(), "192.0.2.10");
}

TEST(ServiceModel, HoldDownSurvivesARestart) {
  auto spec = service_spec();
  spec.ttl = 60;
  spec.monitor.change([](MonitorSpec& monitor) { monitor.interval = Seconds(10); });
  auto h = settled(spec);
  h.round("fp");
  ASSERT_EQ(h.served(), "198.51.100.10");
  h.restart();
  h.rounds_of("pp", 3);
  EXPECT_EQ(h.served(), "198.51.100.10") << "the last swap is younger than the TTL";
  h.rounds_of("pp", 3);
  EXPECT_EQ(h.served(), "192.0.2.10");
}

TEST(ServiceModel, TheServedBackupIsTakenOutOfTheConfiguration) {
  for (const bool stopped : {false, true}) {
    auto spec = service_spec(2);
    spec.auto_recover = false;
    auto h = settled(spec);
    h.round("ffp");
    ASSERT_EQ(h.served(), "198.51.100.11");
    spec.backups.pop_back();
    if (stopped) {
      h.restart(spec);
    } else {
      h.model.reconfigure(spec, h.wall);
    }
    h.rounds_of("pf", 4);
    EXPECT_EQ(h.served(), "198.51.100.11") << "`auto_recover: false` keeps its word";
    h.round("pp");
    EXPECT_EQ(h.served(), "198.51.100.10") << "the other backup takes its place";
    h.rounds_of("pp", 4);
    EXPECT_EQ(h.served(), "198.51.100.10");
  }
}

TEST(ServiceModel, WithItsLastBackupReplacedRecoveryKeepsItsRules) {
  auto spec = service_spec();
  spec.recovery_delay = 3;
  auto h = settled(spec);
  h.round("fp");
  spec.backups[0].data = "198.51.100.77";
  h.restart(spec);
  h.rounds_of("pf", 2);
  EXPECT_EQ(h.served(), "198.51.100.10");
  h.round("pf");
  EXPECT_EQ(h.served(), "192.0.2.10") << "the third good round in sequence";
}

TEST(ServiceModel, RolesThatAreSwappedWhileForcedMoveNothing) {
  auto h = settled(service_spec());
  ASSERT_TRUE(h.command(CommandKind::force_failover));
  ASSERT_EQ(h.served(), "198.51.100.10");
  auto spec = h.model.spec();
  std::swap(spec.address, spec.backups[0].data);
  h.model.reconfigure(spec, h.wall);
  h.act();
  h.rounds_of("pf", 3);
  EXPECT_EQ(h.served(), "198.51.100.10");
}

TEST(ServiceModel, TheBackupIsEditedWhileForced) {
  auto h = settled(service_spec());
  ASSERT_TRUE(h.command(CommandKind::force_failover));
  auto spec = h.model.spec();
  spec.backups[0].data = "198.51.100.77";
  h.model.reconfigure(spec, h.wall);
  h.round("pf");
  EXPECT_EQ(h.served(), "198.51.100.10") << "not to an address that did not pass";
  EXPECT_EQ(h.decision.rule, "edited");
  h.round("pp");
  EXPECT_EQ(h.served(), "198.51.100.77");
  EXPECT_TRUE(h.model.forced());
}

TEST(ServiceModel, AnOperatorsWordDuringASwapIsKept) {
  auto spec = service_spec();
  spec.auto_recover = false;
  auto h = settled(spec);
  Decision away;
  away.action = Action::write;
  away.target = 1;
  away.moves = away.counted = true;
  const auto plan = h.model.plan(away, "op");
  h.model.swap_begun();
  ASSERT_TRUE(h.command(CommandKind::recover));
  h.record.set = plan.want;
  h.record.generation = plan.generation;
  (void)h.model.swap_committed(away, plan, h.record, h.moment());
  h.act();
  EXPECT_EQ(h.served(), "192.0.2.10");
}

TEST(ServiceModel, AnOperatorsMoveEndedByACrashIsNotCounted) {
  auto h = settled(service_spec());
  Decision d;
  d.action = Action::write;
  d.target = 1;
  d.moves = true;
  const auto plan = h.model.plan(d, "op");
  const LiveRecord live{plan.want, plan.generation, "op", 9};
  const auto changes =
      h.model.swap_resumed(plan, live, "an operator said so", false, false, h.moment());
  ASSERT_FALSE(changes.notes.empty());
  EXPECT_EQ(changes.notes[0].kind, "move");
  EXPECT_EQ(h.model.budget().used(h.now), 0);
}

// By the same id, what an earlier run told without getting it to the disk is known again.
TEST(ServiceModel, TheRunThatFinishesASwapTellsTheSameEventAsTheOneThatBeganIt) {
  Decision d;
  d.action = Action::write;
  d.target = 1;
  d.moves = d.counted = true;
  auto first = settled(service_spec());
  const auto plan = first.model.plan(d, "op");
  const LiveRecord live{plan.want, plan.generation, "op", 9};
  const auto told = first.model.swap_committed(d, plan, live, first.moment());
  auto second = settled(service_spec());
  second.now += Seconds(60);
  const auto again = second.model.swap_resumed(plan, live, d.text, true, false, second.moment());
  ASSERT_EQ(told.events.size(), 1u);
  ASSERT_EQ(again.events.size(), 1u);
  EXPECT_EQ(told.events[0].id, again.events[0].id);
  auto other = settled(service_spec());
  const auto next = other.model.plan(d, "another op");
  const auto later = other.model.swap_committed(d, next, live, other.moment());
  ASSERT_EQ(later.events.size(), 1u);
  EXPECT_NE(told.events[0].id, later.events[0].id);
}

TEST(ServiceModel, SwapEndedByACrashIsToldOnce) {
  auto h = settled(service_spec());
  Decision d;
  d.action = Action::write;
  d.target = 1;
  d.moves = d.counted = true;
  const auto plan = h.model.plan(d, "op");
  const LiveRecord live{plan.want, plan.generation, "op", 9};
  const auto changes = h.model.swap_resumed(plan, live, "primary is down", true, false, h.moment());
  ASSERT_EQ(changes.events.size(), 1u);
  EXPECT_EQ(changes.events[0].state, "failover");
  EXPECT_EQ(h.model.serving(), 1u);
  EXPECT_EQ(h.model.budget().used(h.now), 1);
}

}  // namespace
}  // namespace hotswapd
