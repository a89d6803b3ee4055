#include "monitor/guard.hpp"

#include <gtest/gtest.h>

namespace hotswapd {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

const WallTime noon{Millis(1'769'860'800'000)};
const TimePoint t0{hours(1'000)};

Moment after(minutes m) {
  return {t0 + m, noon + m};
}

TEST(SwapBudget, CountsTheLastHourOnly) {
  SwapBudget budget;
  budget.add(t0);
  budget.add(t0 + minutes(30));
  EXPECT_EQ(budget.used(t0 + minutes(59)), 2);
  EXPECT_EQ(budget.used(t0 + minutes(60)), 1);
  EXPECT_EQ(budget.used(t0 + minutes(90)), 0);
  EXPECT_EQ(budget.oldest(t0 + minutes(31)), t0);
  budget.forget_older_than_an_hour(t0 + minutes(60));
  EXPECT_EQ(budget.entries().size(), 1u);
}

TEST(SwapBudget, AClockSetBackNeverHoldsForLongerThanAnHour) {
  SwapBudget budget;
  budget.remember(noon + hours(20), {t0, noon});
  EXPECT_EQ(budget.used(t0 + minutes(59)), 1);
  EXPECT_EQ(budget.used(t0 + minutes(60)), 0);
}

TEST(SwapBudget, RemembersTheSwapsOfAnEarlierRunByTheirAge) {
  SwapBudget budget;
  budget.remember(noon - minutes(40), {t0, noon});
  budget.remember(noon - minutes(61), {t0, noon});
  EXPECT_EQ(budget.used(t0), 1);
  EXPECT_EQ(budget.used(t0 + minutes(20)), 0);
}

TEST(Guard, LimitHoldsAtTheLimit) {
  SwapBudget budget;
  EXPECT_TRUE(check_budget(budget, 1, after(minutes(0))).allows);
  budget.add(t0);
  const auto check = check_budget(budget, 1, after(minutes(10)));
  EXPECT_FALSE(check.allows);
  EXPECT_NE(check.text.find("2026-01-31T13:00:00Z"), std::string::npos) << check.text;
  EXPECT_TRUE(check_budget(budget, 1, after(hours(1))).allows);
  EXPECT_FALSE(check_budget({}, 0, after(minutes(0))).allows) << "0 means never";
}

TEST(Guard, MaintenanceHoldsInsideTheWindowUnlessSwapsAreAllowed) {
  const std::vector<MaintenanceWindow> closed{{noon, noon + hours(1), false, false}};
  EXPECT_TRUE(check_maintenance(closed, noon - Millis(1)).allows);
  EXPECT_FALSE(check_maintenance(closed, noon).allows);
  EXPECT_TRUE(check_maintenance(closed, noon + hours(1)).allows);
  EXPECT_TRUE(check_maintenance({{noon, noon + hours(1), true, false}}, noon).allows);
}

TEST(Guard, HoldDownLastsOneTtl) {
  EXPECT_TRUE(check_hold_down(std::nullopt, 30).allows);
  EXPECT_FALSE(check_hold_down(Millis(29'999), 30).allows);
  EXPECT_TRUE(check_hold_down(Millis(30'000), 30).allows);
}

TEST(Guard, EvidenceLastsTwoRoundsAndAnAttempt) {
  EXPECT_FALSE(evidence_expired(t0, t0 + Seconds(21), Seconds(10), Seconds(1)));
  EXPECT_TRUE(evidence_expired(t0, t0 + Seconds(21) + Millis(1), Seconds(10), Seconds(1)));
}

}  // namespace
}  // namespace hotswapd
