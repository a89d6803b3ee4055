#include "ctl/duration.hpp"

#include <gtest/gtest.h>

namespace hotswapd::ctl {
namespace {

TEST(Duration, HasAWholeNumberAndAUnit) {
  EXPECT_EQ(parse_duration("500ms"), Millis(500));
  EXPECT_EQ(parse_duration("10s"), Millis(10'000));
  EXPECT_EQ(parse_duration("1m"), Millis(60'000));
  EXPECT_EQ(parse_duration("2h"), Millis(7'200'000));
  EXPECT_EQ(parse_duration("21d"), Millis(1'814'400'000));
  EXPECT_EQ(parse_duration("3660d"), Millis(std::int64_t{3660} * 86'400'000));
}

TEST(Duration, AnythingElseIsNone) {
  for (const char* text :
       {"", "10", "s", "0s", "-1s", "+1s", " 1s", "1s ", "1.5h", "1 s", "1w", "1S", "3661d",
        "99999999999999999999s", "18446744073709551615d", "1h30m"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

}  // namespace
}  // namespace hotswapd::ctl
