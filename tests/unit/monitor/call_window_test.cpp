#include "monitor/call_window.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace hotswapd {
namespace {

const TimePoint start{std::chrono::hours(1)};

TEST(CallWindow, WithoutALimitEverythingMayGo) {
  CallWindow w;
  w.limit(0);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(w.next(start), start);
    w.called(start);
  }
}

TEST(CallWindow, AnIdleProviderTakesItsRateAtOnceAndNoMore) {
  CallWindow w;
  w.limit(4);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(w.next(start), start);
    w.called(start);
  }
  EXPECT_EQ(w.next(start), start + Seconds(1));
  EXPECT_EQ(w.next(start + Seconds(5)), start + Seconds(5));
}

TEST(CallWindow, LooksLeaveRoom) {
  CallWindow w;
  w.limit(4);
  w.called(start);
  w.called(start);
  EXPECT_EQ(w.next(start, 0.5), start + Seconds(1));
  EXPECT_EQ(w.next(start), start);
}

TEST(CallWindow, LessThanOneASecondIsSoManyInTenSeconds) {
  CallWindow w;
  w.limit(0.7);
  for (int i = 0; i < 7; ++i) {
    EXPECT_EQ(w.next(start), start);
    w.called(start);
  }
  EXPECT_EQ(w.next(start), start + Seconds(10));
  CallWindow seldom;
  seldom.limit(0.02);
  seldom.called(start);
  EXPECT_EQ(seldom.next(start), start + Seconds(50));
}

TEST(CallWindow, NoSecondEverHasMore) {
  std::mt19937 random(1);
  for (const double rate : {1.0, 2.5, 4.0, 10.0}) {
    CallWindow w;
    w.limit(rate);
    std::vector<TimePoint> calls;
    TimePoint now = start;
    for (int i = 0; i < 1'000; ++i) {
      now = w.next(now + Millis(std::uniform_int_distribution<int>(0, 300)(random)));
      w.called(now);
      calls.push_back(now);
    }
    for (std::size_t first = 0, last = 0; last < calls.size(); ++last) {
      while (calls[last] - calls[first] >= Seconds(1)) ++first;
      EXPECT_LE(static_cast<double>(last - first + 1), rate);
    }
  }
}

}  // namespace
}  // namespace hotswapd
