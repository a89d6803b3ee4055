#include "api/rate_window.hpp"

#include <gtest/gtest.h>

namespace hotswapd {
namespace {

constexpr TimePoint start{std::chrono::hours(1)};

TEST(RateWindow, FullAfterItsLimitUntilItsEnd) {
  RateWindow window(3, Seconds(60));
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(window.full_for("a", start + Seconds(i)));
    window.count("a", start + Seconds(i));
  }
  EXPECT_EQ(window.full_for("a", start + Seconds(10)), Millis(50'000));
  EXPECT_FALSE(window.full_for("b", start + Seconds(10)));
  EXPECT_FALSE(window.full_for("a", start + Seconds(60)));
  window.count("a", start + Seconds(60));
  EXPECT_FALSE(window.full_for("a", start + Seconds(60))) << "the window began anew";
}

TEST(RateWindow, IsToldOfOnceAWindow) {
  RateWindow window(1, Seconds(60));
  EXPECT_FALSE(window.first_told("a")) << "there is none";
  window.count("a", start);
  EXPECT_TRUE(window.first_told("a"));
  EXPECT_FALSE(window.first_told("a"));
  window.count("a", start + Seconds(59));
  EXPECT_FALSE(window.first_told("a"));
  window.count("a", start + Seconds(60));
  EXPECT_TRUE(window.first_told("a"));
}

TEST(RateWindow, WhatIsForgivenDoesNotCount) {
  RateWindow window(1, Seconds(60));
  window.forgive("a", start);
  window.count("a", start);
  EXPECT_TRUE(window.full_for("a", start));
  window.forgive("a", start + Seconds(1));
  EXPECT_FALSE(window.full_for("a", start + Seconds(1)));
  window.count("a", start + Seconds(2));
  window.forgive("a", start + Seconds(90));
  EXPECT_TRUE(window.full_for("a", start + Seconds(3))) << "that was another window";
}

TEST(RateWindow, RemembersAsManyKeysAsItWasTold) {
  RateWindow window(1, Seconds(60), 2);
  window.count("a", start);
  window.count("b", start + Seconds(1));
  window.count("c", start + Seconds(2));
  EXPECT_FALSE(window.full_for("a", start + Seconds(3))) << "the oldest was forgotten";
  EXPECT_TRUE(window.full_for("b", start + Seconds(3)));
  EXPECT_TRUE(window.full_for("c", start + Seconds(3)));
  window.count("d", start + Seconds(61));  // b is over
  EXPECT_TRUE(window.full_for("c", start + Seconds(61)));
  EXPECT_TRUE(window.full_for("d", start + Seconds(61)));
}

TEST(RequestLimiter, HoldsBothLimits) {
  RequestLimiter limiter(2, 5);
  auto now = start;
  EXPECT_FALSE(limiter.admit("a", now));
  EXPECT_FALSE(limiter.admit("a", now));
  EXPECT_EQ(limiter.admit("a", now + Millis(400)), Millis(600));
  EXPECT_FALSE(limiter.admit("b", now));
  now += Seconds(1);
  EXPECT_FALSE(limiter.admit("a", now));
  EXPECT_FALSE(limiter.admit("a", now));
  now += Seconds(1);
  EXPECT_FALSE(limiter.admit("a", now)) << "what was refused did not count";
  EXPECT_EQ(limiter.admit("a", now), Millis(58'000));
  EXPECT_FALSE(limiter.admit("a", start + Seconds(60)));
}

TEST(AddressKey, OneForAWholeSubscriber) {
  EXPECT_EQ(address_key("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(address_key("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  EXPECT_EQ(address_key("2001:db8:1:2::9"), address_key("2001:db8:1:2:ffff::1"));
  EXPECT_NE(address_key("2001:db8:1:2::9"), address_key("2001:db8:1:3::9"));
  EXPECT_EQ(address_key("nonsense"), "nonsense");
}

}  // namespace
}  // namespace hotswapd
