#include "monitor/monitor.hpp"

#include <gmock/gmock.h>

#include "world.hpp"

namespace hotswapd {
namespace {

using testing::Disk;
using ::testing::ElementsAre;
using testing::MemoryProvider;
using testing::NameServer;
using testing::Process;
using testing::web;

class MonitorTest : public ::testing::Test {
 protected:
  std::unique_ptr<Process> run(const std::vector<Shared<ServiceSpec>>& services = {web()}) {
    auto p = std::make_unique<Process>(disk, server, services, now, wall);
    p->settle();
    return p;
  }
  void round(Process& p, const std::string& verdicts, std::uint32_t service = 1) {
    p.round(verdicts, service);
    p.settle();
    now += Seconds(10);
    wall += Seconds(10);
  }
  std::string served(const std::string& fqdn = "www.example.com") {
    const auto& live = server.records[{"example.com", fqdn}];
    return live.set ? live.set->values.front() : "nothing";
  }
  SwapStory story(Process& p) {
    const auto* told = p.monitor->find("www.example.com")->story();
    return told != nullptr ? *told : SwapStory{};
  }

  Disk disk;
  NameServer server;
  TimePoint now{std::chrono::hours(1000)};
  WallTime wall{Millis(1'769'860'800'000)};
};

TEST_F(MonitorTest, SwapIsJournalledReadBackAndProved) {
  auto p = run();
  round(*p, "pp");
  EXPECT_EQ(served(), "192.0.2.10");
  round(*p, "fp");
  EXPECT_EQ(served(), "198.51.100.10");
  std::vector<std::string> steps;
  for (const auto& line : story(*p).steps) steps.push_back(line.step);
  EXPECT_THAT(steps,
              ElementsAre("prepared", "read before", "sent", "write", "read back", "proved"));
  EXPECT_EQ(story(*p).state, "proved");
  EXPECT_THAT(p->teller.told, ElementsAre("probe 192.0.2.10 up", "probe 198.51.100.10 up",
                                          "status ok", "probe 192.0.2.10 down", "status failover"));
  EXPECT_TRUE(disk.load().open_intents.empty());
}

TEST_F(MonitorTest, AtRestNothingIsWritten) {
  auto p = run();
  round(*p, "pp");
  const auto writes = server.effective.size();
  const auto transitions = disk.transitions.size();
  for (int i = 0; i < 100; ++i) round(*p, "pp");
  EXPECT_EQ(server.effective.size(), writes);
  EXPECT_EQ(disk.transitions.size(), transitions);
}

TEST_F(MonitorTest, FirstRecordsTakeTurnsAndASwapDoesNotWaitForThem) {
  constexpr std::uint32_t many = 300;
  std::vector<Shared<ServiceSpec>> services;
  for (std::uint32_t i = 0; i < many; ++i)
    services.emplace_back(web("s" + std::to_string(i) + ".example.com"));
  const RecordKey last = services.back()->key;
  server.at_once = 24;  // as the embedded DNS has it
  server.records[last] = {RecordSet{RecordType::a, 5, {"192.0.2.10"}}, 1, "", 1};
  auto p = run(services);
  p->settle();
  for (std::uint32_t id = 1; id < many; ++id) p->round("pp", id);
  const auto under_way = [&] {
    const auto all = p->monitor->services();
    return std::count_if(all.begin(), all.end(),
                         [](const auto* s) { return s->model().swap_under_way(); });
  };
  const auto at_once = under_way();
  EXPECT_GT(at_once, 0);
  EXPECT_LT(at_once, many / 2);
  p->round("fp", many);
  EXPECT_EQ(under_way(), at_once + 1) << "what moves traffic begins at once";
  while (p->step()) EXPECT_LE(under_way(), at_once + 1);
  for (const auto& service : services) {
    ASSERT_TRUE(server.records[service->key].set);
    EXPECT_EQ(server.records[service->key].set->values.front(),
              service->key == last ? "198.51.100.10" : "192.0.2.10");
  }
}

TEST_F(MonitorTest, ALostAnswerIsReadBackNotRepeated) {
  auto p = run();
  round(*p, "pp");
  const auto writes = server.effective.size();
  server.answers_lost = 1;
  round(*p, "fp");
  EXPECT_EQ(served(), "198.51.100.10");
  EXPECT_EQ(server.effective.size(), writes + 1);
}

TEST_F(MonitorTest, ALostWriteIsTriedAgainAndTroubleIsToldMeanwhile) {
  auto p = run();
  round(*p, "pp");
  p->teller.told.clear();
  server.writes_lost = 2;
  round(*p, "fp");
  EXPECT_EQ(served(), "198.51.100.10");
  EXPECT_THAT(p->teller.told,
              ElementsAre("probe 192.0.2.10 down", "status trouble", "status failover"));
}

TEST_F(MonitorTest, NothingIsWrittenOnADiskThatRefuses) {
  auto p = run();
  round(*p, "pp");
  disk.failing = true;
  round(*p, "fp");
  EXPECT_EQ(served(), "192.0.2.10");
  EXPECT_EQ(story(*p).state, "abandoned");
  disk.failing = false;
  round(*p, "fp");
  EXPECT_EQ(served(), "198.51.100.10");
}

TEST_F(MonitorTest, ADiskThatFailsAfterTheWriteLosesNothing) {
  auto p = run();
  round(*p, "pp");
  p->round("fp");
  while (served() == "192.0.2.10") ASSERT_TRUE(p->step());
  disk.failing = true;
  p->settle();
  EXPECT_EQ(p->teller.told.back(), "status failover")
      << "people are told although the disk refuses";
  disk.failing = false;
  round(*p, "fp");
  EXPECT_TRUE(disk.load().open_intents.empty());
  EXPECT_EQ(disk.states.begin()->second.active, "backup:0");
  round(*p, "pp");
  EXPECT_EQ(served(), "192.0.2.10");
}

TEST_F(MonitorTest, BlockedWritesHoldSwaps) {
  auto p = run();
  round(*p, "pp");
  p->monitor->block_writes("the disk is stuck");
  round(*p, "fp");
  EXPECT_EQ(served(), "192.0.2.10");
  EXPECT_NE(p->monitor->find("www.example.com")->model().reason().find("disk is stuck"),
            std::string::npos);
  p->monitor->block_writes(std::nullopt);
  round(*p, "fp");
  EXPECT_EQ(served(), "198.51.100.10");
}

TEST_F(MonitorTest, NotProvedIsToldAndAskedAgain) {
  auto p = run();
  round(*p, "pp");
  server.proves = false;
  p->round("fp");
  for (int i = 0; i < 2000 && story(*p).state != "applied, not proved"; ++i) p->step();
  EXPECT_EQ(story(*p).state, "applied, not proved");
  EXPECT_EQ(served(), "198.51.100.10") << "no swap back for that reason";
  server.proves = true;
  p->settle();
  EXPECT_EQ(story(*p).state, "proved");
}

TEST_F(MonitorTest, UnreadableRecordHoldsEverything) {
  server.records[{"example.com", "www.example.com"}].set =
      RecordSet{RecordType::a, 5, {"192.0.2.10"}};
  server.unreadable = 1'000'000;
  auto p =
      std::make_unique<Process>(disk, server, std::vector<Shared<ServiceSpec>>{web()}, now, wall);
  for (int i = 0; i < 50; ++i) p->step();
  p->round("fp");
  for (int i = 0; i < 2000; ++i) p->step();
  EXPECT_EQ(served(), "192.0.2.10");
  EXPECT_EQ(p->monitor->find("www.example.com")->last_decision().rule, "record-unread");
  server.unreadable = 0;
  p->settle();
  EXPECT_EQ(served(), "192.0.2.10") << "the record is readable, but the evidence is too old by now";
  round(*p, "fp");
  EXPECT_EQ(served(), "198.51.100.10");
}

TEST_F(MonitorTest, DriftBetweenReadAndWriteIsNeverOverwritten) {
  auto p = run();
  round(*p, "pp");
  p->round("fp");
  while (story(*p).state != "sent") ASSERT_TRUE(p->step());
  server.records[{"example.com", "www.example.com"}].set =
      RecordSet{RecordType::a, 60, {"203.0.113.9"}};
  p->settle();
  EXPECT_EQ(served(), "203.0.113.9");
  EXPECT_EQ(p->teller.told.back(), "status trouble");
  EXPECT_EQ(p->monitor->find("www.example.com")->model().record_state(), RecordState::foreign);
}

TEST_F(MonitorTest, CommandsByName) {
  auto p = run();
  round(*p, "pp");
  EXPECT_TRUE(
      p->monitor->command("WWW.Example.com.", {CommandKind::force_failover, "drill", "ops", {}}));
  p->settle();
  EXPECT_EQ(served(), "198.51.100.10");
  EXPECT_TRUE(p->monitor->command("www.example.com", {CommandKind::recover, "", "ops", {}}));
  p->settle();
  EXPECT_EQ(served(), "192.0.2.10");
  const auto unknown =
      p->monitor->command("nope.example.com", {CommandKind::recover, "", "ops", {}});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, errc::not_found);
}

TEST_F(MonitorTest, DeactivatedServicesAreNotProbed) {
  auto p = run();
  round(*p, "pp");
  ASSERT_TRUE(p->monitor->command("www.example.com", {CommandKind::deactivate, "", "", {}}));
  EXPECT_TRUE(p->rounds.specs.empty());
  ASSERT_TRUE(p->monitor->command("www.example.com", {CommandKind::activate, "", "", {}}));
  EXPECT_EQ(p->rounds.upserts.back().second, FirstRound::at_once);
  p.reset();
  p = run();
  EXPECT_FALSE(p->rounds.specs.empty());
}

TEST_F(MonitorTest, ReloadTouchesOnlyWhatChanged) {
  auto p = run({web("a.example.com"), web("b.example.com"), web("c.example.com")});
  for (std::uint32_t i = 1; i <= 3; ++i) round(*p, "pp", i);
  round(*p, "fp", 2);
  p->rounds.upserts.clear();
  auto b = web("b.example.com");
  auto c = web("c.example.com");
  c.monitor.change([](MonitorSpec& monitor) { monitor.path = "/new"; });
  p->monitor->reconfigure({web("d.example.com"), c, b});
  p->settle();
  std::vector<std::string> names;
  for (const auto* s : p->monitor->services()) names.push_back(s->model().spec().key.fqdn);
  EXPECT_THAT(names, ElementsAre("d.example.com", "c.example.com", "b.example.com"));
  EXPECT_EQ(p->rounds.upserts.size(), 2u) << "d is new, c is probed otherwise";
  EXPECT_FALSE(p->rounds.specs.contains(1));
  EXPECT_EQ(served("b.example.com"), "198.51.100.10") << "a service in failover stays there";
  EXPECT_FALSE(disk.states.contains({"example.com", "a.example.com"}));
}

TEST_F(MonitorTest, PendingChangesEarnTheShorterInterval) {
  auto spec = web();
  spec.fall = 2;
  auto p = run({spec});
  round(*p, "pp");
  round(*p, "fp");
  EXPECT_TRUE(p->rounds.pending[1]);
  round(*p, "pp");
  EXPECT_FALSE(p->rounds.pending[1]);
}

TEST_F(MonitorTest, ResultsOfAnOlderSpecificationAreDropped) {
  auto p = run();
  round(*p, "pp");
  RoundResult stale;
  stale.service = ServiceId{1};
  stale.epoch = p->rounds.specs[1].epoch - 1;
  TargetRound t;
  t.verdict = Verdict::fail;
  stale.targets = {t, t};
  p->monitor->on_round(stale);
  p->settle();
  EXPECT_EQ(p->monitor->find("www.example.com")->rounds_seen(), 1u);
}

TEST_F(MonitorTest, AnUnprobedBackupIsUsedWhenAnotherServiceAnswers) {
  auto lonely = web();
  lonely.backups[0].monitor.reset();
  auto p = run({lonely, web("other.example.com")});
  round(*p, "p");
  p->round("f");
  p->settle();
  EXPECT_EQ(served(), "192.0.2.10") << "nothing else has answered";
  p->round("pp", 2);
  p->round("f");
  p->settle();
  EXPECT_EQ(served(), "198.51.100.10");
}

// Holds the swap of the primary's death back after its first journal entry.
TEST_F(MonitorTest, ASwapWhoseReasonWentWhileTheJournalWasWrittenIsWithdrawn) {
  auto p = run();
  round(*p, "pp");
  const auto writes = server.effective.size();
  p->round("fp");
  while (story(*p).state != "prepared") ASSERT_TRUE(p->step());
  p->round("pf");
  p->settle();
  EXPECT_EQ(served(), "192.0.2.10");
  EXPECT_EQ(server.effective.size(), writes);
  EXPECT_EQ(story(*p).state, "abandoned");
  EXPECT_TRUE(disk.load().open_intents.empty());
}

TEST_F(MonitorTest, AReloadAtAnyStepOfASwapNeverServesWhatNobodyConfigured) {
  auto three = web();
  three.backups.push_back({FailoverMode::ip, "198.51.100.11", three.monitor});
  for (int steps = 0; steps < 40; ++steps) {
    SCOPED_TRACE(steps);
    disk = {};
    server = {};
    auto p = run({three});
    round(*p, "ppp");
    p->round("ffp");
    for (int i = 0; i < steps; ++i) p->step();
    p->monitor->reconfigure({web()});
    p->settle();
    for (int i = 0; i < 3; ++i) round(*p, "fp");
    EXPECT_EQ(served(), "198.51.100.10");
    EXPECT_TRUE(disk.load().open_intents.empty());
    EXPECT_EQ(p->monitor->find("www.example.com")->model().serving(), 1u);
  }
}

TEST_F(MonitorTest, AServiceRemovedAndAddedAgainAtAnyStepOfItsSwapHasOneWriter) {
  for (int steps = 0; steps < 40; ++steps) {
    SCOPED_TRACE(steps);
    disk = {};
    server = {};
    auto p = run();
    round(*p, "pp");
    p->round("fp");
    for (int i = 0; i < steps; ++i) p->step();
    p->monitor->reconfigure({});
    for (int i = 0; i < steps % 3; ++i) p->step();
    p->monitor->reconfigure({web()});
    p->settle();
    for (int i = 0; i < 2; ++i) round(*p, "pp", 2);
    EXPECT_EQ(served(), "192.0.2.10");
    EXPECT_TRUE(disk.load().open_intents.empty());
    EXPECT_EQ(disk.states.begin()->second.active, "primary");
    EXPECT_EQ(p->monitor->find("www.example.com")->model().status(), ServiceStatus::ok);
  }
}

TEST_F(MonitorTest, ProofGoesOnAfterARestart) {
  auto p = run();
  round(*p, "pp");
  server.proves = false;
  p->round("fp");
  for (int i = 0; i < 2000 && story(*p).state != "applied, not proved"; ++i) p->step();
  for (int i = 0; i < 20; ++i) p->step();
  p.reset();
  server.proves = true;
  p = run();
  EXPECT_EQ(p->monitor->find("www.example.com")->model().proof_state(), Proof::proved);
  const auto& newest = *std::max_element(
      disk.intents.begin(), disk.intents.end(),
      [](const auto& a, const auto& b) { return a.second.generation < b.second.generation; });
  EXPECT_EQ(newest.second.phase, "proved") << "the journal tells it too";
  EXPECT_NE(newest.second.evidence.find("\"state\":\"proved\""), std::string::npos);
}

TEST_F(MonitorTest, ASwapLeftOpenByAServiceThatWasTakenOutIsFinishedWhenItComesBack) {
  for (int steps = 0; steps < 40; ++steps) {
    SCOPED_TRACE(steps);
    disk = {};
    server = {};
    auto p = run();
    round(*p, "pp");
    p->round("fp");
    for (int i = 0; i < steps; ++i) p->step();
    p = std::make_unique<Process>(disk, server, std::vector<Shared<ServiceSpec>>{}, now, wall);
    p->settle();
    p->monitor->reconfigure({web()});
    p->settle();
    const std::uint32_t id = 1;
    round(*p, "pp", id);
    round(*p, "fp", id);
    EXPECT_EQ(served(), "198.51.100.10") << "it can still be swapped";
    EXPECT_TRUE(disk.load().open_intents.empty());
  }
}

TEST_F(MonitorTest, TheEndOfASwapOfARemovedServiceReachesTheDiskWhenThatIsWellAgain) {
  for (int steps = 0; steps < 40; ++steps) {
    SCOPED_TRACE(steps);
    disk = {};
    server = {};
    auto p = run();
    round(*p, "pp");
    p->round("fp");
    for (int i = 0; i < steps; ++i) p->step();
    p->monitor->reconfigure({});
    disk.failing = true;
    for (int i = 0; i < 50; ++i) p->step();
    disk.failing = false;
    p->monitor->reconfigure({web()});
    p->settle();
    for (int i = 0; i < 3; ++i) p->monitor->look_after_the_ended();
    p->settle();
    round(*p, "pp", 2);
    round(*p, "fp", 2);
    EXPECT_EQ(served(), "198.51.100.10") << "it can still be swapped";
    EXPECT_TRUE(disk.load().open_intents.empty());
  }
}

TEST_F(MonitorTest, AnEditTakenBackDuringASwapIsNoEdit) {
  for (int steps = 0; steps < 30; ++steps) {
    SCOPED_TRACE(steps);
    disk = {};
    server = {};
    auto p = run();
    round(*p, "pp");
    p->round("fp");
    for (int i = 0; i < steps; ++i) p->step();
    auto edited = web();
    edited.backups[0].data = "203.0.113.66";
    p->monitor->reconfigure({edited});
    p->monitor->reconfigure({web()});
    p->settle();
    for (int i = 0; i < 3; ++i) round(*p, "fp");
    EXPECT_EQ(served(), "198.51.100.10");
    for (const auto& plan : server.effective) EXPECT_NE(plan.want.values.front(), "203.0.113.66");
  }
}

TEST_F(MonitorTest, AnotherProviderBehindTheSameNameIsTakenUp) {
  auto p = run();
  round(*p, "pp");
  NameServer other;
  other.records[web().key].set = RecordSet{RecordType::a, 5, {"192.0.2.10"}};
  MemoryProvider replacement(other, p->context);
  p->replaced = &replacement;
  p->monitor->reconfigure({web()});
  p->settle();
  round(*p, "fp");
  EXPECT_EQ(served(), "192.0.2.10") << "the old one is left alone";
  EXPECT_EQ(other.records[web().key].set->values.front(), "198.51.100.10");
  p.reset();
}

TEST_F(MonitorTest, RemovingAndAddingAServiceKeepsItsSwapLimit) {
  auto spec = web();
  spec.max_swaps_per_hour = 1;
  auto p =
      std::make_unique<Process>(disk, server, std::vector<Shared<ServiceSpec>>{spec}, now, wall);
  p->settle();
  round(*p, "pp");
  round(*p, "fp");
  ASSERT_EQ(served(), "198.51.100.10");
  p->monitor->reconfigure({});
  p->settle();
  p->monitor->reconfigure({spec});
  p->settle();
  for (int i = 0; i < 3; ++i) round(*p, "pp", 2);
  EXPECT_EQ(served(), "198.51.100.10");
}

class WitnessTest : public MonitorTest {
 protected:
  std::unique_ptr<Process> with_witness(const std::vector<Shared<ServiceSpec>>& services) {
    WitnessSpec witness;
    witness.targets.resize(1);
    auto p = std::make_unique<Process>(disk, server, services, now, wall, witness);
    p->settle();
    return p;
  }
};

TEST_F(WitnessTest, AFailureMovesTrafficOnlyWhenTheWitnessVouchesForOurLink) {
  auto p = with_witness({web()});
  round(*p, "p", 0);
  round(*p, "pp");
  p->rounds.asked_now.clear();
  round(*p, "fp");
  EXPECT_EQ(served(), "192.0.2.10") << "it waits for the witness";
  EXPECT_THAT(p->rounds.asked_now, ElementsAre(ServiceId{0xffff0000})) << "which is asked now";
  round(*p, "f", 0);
  EXPECT_EQ(served(), "192.0.2.10") << "our own link is down";
  EXPECT_TRUE(p->alarms.stands("HS1122"));
  EXPECT_EQ(p->monitor->find("www.example.com")->model().targets()[0].last, Verdict::inconclusive);
  round(*p, "fp");
  round(*p, "p", 0);
  EXPECT_EQ(served(), "198.51.100.10");
  EXPECT_FALSE(p->alarms.stands("HS1122"));
}

TEST_F(WitnessTest, HoweverMuchFailsItIsNotFlooded) {
  auto p = with_witness({web()});
  round(*p, "p", 0);
  round(*p, "pp");
  p->rounds.asked_now.clear();
  const auto began = now;
  // Blind after each word of the witness, so that each failure is news again.
  for (int i = 0; i < 50; ++i) {
    now += Millis(1);
    p->round("fp");
    p->round("f", 0);
    p->settle();
  }
  EXPECT_FALSE(p->rounds.asked_now.empty());
  EXPECT_LE((p->rounds.asked_now.size() - 1) * Millis(200), now - began);
}

TEST_F(WitnessTest, TakenOutByAReloadItHoldsNothingBack) {
  auto p = with_witness({web()});
  round(*p, "p", 0);
  round(*p, "pp");
  round(*p, "fp");
  ASSERT_EQ(served(), "192.0.2.10");
  p->monitor->reconfigure({web()});
  p->settle();
  EXPECT_EQ(served(), "198.51.100.10");
}

TEST_F(WitnessTest, AnUnprobedBackupIsUsedWhenTheWitnessAnswers) {
  auto spec = web();
  spec.backups[0].monitor.reset();
  auto p = with_witness({spec});
  auto primary = [&](const char* verdict, std::uint32_t service) { round(*p, verdict, service); };
  primary("p", 0);
  primary("p", 1);
  primary("f", 1);
  primary("p", 0);
  EXPECT_EQ(served(), "198.51.100.10");
}

TEST_F(MonitorTest, AttemptsThatTakeLongerThanTheIntervalStillMoveTraffic) {
  auto spec = web();
  spec.monitor.change([](MonitorSpec& monitor) {
    monitor.interval = Seconds(1);
    monitor.timeout = Seconds(2);
    monitor.retries = 3;
  });
  spec.ttl = 1;
  auto p =
      std::make_unique<Process>(disk, server, std::vector<Shared<ServiceSpec>>{spec}, now, wall);
  p->settle();
  const auto slow_round = [&](const char* verdicts) {
    const auto began = now;
    now += Seconds(8);  // four attempts of two seconds
    p->round(verdicts, 1, began);
    p->settle();
  };
  slow_round("pp");
  slow_round("fp");
  EXPECT_EQ(served(), "198.51.100.10");
  slow_round("pf");
  EXPECT_EQ(served(), "192.0.2.10") << "and home again, while the backup is silent";
}

TEST_F(MonitorTest, AnOperatorsWordDuringASwapIsObeyedAtItsEnd) {
  for (int steps = 0; steps < 20; ++steps) {
    SCOPED_TRACE(steps);
    disk = {};
    server = {};
    auto p = run();
    round(*p, "pp");
    ASSERT_TRUE(p->monitor->command("www.example.com", {CommandKind::force_failover, "", "", {}}));
    for (int i = 0; i < steps; ++i) p->step();
    ASSERT_TRUE(p->monitor->command("www.example.com", {CommandKind::recover, "", "", {}}));
    p->settle();
    EXPECT_EQ(served(), "192.0.2.10") << "no round came in between";
    EXPECT_EQ(p->monitor->find("www.example.com")->model().status(), ServiceStatus::ok);
  }
}

class LossTest : public WitnessTest {
 protected:
  static std::vector<Shared<ServiceSpec>> many() {
    std::vector<Shared<ServiceSpec>> services;
    for (int i = 0; i < 20; ++i) services.push_back(web("s" + std::to_string(i) + ".example.com"));
    return services;
  }
  int moved() {
    int count = 0;
    for (const auto& [key, live] : server.records)
      count += live.set && live.set->values.front() == "198.51.100.10" ? 1 : 0;
    return count;
  }
  // All in one moment: nothing is done between their ends.
  void rounds_at_once(Process& p, const std::string& verdicts, std::uint32_t first = 1) {
    for (std::uint32_t i = first; i <= 20; ++i) p.round(verdicts, i);
  }
};

TEST_F(LossTest, WithoutAWitnessAnotherAnswerExplainsIt) {
  auto p = std::make_unique<Process>(disk, server, many(), now, wall);
  p->settle();
  rounds_at_once(*p, "pp");
  p->settle();
  now += Seconds(5);
  rounds_at_once(*p, "fp");
  p->settle();
  EXPECT_EQ(moved(), 20) << "the backups answer, so it is their loss";
}

TEST_F(LossTest, ActivatingServicesChangesNothingOfWhatManyMeans) {
  auto p = with_witness(many());
  round(*p, "p", 0);
  rounds_at_once(*p, "pp");
  p->settle();
  for (const auto& spec : many()) {
    ASSERT_TRUE(p->monitor->command(spec->key.fqdn, {CommandKind::deactivate, "", "", {}}));
    ASSERT_TRUE(p->monitor->command(spec->key.fqdn, {CommandKind::activate, "", "", {}}));
  }
  p->settle();
  rounds_at_once(*p, "pp");
  p->settle();
  now += Seconds(5);
  rounds_at_once(*p, "fp");
  now += Millis(5);
  p->round("p", 0);
  p->settle();
  EXPECT_TRUE(p->alarms.stands("HS1124"));
}

TEST_F(LossTest, IsHeldUntilTheWitnessIsAskedAgain) {
  auto p = with_witness(many());
  round(*p, "p", 0);
  rounds_at_once(*p, "pp");
  p->settle();
  now += Seconds(5);
  rounds_at_once(*p, "fp");
  now += Millis(5);
  p->round("p", 0);  // vouches for each failure, but not for such a loss
  p->settle();
  EXPECT_LE(moved(), 10) << "more than half went down: the rest is held";
  EXPECT_TRUE(p->alarms.stands("HS1124"));
  now += Millis(5);
  p->round("p", 0);
  p->settle();
  EXPECT_LE(moved(), 10) << "the witness has answered, nobody else yet";
  now += Millis(5);
  p->round("fp", 20);
  p->round("p", 0);
  p->settle();
  EXPECT_EQ(moved(), 20);
  EXPECT_FALSE(p->alarms.stands("HS1124"));
}

TEST_F(MonitorTest, ViewsTellTheStory) {
  auto p = run();
  round(*p, "pp");
  round(*p, "fp");
  const auto* service = p->monitor->find("www.example.com");
  const auto status = status_view(*service);
  EXPECT_EQ(status.at("status").as_string(), "failover");
  EXPECT_EQ(status.at("serving").as_string(), "198.51.100.10");
  EXPECT_EQ(status.at("proof").as_string(), "proved");
  const auto explain = explain_view(*service, {now, wall}, {}, std::nullopt);
  EXPECT_EQ(explain.at("swap").at("proof").as_array().size(), 1u);
  EXPECT_EQ(explain.at("targets").as_array().size(), 2u);
  EXPECT_FALSE(explain.at("waiting_for").as_string().empty());
  EXPECT_EQ(show_view(*service, {now, wall}).at("swaps_last_hour").as_int64(), 1);
}

}  // namespace
}  // namespace hotswapd
