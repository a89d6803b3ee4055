// Slowness and certificates near their end: when they are told, and how often.
#include "monitor/target_quality.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hotswapd {
namespace {

using namespace std::chrono_literals;

const WallTime start = WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 1));

TargetRound answered(Micros latency) {
  TargetRound round;
  round.verdict = Verdict::pass;
  ProbeResult result;
  result.verdict = Verdict::pass;
  result.times.total = latency;
  round.attempts.push_back(std::move(result));
  return round;
}

TargetRound not_answered(Verdict verdict) {
  TargetRound round = answered(10s);
  round.verdict = verdict;
  round.attempts.back().verdict = verdict;
  return round;
}

MonitorSpec slow_above(Millis limit) {
  MonitorSpec monitor;
  monitor.degraded_above = limit;
  return monitor;
}

// One letter a round: q quick, s slow, f failed, i inconclusive. What was told: b begins, e ends, .
// nothing.
std::string told(const std::string& rounds) {
  TargetQuality quality;
  const auto monitor = slow_above(800ms);
  std::string out;
  for (const char round : rounds) {
    TargetRound made = answered(round == 's' ? Micros(800'001) : Micros(800'000));
    if (round == 'f') made = not_answered(Verdict::fail);
    if (round == 'i') made = not_answered(Verdict::inconclusive);
    const auto news = observe_quality(quality, made, monitor, start);
    out += news.slow_begins ? 'b' : news.slow_ends ? 'e' : '.';
  }
  return out;
}

TEST(TargetQuality, SlownessBeginsAtOnceAndEndsAfterThreeQuickRounds) {
  EXPECT_EQ(told("qqq"), "...");
  EXPECT_EQ(told("qsss"), ".b..");
  EXPECT_EQ(told("sqqqq"), "b..e.");
  EXPECT_EQ(told("sqqsqqq"), "b.....e") << "the count begins anew";
  EXPECT_EQ(told("sqiqiq"), "b....e") << "inconclusive rounds say nothing";
  EXPECT_EQ(told("sfq"), "b..") << "being down is the news";
  EXPECT_EQ(told("sfs"), "b.b");
}

TEST(TargetQuality, WithoutALimitNothingIsSlow) {
  TargetQuality quality;
  EXPECT_FALSE(observe_quality(quality, answered(60s), MonitorSpec(), start).slow_begins);
  EXPECT_FALSE(quality.degraded);
}

TargetRound certified(WallTime ends) {
  TargetRound round = answered(1ms);
  round.attempts.back().certificate_ends = ends;
  return round;
}

TEST(TargetQuality, ACertificateNearItsEndIsToldOnceADay) {
  TargetQuality quality;
  MonitorSpec monitor;
  monitor.tls.warn_expiry = 24h * 21;
  const WallTime ends = start + 24h * 22;
  const auto at = [&](WallTime now) {
    return observe_quality(quality, certified(ends), monitor, now).expiry;
  };
  EXPECT_FALSE(at(start));
  EXPECT_FALSE(expires_soon(quality, monitor, start));
  EXPECT_TRUE(at(start + 24h));
  EXPECT_FALSE(at(start + 25h));
  EXPECT_FALSE(at(start + 47h));
  EXPECT_TRUE(at(start + 48h));
  EXPECT_TRUE(at(start + 30h)) << "a clock set back by more than a little";
  EXPECT_TRUE(expires_soon(quality, monitor, start + 48h));

  // Renewed: quiet again, and no old day counts for the next warning.
  const auto renewed = certified(start + 24h * 90);
  EXPECT_FALSE(observe_quality(quality, renewed, monitor, start + 49h).expiry);
  EXPECT_FALSE(expires_soon(quality, monitor, start + 49h));
  EXPECT_TRUE(observe_quality(quality, certified(ends), monitor, start + 50h).expiry);
}

TEST(TargetQuality, AResumedHandshakeShowsNoCertificateAndForgetsNone) {
  TargetQuality quality;
  MonitorSpec monitor;
  monitor.tls.warn_expiry = 24h;
  observe_quality(quality, certified(start + 36h), monitor, start);
  EXPECT_TRUE(observe_quality(quality, answered(1ms), monitor, start + 13h).expiry);
}

}  // namespace
}  // namespace hotswapd
