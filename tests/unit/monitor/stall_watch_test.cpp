#include "monitor/stall_watch.hpp"

#include <gtest/gtest.h>

namespace hotswapd {
namespace {

TimePoint at(int ms) {
  return TimePoint(Millis(ms));
}

TEST(StallWatch, OnTimeIsNoStall) {
  StallWatch watch;
  EXPECT_FALSE(watch.expecting());
  EXPECT_FALSE(watch.ran(at(100'000)));  // nothing was expected
  watch.expect(at(100));
  EXPECT_TRUE(watch.expecting());
  EXPECT_FALSE(watch.woke(at(349)));
  EXPECT_FALSE(watch.expecting());
  EXPECT_EQ(watch.longest_since(at(0)), Clock::duration::zero());
}

TEST(StallWatch, ALateWakeUpCountsForWhatBeganBeforeItsEnd) {
  StallWatch watch;
  watch.expect(at(100));
  EXPECT_TRUE(watch.woke(at(1'100)));
  EXPECT_EQ(watch.longest_since(at(0)), Millis(1'000));
  EXPECT_EQ(watch.longest_since(at(1'099)), Millis(1'000));
  EXPECT_EQ(watch.longest_since(at(1'100)), Clock::duration::zero());
}

TEST(StallWatch, OneStallIsToldOnce) {
  StallWatch watch;
  watch.expect(at(100));
  EXPECT_TRUE(watch.ran(at(700)));  // an attempt that ended saw it first
  EXPECT_FALSE(watch.ran(at(701)));
  EXPECT_FALSE(watch.woke(at(702)));
  EXPECT_EQ(watch.longest_since(at(0)), Millis(600));
}

TEST(StallWatch, TheLongestOfTheLastOnesIsKnown) {
  StallWatch watch;
  for (int i = 0; i < 20; ++i) {
    watch.expect(at(i * 10'000));
    EXPECT_TRUE(watch.woke(at(i * 10'000 + 300 + 10 * (20 - i))));
  }
  EXPECT_EQ(watch.longest_since(at(0)), Millis(300 + 10 * 8));  // the twelve before are forgotten
}

}  // namespace
}  // namespace hotswapd
