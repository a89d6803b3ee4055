// The whole engine on a network that loses, delays and repeats packets, killed at any step, while
// the reason for each swap comes and goes: the assertions of docs/model/swap.pml on the real thing.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "scripted.hpp"

namespace hotswapd {
namespace {

using testing::Disk;
using testing::Process;
using testing::ScriptedProvider;
using testing::ScriptedServer;
using testing::web;

const std::string fence_mark = "-fence";

std::string op_of(const SwapPlan& plan) {
  return plan.op.ends_with(fence_mark) ? plan.op.substr(0, plan.op.size() - fence_mark.size())
                                       : plan.op;
}

// Packets under way: each may be delivered late, and more than once.
class Network {
 public:
  Network(ScriptedServer& server, Disk& disk, std::mt19937& random)
      : server_(server), disk_(disk), random_(random) {}

  void transmit(const SwapPlan& plan) {
    if (wire_.size() == 3) wire_.erase(wire_.begin());
    wire_.push_back(plan);
  }
  // Any packet of those that were ever sent and are not forgotten.
  void deliver_one() {
    if (wire_.empty()) return;
    const auto i = std::uniform_int_distribution<std::size_t>(0, wire_.size() - 1)(random_);
    deliver(wire_[i]);
  }
  bool deliver(const SwapPlan& plan) {
    if (!server_.obey(plan)) return false;
    const auto intent = disk_.intents.find(op_of(plan));
    EXPECT_TRUE(intent != disk_.intents.end()) << "changed, and nothing of it in the journal";
    if (intent == disk_.intents.end()) return true;
    const auto& row = intent->second;
    EXPECT_FALSE(row.closed) << "changed after its intent was closed as " << row.phase;
    EXPECT_EQ(row.phase, "sent");
    if (plan.op.ends_with(fence_mark)) {
      EXPECT_EQ(row.fence, plan.generation);
    } else {
      EXPECT_EQ(row.generation, plan.generation);
    }
    return true;
  }

 private:
  ScriptedServer& server_;
  Disk& disk_;
  std::mt19937& random_;
  std::vector<SwapPlan> wire_;
};

class SwapProtocol : public ::testing::TestWithParam<int> {};

TEST_P(SwapProtocol, NothingChangesThatIsNotJournalledAndOpen) {
  std::mt19937 random(static_cast<unsigned>(GetParam()));
  const auto pick = [&](int n) { return std::uniform_int_distribution<int>(0, n - 1)(random); };
  Disk disk;
  ScriptedServer server;
  Network network(server, disk, random);
  TimePoint now{std::chrono::hours(1000)};
  WallTime wall{Millis(1'769'860'800'000)};
  auto spec = web();
  spec.ttl = 1;
  const std::vector<Shared<ServiceSpec>> services{spec};
  const RecordKey key = spec.key;
  if (pick(4) != 0) server.records[key].set = RecordSet{RecordType::a, 5, {"192.0.2.10"}};
  bool quiet = false;
  server.on_read = [&](const RecordKey&) -> std::optional<Error> {
    if (quiet || pick(6) != 0) return std::nullopt;
    return Error{errc::timed_out, "no answer"};
  };
  server.on_apply = [&](const SwapPlan& plan) -> std::optional<ApplyResult> {
    if (quiet) return std::nullopt;
    network.transmit(plan);
    const int fate = pick(4);
    const bool done = fate < 2 && network.deliver(plan);
    if (fate == 0) return ApplyResult(done ? SwapOutcome::applied : SwapOutcome::conflict, "");
    return ApplyResult(SwapOutcome::unknown, "no answer");
  };
  // What health asks for, and since when: of this life alone.
  std::optional<std::pair<std::string, TimePoint>> reason;
  server.on_leave = [&](const SwapPlan& plan) {
    if (plan.op.ends_with(fence_mark)) return;
    ASSERT_TRUE(reason) << "written before a round was seen";
    EXPECT_EQ(plan.want.values.front(), reason->first) << "its reason has gone";
    const auto& monitor = *spec.monitor;
    EXPECT_LE(now - reason->second, 2 * monitor.interval + monitor.timeout) << "and is too old";
  };
  const auto providers = [&](Process& process) {
    Process::Providers all;
    all["here"] = std::make_unique<ScriptedProvider>(server, process, now);
    return all;
  };

  for (int life = 0; life < 12; ++life) {
    reason.reset();
    Process p(disk, services, now, wall, std::nullopt, true, providers);
    const int rounds = 1 + pick(8);
    for (int r = 0; r < rounds; ++r) {
      const bool home = pick(2) == 0;
      reason = {home ? "192.0.2.10" : "198.51.100.10", now};
      p.round(home ? "pf" : "fp");
      const auto end = now + Millis(pick(3) == 0 ? 200 : 4'000);
      const bool killed = r + 1 == rounds;
      for (int steps = killed ? pick(60) : 1'000'000; steps > 0; --steps) {
        if (pick(10) == 0) network.deliver_one();
        if (!p.step() && !p.timeline.advance(end)) break;
      }
      if (::testing::Test::HasFailure()) return;
    }
  }
  // A last life in peace, but for packets that come even now.
  quiet = true;
  reason.reset();
  Process p(disk, services, now, wall, std::nullopt, true, providers);
  for (int r = 0; r < 10; ++r) {
    reason = {"192.0.2.10", now};
    p.round("pp");
    network.deliver_one();
    p.run_until(now + Seconds(10));
  }
  EXPECT_TRUE(disk.load().open_intents.empty());
  ASSERT_TRUE(server.records[key].set);
  EXPECT_EQ(server.records[key].set->values.front(), "192.0.2.10");
  EXPECT_EQ(disk.states[key].active, "primary");
  EXPECT_EQ(disk.states[key].status, "ok");
  EXPECT_EQ(disk.states[key].generation, server.records[key].generation)
      << "what we believe is what is served";
  for (int i = 0; i < 20; ++i) {
    network.deliver_one();
    EXPECT_EQ(server.records[key].set->values.front(), "192.0.2.10");
  }

  // Effective writes are decisions: each swap that was committed, or the fence that won instead.
  std::uint64_t last = 0;
  std::set<std::string> ops;
  for (const auto& plan : server.effective) {
    EXPECT_GT(plan.generation, last);
    last = plan.generation;
    EXPECT_TRUE(ops.insert(op_of(plan)).second) << "both of them took effect";
    const auto& row = disk.intents[op_of(plan)];
    if (plan.op.ends_with(fence_mark)) {
      EXPECT_EQ(row.phase, "abandoned");
      EXPECT_EQ(row.fence, plan.generation);
    } else {
      EXPECT_TRUE(row.phase == "applied" || row.phase == "proved") << row.phase;
    }
  }
  for (const auto& [op, row] : disk.intents) {
    const bool done = row.phase == "applied" || row.phase == "proved" || row.fence;
    EXPECT_TRUE(ops.contains(op) || !done) << row.phase << " without a write that took effect";
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, SwapProtocol, ::testing::Range(0, 300));

}  // namespace
}  // namespace hotswapd
