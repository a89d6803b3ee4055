#include "ctl/page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hotswapd::ctl {
namespace {

using testing::ElementsAre;

TEST(Page, WrapsBetweenWords) {
  EXPECT_THAT(wrap("one two three", 7), ElementsAre("one two", "three"));
  EXPECT_THAT(wrap("  one   two ", 80), ElementsAre("one two"));
  EXPECT_THAT(wrap("averylongword is", 5), ElementsAre("averylongword", "is"));
  EXPECT_THAT(wrap("", 5), ElementsAre(""));
}

TEST(Page, CountsCodePointsAndNotOurColours) {
  EXPECT_EQ(columns("gr\xc3\xbc\xc3\x9f"), 4u);
  EXPECT_EQ(columns("\x1b[1;31mdown\x1b[0m"), 4u);
  EXPECT_EQ(padded("\xc3\xbc", 3), "\xc3\xbc  ");
  EXPECT_EQ(padded("long", 3), "long");
}

TEST(Page, HangsWrappedLinesUnderTheirFirst) {
  Page page(Style{false, 30});
  page.wrapped("  why: ", "the primary did not answer at all");
  EXPECT_EQ(page.take(), "  why: the primary did not\n       answer at all\n");
}

TEST(Page, PaintsOnlyWhenItWantsColour) {
  EXPECT_EQ(Page(Style{}).painted("down", Ink::bad), "down");
  EXPECT_EQ(Page(Style{true, 80}).painted("down", Ink::bad), "\x1b[1;31mdown\x1b[0m");
  EXPECT_EQ(Page(Style{true, 80}).painted("down", Ink::plain), "down");
}

}  // namespace
}  // namespace hotswapd::ctl
