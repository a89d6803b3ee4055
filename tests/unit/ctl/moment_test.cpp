#include "ctl/moment.hpp"

#include <gtest/gtest.h>

namespace hotswapd::ctl {
namespace {

const WallTime eleven = *parse_time("2026-11-21T11:00:00Z");

TEST(Moment, TimesAreRfc3339InUtc) {
  EXPECT_EQ(eleven.time_since_epoch(), Millis(1'795'258'800'000));
  EXPECT_EQ(parse_time("2026-11-21T11:00:00.5Z"), eleven + Millis(500));
  EXPECT_EQ(parse_time("2026-11-21T11:00:00.123456789Z"), eleven + Millis(123));
  for (const char* text :
       {"", "2026-11-21", "2026-11-21T11:00:00", "2026-11-21T11:00:00+01:00",
        "2026-13-21T11:00:00Z", "2026-02-30T11:00:00Z", "2026-11-21T24:00:00Z",
        "2026-11-21T11:00:00.Z", "2026-11-21T11:00:00.xZ", "never and a half, Z"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
}

TEST(Moment, SpansHaveTwoUnitsAtMost) {
  EXPECT_EQ(span(Seconds(0)), "0s");
  EXPECT_EQ(span(Seconds(-5)), "0s");
  EXPECT_EQ(span(Seconds(59)), "59s");
  EXPECT_EQ(span(Seconds(60)), "1m");
  EXPECT_EQ(span(Seconds(312)), "5m 12s");
  EXPECT_EQ(span(Seconds(7500)), "2h 5m");
  EXPECT_EQ(span(Seconds(3 * 86400 + 4 * 3600 + 59)), "3d 4h");
}

TEST(Moment, IsToldWithItsAge) {
  EXPECT_EQ(moment("2026-11-21T11:00:00Z", eleven + Seconds(312)),
            "2026-11-21 11:00:00Z (5m 12s ago)");
  EXPECT_EQ(moment("2026-11-21T11:10:00Z", eleven), "2026-11-21 11:10:00Z (in 10m)");
  EXPECT_EQ(moment("soon", eleven), "soon");
  EXPECT_EQ(moment("", eleven), "");
  EXPECT_EQ(time_of_day("2026-11-21T11:00:00.250Z"), "11:00:00.250Z");
  EXPECT_EQ(age("2026-11-21T11:00:00Z", eleven + Seconds(9)), "9s");
  EXPECT_EQ(age("?", eleven), "");
}

TEST(Moment, LengthsReadAsTheConfigurationWritesThem) {
  EXPECT_EQ(length_text(Millis(0)), "0s");
  EXPECT_EQ(length_text(Millis(500)), "500ms");
  EXPECT_EQ(length_text(Millis(1500)), "1500ms");
  EXPECT_EQ(length_text(Seconds(5)), "5s");
  EXPECT_EQ(length_text(Seconds(60)), "1m");
  EXPECT_EQ(length_text(Seconds(7200)), "2h");
  EXPECT_EQ(length_text(Seconds(86400)), "1d");
}

TEST(Moment, MillisecondsKeepTheDigitsThatMatter) {
  EXPECT_EQ(milliseconds(0.42), "0.4 ms");
  EXPECT_EQ(milliseconds(350.4), "350 ms");
  EXPECT_EQ(milliseconds(10'240), "10.2 s");
}

}  // namespace
}  // namespace hotswapd::ctl
