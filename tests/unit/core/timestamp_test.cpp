#include "core/timestamp.hpp"

#include <gtest/gtest.h>

namespace hotswapd {
namespace {

TEST(Timestamp, WritesAndReadsBack) {
  const WallTime at{Millis(1'769'860'800'123)};
  EXPECT_EQ(to_rfc3339(at), "2026-01-31T12:00:00Z");
  EXPECT_EQ(to_rfc3339_millis(at), "2026-01-31T12:00:00.123Z");
  EXPECT_EQ(parse_rfc3339("2026-01-31T12:00:00.123Z"), at);
  EXPECT_EQ(parse_rfc3339("2026-01-31T13:00:00.123+01:00"), at);
  EXPECT_EQ(parse_rfc3339("2026-01-31T07:30:00.1234-04:30"), at);
}

TEST(Timestamp, RefusesWhatIsNoTime) {
  for (const auto* text :
       {"", "2026-01-31", "2026-02-30T00:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31T12:00:00",
        "2026-01-31T12:00:00Zx", "2026-1-31T12:00:00Z", "2026-01-31T12:60:00Z",
        "2026-01-31T12:00:00.Z", "2026-01-31 12:00:00Z"}) {
    EXPECT_FALSE(parse_rfc3339(text)) << text;
  }
}

}  // namespace
}  // namespace hotswapd
