// When a loss of many is taken for our own trouble, and what ends that.
#include "monitor/correlated_loss.hpp"

#include <gtest/gtest.h>

namespace hotswapd {
namespace {

const TimePoint t0{std::chrono::hours(1'000)};
constexpr Millis window{10'000};

void lose(CorrelatedLoss& loss, int count, std::size_t decided, TimePoint now = t0) {
  for (int i = 1; i <= count; ++i)
    loss.went_down(ServiceId{static_cast<std::uint32_t>(i)}, decided, window, now);
}

TEST(CorrelatedLoss, MoreThanHalfOfAtLeastTen) {
  struct Row {
    int lost;
    std::size_t decided;
    bool holds;
  };
  for (const auto& row : {Row{9, 9, false}, Row{5, 10, false}, Row{6, 10, true}, Row{10, 10, true},
                          Row{50, 100, false}, Row{51, 100, true}}) {
    CorrelatedLoss loss;
    lose(loss, row.lost, row.decided);
    EXPECT_EQ(loss.holds().has_value(), row.holds) << row.lost << " of " << row.decided;
  }
}

TEST(CorrelatedLoss, OnlyInsideOneInterval) {
  CorrelatedLoss loss;
  for (std::uint32_t i = 1; i <= 10; ++i)
    loss.went_down(ServiceId{i}, 10, window, t0 + i * Seconds(3));
  EXPECT_FALSE(loss.holds());
}

TEST(CorrelatedLoss, OneServiceThatFlapsIsOne) {
  CorrelatedLoss loss;
  for (int i = 0; i < 20; ++i) loss.went_down(ServiceId{1}, 10, window, t0 + Millis(i));
  EXPECT_FALSE(loss.holds());
}

TEST(CorrelatedLoss, AnotherTargetThatAnswersAfterwardsEndsIt) {
  CorrelatedLoss loss;
  lose(loss, 6, 10);
  loss.other_answered(t0 - Millis(1));
  ASSERT_TRUE(loss.holds()) << "that was before";
  EXPECT_NE(loss.holds()->find("6 of 10"), std::string::npos);
  loss.other_answered(t0 + Millis(1));
  EXPECT_FALSE(loss.holds());
  lose(loss, 10, 10, t0 + Millis(5));
  EXPECT_FALSE(loss.holds()) << "it is explained while it goes on";
}

TEST(CorrelatedLoss, WithAWitnessBothHaveToAnswer) {
  for (const bool witness_first : {false, true}) {
    CorrelatedLoss loss;
    loss.has_witness(true);
    lose(loss, 6, 10);
    if (witness_first) loss.witness_answered(t0 + Millis(1));
    if (!witness_first) loss.other_answered(t0 + Millis(1));
    ASSERT_TRUE(loss.holds());
    EXPECT_NE(loss.holds()->find(witness_first ? "another target" : "the witness"),
              std::string::npos);
    if (witness_first) loss.other_answered(t0 + Millis(2));
    if (!witness_first) loss.witness_answered(t0 + Millis(2));
    EXPECT_FALSE(loss.holds());
  }
}

TEST(CorrelatedLoss, IsArmedAgainAlthoughSomebodyIsAlwaysDown) {
  CorrelatedLoss loss;
  lose(loss, 60, 100);
  loss.other_answered(t0 + Millis(1));
  auto now = t0;
  for (int i = 0; i < 100; ++i) {
    now += Seconds(7);  // inside the window of 10 s
    loss.went_down(ServiceId{1}, 100, window, now);
  }
  lose(loss, 60, 100, now + Seconds(1));
  EXPECT_TRUE(loss.holds());
}

TEST(CorrelatedLoss, TheNextLossIsJudgedAnew) {
  CorrelatedLoss loss;
  lose(loss, 6, 10);
  loss.other_answered(t0 + Millis(1));
  lose(loss, 6, 10, t0 + std::chrono::minutes(5));
  EXPECT_TRUE(loss.holds());
}

}  // namespace
}  // namespace hotswapd
