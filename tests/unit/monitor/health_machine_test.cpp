#include "monitor/health_machine.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hotswapd {
namespace {

// Plays a row of verdicts (p pass, f fail, i inconclusive) and writes down the health after each (u
// up, d down, ? unknown).
std::string play(const std::string& verdicts, const HealthPolicy& policy) {
  HealthState state;
  std::string seen;
  for (const char c : verdicts) {
    const auto verdict = c == 'p'   ? Verdict::pass
                         : c == 'f' ? Verdict::fail
                                    : Verdict::inconclusive;
    state = observe(state, verdict, policy).state;
    seen += state.health == Health::up ? 'u' : state.health == Health::down ? 'd' : '?';
  }
  return seen;
}

TEST(HealthMachine, FirstVerdictDecidesAtOnce) {
  EXPECT_EQ(play("p", {3, 3}), "u");
  EXPECT_EQ(play("f", {3, 3}), "d");
  EXPECT_EQ(play("iif", {3, 3}), "??d");
}

TEST(HealthMachine, FallNeedsFailuresInSequence) {
  EXPECT_EQ(play("pff", {1, 3}), "uuu");
  EXPECT_EQ(play("pfff", {1, 3}), "uuud");
  EXPECT_EQ(play("pffpfff", {1, 3}), "uuuuuud");
}

TEST(HealthMachine, RiseNeedsPassesInSequence) {
  EXPECT_EQ(play("fppfppp", {3, 1}), "ddddddu");
  EXPECT_EQ(play("fp", {1, 1}), "du");
}

TEST(HealthMachine, InconclusiveNeitherCountsNorResets) {
  EXPECT_EQ(play("pffiiif", {1, 3}), "uuuuuud");
  EXPECT_EQ(play("fpipip", {3, 1}), "dddddu");
}

TEST(HealthMachine, SaysWhatChanged) {
  const HealthPolicy policy{2, 2};
  EXPECT_EQ(observe({}, Verdict::pass, policy).change, Change::changed);
  EXPECT_EQ(observe({Health::up, 0}, Verdict::fail, policy).change, Change::pending);
  EXPECT_EQ(observe({Health::up, 1}, Verdict::fail, policy).change, Change::changed);
  EXPECT_EQ(observe({Health::up, 1}, Verdict::pass, policy).change, Change::none);
  EXPECT_EQ(observe({Health::up, 1}, Verdict::pass, policy).state, (HealthState{Health::up, 0}));
  EXPECT_EQ(observe({Health::up, 1}, Verdict::inconclusive, policy).state,
            (HealthState{Health::up, 1}));
}

}  // namespace
}  // namespace hotswapd
