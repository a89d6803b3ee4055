// How often and how long after each other a call is tried.
#include "aws/retry.hpp"

#include <gtest/gtest.h>

namespace hotswapd::aws {
namespace {

TEST(Retry, WaitsARandomPartOfATimeThatDoubles) {
  EXPECT_EQ(backoff(0, 0.0, {}), Millis(0));
  EXPECT_EQ(backoff(0, 0.5, {}), Millis(250));
  EXPECT_EQ(backoff(3, 0.5, {}), Millis(2'000));
  EXPECT_EQ(backoff(5, 0.5, {}), Millis(8'000));
  EXPECT_EQ(backoff(40, 0.5, {}), Millis(10'000));
}

TEST(Retry, ObeysALongerWishOfTheServerUpToHalfAMinute) {
  EXPECT_EQ(backoff(0, 0.5, Seconds(7)), Millis(7'000));
  EXPECT_EQ(backoff(40, 0.5, Seconds(7)), Millis(10'000));
  EXPECT_EQ(backoff(0, 0.5, Seconds(300)), Millis(30'000));
}

TEST(Retry, TheBudgetRunsDryAndComesBackBySuccess) {
  RetryBudget budget;
  int bought = 0;
  while (budget.take()) ++bought;
  EXPECT_EQ(bought, 100);
  for (int i = 0; i < 4; ++i) budget.earn();
  EXPECT_FALSE(budget.take());
  budget.earn();
  EXPECT_TRUE(budget.take());
  EXPECT_FALSE(budget.take());
  budget.give_back();
  EXPECT_TRUE(budget.take());
}

struct Row {
  int life, left;  // minutes
  Renewal wanted;
};

TEST(Retry, RenewsKeysAheadOfTheirEnd) {
  const Row rows[] = {
      {60, 60, Renewal::none},  {60, 16, Renewal::none},   {60, 15, Renewal::begin},
      {60, 11, Renewal::begin}, {60, 10, Renewal::insist}, {60, -5, Renewal::insist},
      {15, 6, Renewal::none},   {15, 5, Renewal::begin},   {15, 3, Renewal::begin},
      {15, 2, Renewal::insist}, {720, 15, Renewal::begin}, {0, -1, Renewal::insist},
  };
  const WallTime got{Millis(1'000'000'000'000)};
  for (const auto& row : rows) {
    const auto expires = got + std::chrono::minutes(row.life);
    EXPECT_EQ(renewal(got, expires, expires - std::chrono::minutes(row.left)), row.wanted)
        << row.life << " " << row.left;
  }
}

}  // namespace
}  // namespace hotswapd::aws
