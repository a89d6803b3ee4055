// Which rounds wait for the witness, and what its word makes of them.
#include "monitor/witness.hpp"

#include <gtest/gtest.h>

namespace hotswapd {
namespace {

const TimePoint t0{std::chrono::hours(1'000)};

TimePoint at(int millis) {
  return t0 + Millis(millis);
}

TargetRound target(Verdict verdict) {
  TargetRound t;
  t.verdict = verdict;
  ProbeResult attempt;
  attempt.verdict = verdict;
  attempt.failure = verdict == Verdict::fail ? FailureClass::connect : FailureClass::none;
  attempt.reason = verdict == Verdict::fail ? "connection refused" : "connected";
  t.attempts.push_back(attempt);
  return t;
}

RoundResult round(std::uint32_t service, const std::string& verdicts, int started, int finished) {
  RoundResult r;
  r.service = ServiceId{service};
  r.started = at(started);
  r.finished = at(finished);
  for (const char c : verdicts)
    r.targets.emplace_back(target(c == 'p' ? Verdict::pass : Verdict::fail));
  return r;
}

Witness witness(int need = 1) {
  Witness w;
  WitnessSpec spec;
  spec.targets.resize(2);
  spec.need = need;
  w.configure(spec);
  return w;
}

// One round of both targets of the witness.
void hear(Witness& w, const std::string& verdicts, int started, int finished) {
  for (std::size_t i = 0; i < verdicts.size(); ++i)
    w.heard(i, round(0, verdicts.substr(i, 1), started, finished));
}

std::optional<RoundResult> next(Witness& w) {
  auto released = w.release();
  EXPECT_LE(released.size(), 1u);
  if (released.empty()) return std::nullopt;
  return std::move(released.front());
}

TEST(Witness, WithoutOneNothingWaits) {
  Witness w;
  auto r = round(1, "f", 0, 10);
  EXPECT_FALSE(w.park(r, true));
}

TEST(Witness, WhatAnsweredNeedsNoWitness) {
  auto w = witness();
  auto r = round(1, "pp", 0, 10);
  EXPECT_FALSE(w.park(r, false));
}

TEST(Witness, NewsWaitsForAnAnswerToALaterQuestion) {
  auto w = witness();
  hear(w, "pp", 5, 6);
  auto r = round(1, "fp", 0, 10);
  ASSERT_TRUE(w.park(r, true));
  EXPECT_TRUE(w.wants_to_ask());
  EXPECT_FALSE(next(w)) << "it was asked before the failure was seen";
  hear(w, "fp", 11, 12);
  EXPECT_FALSE(w.wants_to_ask());
  const auto released = next(w);
  ASSERT_TRUE(released);
  EXPECT_EQ(released->targets[0]->verdict, Verdict::fail);
  EXPECT_EQ(w.parked(), 0u);
}

TEST(Witness, AFailureThatItDoesNotVouchForDecidesNothing) {
  auto w = witness();
  auto r = round(1, "fp", 0, 10);
  ASSERT_TRUE(w.park(r, true));
  hear(w, "ff", 11, 2'000);
  EXPECT_EQ(w.up(), false);
  const auto released = next(w);
  ASSERT_TRUE(released);
  EXPECT_EQ(released->targets[0]->verdict, Verdict::inconclusive);
  EXPECT_EQ(released->targets[0]->attempts[0].failure, FailureClass::local);
  EXPECT_NE(released->targets[0]->attempts[0].reason.find("witness does not answer"),
            std::string::npos);
  EXPECT_NE(released->targets[0]->attempts[0].reason.find("connection refused"), std::string::npos);
  EXPECT_EQ(released->targets[1]->verdict, Verdict::pass) << "what answers proves itself";
}

TEST(Witness, SoManyHaveToAnswer) {
  auto w = witness(2);
  hear(w, "fp", 0, 1);
  EXPECT_EQ(w.up(), false);
  hear(w, "pp", 2, 3);
  EXPECT_EQ(w.up(), true);
  EXPECT_TRUE(w.answered_since(at(2)));
  EXPECT_FALSE(w.answered_since(at(3)));
}

TEST(Witness, WhatIsKnownToBeDownIsJudgedInTheWitnessOwnTime) {
  auto w = witness();
  auto r = round(1, "fp", 0, 10);
  ASSERT_TRUE(w.park(r, false));
  EXPECT_FALSE(w.wants_to_ask());
  hear(w, "pp", 5, 6);
  EXPECT_TRUE(next(w));
}

TEST(Witness, RoundsOfOneServiceKeepTheirOrder) {
  auto w = witness();
  auto first = round(1, "f", 0, 10);
  auto second = round(1, "p", 20, 30);
  auto other = round(2, "f", 0, 1);
  ASSERT_TRUE(w.park(first, true));
  ASSERT_TRUE(w.park(second, false)) << "not before the one that waits";
  ASSERT_TRUE(w.park(other, false));
  hear(w, "pp", 5, 6);
  auto released = next(w);
  ASSERT_TRUE(released);
  EXPECT_EQ(released->service, ServiceId{2}) << "others need not wait for it";
  EXPECT_FALSE(next(w));
  hear(w, "pp", 11, 12);
  const auto both = w.release();
  ASSERT_EQ(both.size(), 2u);
  EXPECT_EQ(both[0].started, at(0));
  EXPECT_EQ(both[1].started, at(20));
  EXPECT_FALSE(next(w));
}

TEST(Witness, OneThatIsSilentDoesNotHoldUpThoseThatSuffice) {
  auto w = witness(1);
  auto r = round(1, "f", 0, 10);
  ASSERT_TRUE(w.park(r, true));
  w.heard(1, round(0, "p", 11, 12));
  const auto released = next(w);
  ASSERT_TRUE(released) << "the other one may take as long as it likes";
  EXPECT_EQ(released->targets[0]->verdict, Verdict::fail);
  EXPECT_EQ(released->finished, at(12)) << "as fresh as the word that vouches for it";
}

TEST(Witness, TakenOutOfTheConfigurationItHoldsNothingBack) {
  auto w = witness();
  auto r = round(1, "f", 0, 10);
  ASSERT_TRUE(w.park(r, true));
  w.configure(std::nullopt);
  const auto released = next(w);
  ASSERT_TRUE(released);
  EXPECT_EQ(released->targets[0]->verdict, Verdict::fail);
}

}  // namespace
}  // namespace hotswapd
