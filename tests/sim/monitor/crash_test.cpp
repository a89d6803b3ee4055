// Kills between any two steps, under rounds that flap: what was promised must hold for what
// survives.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "world.hpp"

namespace hotswapd {
namespace {

using testing::Disk;
using testing::NameServer;
using testing::Process;
using testing::web;

class Crashes : public ::testing::TestWithParam<int> {};

TEST_P(Crashes, NothingIsLostDoneTwiceOrHalfTold) {
  std::mt19937 random(static_cast<unsigned>(GetParam()));
  const auto pick = [&](int n) { return std::uniform_int_distribution<int>(0, n - 1)(random); };
  Disk disk;
  NameServer server;
  TimePoint now{std::chrono::hours(1000)};
  WallTime wall{Millis(1'769'860'800'000)};
  const std::vector<Shared<ServiceSpec>> services{web()};
  const RecordKey key = services[0]->key;
  server.records[key].set = RecordSet{RecordType::a, 5, {"192.0.2.10"}};
  std::set<std::string> ours{"192.0.2.10", "198.51.100.10"};

  for (int life = 0; life < 40; ++life) {
    Process p(disk, server, services, now, wall);
    const int rounds = 1 + pick(4);
    for (int r = 0; r < rounds; ++r) {
      if (pick(8) == 0) server.answers_lost = 1;
      if (pick(8) == 0) server.writes_lost = 1;
      if (pick(8) == 0) server.unreadable = 1;
      p.round(pick(2) == 0 ? "pf" : "fp");
      now += Seconds(10);
      wall += Seconds(10);
      // The last round may end at any step: that is the kill.
      const bool killed = r + 1 == rounds;
      int steps = killed ? pick(30) : 1'000'000;
      while (steps-- > 0 && p.step()) {
        ASSERT_TRUE(ours.contains(server.records[key].set->values.front()));
      }
    }
  }
  // A last life in peace: everything comes to rest.
  Process p(disk, server, services, now, wall);
  p.settle();
  for (int i = 0; i < 3; ++i) {
    p.round("pp");
    p.settle();
    now += Seconds(10);
    wall += Seconds(10);
  }
  EXPECT_TRUE(disk.load().open_intents.empty());
  EXPECT_EQ(server.records[key].set->values.front(), "192.0.2.10");
  EXPECT_EQ(disk.states[key].status, "ok");

  // Generations only rise, and no operation took effect twice.
  std::uint64_t last = 0;
  std::set<std::string> ops;
  for (const auto& plan : server.effective) {
    EXPECT_GT(plan.generation, last);
    last = plan.generation;
    EXPECT_TRUE(ops.insert(plan.op).second) << "written twice";
    ASSERT_TRUE(disk.intents.contains(plan.op)) << "written without a journal entry";
    const auto& phase = disk.intents[plan.op].phase;
    EXPECT_TRUE(phase == "applied" || phase == "proved") << "written, and not committed: " << phase;
  }
  for (const auto& [op, intent] : disk.intents) {
    if (intent.phase != "applied" && intent.phase != "proved") continue;
    EXPECT_TRUE(ops.contains(op)) << "committed, and never written: " << intent.generation << " "
                                  << intent.from_rr << " -> " << intent.to_rr << " "
                                  << intent.reason << " " << intent.evidence;
  }
  // What was told alternates: a transition told twice, or one lost, would break it.
  std::string status;
  std::map<std::string, std::string> addresses;
  for (const auto& [id, row] : disk.outbox) {
    if (row.body.starts_with("status ")) {
      EXPECT_NE(row.body, status);
      status = row.body;
    } else {
      const auto address = row.body.substr(0, 7);
      EXPECT_NE(row.body, addresses[address]);
      addresses[address] = row.body;
    }
  }
  EXPECT_EQ(status, "status ok");
}

INSTANTIATE_TEST_SUITE_P(Seeds, Crashes, ::testing::Range(0, 150));

}  // namespace
}  // namespace hotswapd
