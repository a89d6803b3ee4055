// The deadline wheel against a sorted model: nothing early, nothing lost.
#include "net/deadline_wheel.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>

namespace hotswapd {
namespace {

const TimePoint start{Seconds(1000)};

TEST(DeadlineWheel, RoundsUpToTheGrid) {
  DeadlineWheel wheel;
  DeadlineWheel::Node node;
  wheel.add(node, start + Millis(13));
  EXPECT_EQ(wheel.pop(start), nullptr);
  EXPECT_EQ(wheel.next(start), start + Millis(20));
  EXPECT_EQ(wheel.pop(start + Millis(19)), nullptr);
  EXPECT_EQ(wheel.pop(start + Millis(20)), &node);
  EXPECT_FALSE(node.linked());
  EXPECT_EQ(wheel.pop(start + Millis(20)), nullptr);
  EXPECT_FALSE(wheel.next(start + Millis(20)));
}

TEST(DeadlineWheel, ADeadlineOfThePastIsDueAtOnce) {
  DeadlineWheel wheel;
  DeadlineWheel::Node far;
  wheel.add(far, start + Seconds(5));
  EXPECT_EQ(wheel.pop(start), nullptr);
  DeadlineWheel::Node past;
  wheel.add(past, start - Seconds(1));
  EXPECT_EQ(wheel.next(start), start);
  EXPECT_EQ(wheel.pop(start), &past);
  wheel.remove(far);
  EXPECT_EQ(wheel.size(), 0u);
}

TEST(DeadlineWheel, MoreThanOneTurnAway) {
  DeadlineWheel wheel;
  DeadlineWheel::Node node;
  const TimePoint at = start + Seconds(95);
  wheel.add(node, at);
  TimePoint now = start;
  int wakes = 0;
  while (wheel.size() != 0) {
    const auto next = wheel.next(now);
    ASSERT_TRUE(next);
    ASSERT_LE(*next, at);
    ASSERT_GE(*next, now);
    now = *next;
    if (wheel.pop(now) == &node) {
      EXPECT_EQ(now, at);
      break;
    }
    ASSERT_LT(++wakes, 10);
  }
}

TEST(DeadlineWheel, AnHourOfSleepLosesNothing) {
  DeadlineWheel wheel;
  std::deque<DeadlineWheel::Node> nodes(100);
  for (std::size_t i = 0; i < nodes.size(); ++i) wheel.add(nodes[i], start + i * Millis(370));
  std::size_t popped = 0;
  while (wheel.pop(start + Seconds(3600)) != nullptr) ++popped;
  EXPECT_EQ(popped, nodes.size());
}

TEST(DeadlineWheel, AgreesWithASortedModel) {
  std::mt19937 random(7);
  DeadlineWheel wheel;
  std::deque<DeadlineWheel::Node> nodes(500);
  std::map<DeadlineWheel::Node*, TimePoint> model;
  TimePoint now = start;
  for (int step = 0; step < 20'000; ++step) {
    auto& node = nodes[random() % nodes.size()];
    if (node.linked()) {
      wheel.remove(node);
      model.erase(&node);
    } else {
      const TimePoint at = now + Millis(random() % 45'000);
      wheel.add(node, at);
      model[&node] = DeadlineWheel::grid_point(at);
    }
    now += Millis(random() % 50);
    while (auto* const due = wheel.pop(now)) {
      ASSERT_TRUE(model.contains(due));
      ASSERT_LE(model[due], now);
      model.erase(due);
    }
    for (const auto& [pending, at] : model) ASSERT_GT(at, now);
    ASSERT_EQ(wheel.size(), model.size());
    if (const auto next = wheel.next(now)) {
      for (const auto& [pending, at] : model) ASSERT_LE(*next, at);
    }
  }
  for (auto& node : nodes) wheel.remove(node);
}

}  // namespace
}  // namespace hotswapd
