// The response rate limit: per network, off on loopback, slips, bounded.
#include "dns/rate_limiter.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hotswapd {
namespace {

using Verdict = RateLimiter::Verdict;

DnsEndpoint from(const std::string& text) {
  return DnsEndpoint::parse(text).value();
}

TEST(RateLimiter, LoopbackIsExemptByDefault) {
  RateLimiter limiter({}, 1);
  EXPECT_TRUE(limiter.exempt(from("127.0.0.9:1")));
  EXPECT_TRUE(limiter.exempt(from("[::1]:1")));
  EXPECT_FALSE(limiter.exempt(from("192.0.2.1:1")));
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(limiter.admit(from("127.0.0.1:9"), 5), Verdict::answer);
}

TEST(RateLimiter, AboveTheLimitEverySecondAnswerSlips) {
  RateLimiter limiter({0, 3}, 2);
  const auto source = from("192.0.2.1:1");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limiter.admit(source, 10), Verdict::answer);
  EXPECT_EQ(limiter.admit(source, 10), Verdict::drop);
  EXPECT_EQ(limiter.admit(source, 10), Verdict::slip);
  EXPECT_EQ(limiter.admit(source, 10), Verdict::drop);
  EXPECT_EQ(limiter.admit(source, 10), Verdict::slip);
  EXPECT_EQ(limiter.admit(source, 11), Verdict::answer) << "a new second, a new allowance";
}

TEST(RateLimiter, CountsNetworksNotAddresses) {
  RateLimiter limiter({0, 1}, 3);
  EXPECT_EQ(limiter.admit(from("192.0.2.1:1"), 1), Verdict::answer);
  EXPECT_EQ(limiter.admit(from("192.0.2.200:7"), 1), Verdict::drop);
  EXPECT_EQ(limiter.admit(from("192.0.3.1:1"), 1), Verdict::answer);
  EXPECT_EQ(limiter.admit(from("[2001:db8:0:1100::1]:1"), 1), Verdict::answer);
  EXPECT_EQ(limiter.admit(from("[2001:db8:0:11ff::2]:1"), 1), Verdict::drop) << "the same /56";
  EXPECT_EQ(limiter.admit(from("[2001:db8:0:1200::1]:1"), 1), Verdict::answer);
}

TEST(RateLimiter, ManyNetworksNeverLiftTheLimitOfABusyOne) {
  RateLimiter limiter({0, 10}, 4);
  const auto busy = from("198.51.100.1:1");
  int answers = 0;
  for (int i = 0; i < 60'000; ++i) {
    const auto other =
        from("10." + std::to_string(i / 256 % 256) + "." + std::to_string(i % 256) + ".1:1");
    limiter.admit(other, 7);
    answers += limiter.admit(busy, 7) == Verdict::answer ? 1 : 0;
  }
  EXPECT_EQ(answers, 10) << "the table is full of networks that asked once: they give way first";
}

}  // namespace
}  // namespace hotswapd
