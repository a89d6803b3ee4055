#include "monitor/blindness.hpp"

#include <gtest/gtest.h>

namespace hotswapd {
namespace {

TimePoint at(int seconds) {
  return TimePoint(Seconds(1'000 + seconds));
}

TEST(Blindness, AFewAreToldOneByOne) {
  Blindness blindness;
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(blindness.tell("a", at(i)));
  EXPECT_EQ(blindness.rest(at(100)), std::nullopt);
}

TEST(Blindness, TheRestOfACrowdIsToldTogether) {
  Blindness blindness;
  int told = 0;
  for (int i = 0; i < 700; ++i)
    told += blindness.tell("target " + std::to_string(i), at(0)) ? 1 : 0;
  EXPECT_EQ(told, 10);
  EXPECT_EQ(blindness.rest(at(9)), std::nullopt);
  EXPECT_EQ(blindness.rest(at(10)), "690 more targets, the last: target 699");
  EXPECT_EQ(blindness.rest(at(11)), std::nullopt);
}

TEST(Blindness, ACrowdThatGoesOnIsToldEveryTenSeconds) {
  Blindness blindness;
  int lines = 0;
  for (int second = 0; second < 60; ++second) {
    for (int i = 0; i < 50; ++i) lines += blindness.tell("x", at(second)) ? 1 : 0;
    lines += blindness.rest(at(second)) ? 1 : 0;
  }
  EXPECT_EQ(lines, 10 + 5);
}

TEST(Blindness, AfterwardsAFewAreToldOneByOneAgain) {
  Blindness blindness;
  for (int i = 0; i < 11; ++i) blindness.tell("x", at(0));
  EXPECT_EQ(blindness.rest(at(10)), "1 more target, the last: x");
  EXPECT_TRUE(blindness.tell("y", at(20)));
}

}  // namespace
}  // namespace hotswapd
