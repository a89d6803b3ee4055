#include "core/text.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hotswapd {
namespace {

TEST(Clean, LeavesPlainTextAlone) {
  EXPECT_EQ(clean("220 mail.example.net ESMTP"), "220 mail.example.net ESMTP");
  EXPECT_EQ(clean("gr\xc3\xbc\xc3\x9f Gott \xe2\x82\xac \xf0\x9f\x99\x82"),
            "gr\xc3\xbc\xc3\x9f Gott \xe2\x82\xac \xf0\x9f\x99\x82");
}

TEST(Clean, EscapesWhatCouldForgeALine) {
  EXPECT_EQ(clean("a\nb\r\x1b[31m"), "a\\x0ab\\x0d\\x1b[31m");
  EXPECT_EQ(clean(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(clean("\x7f"), "\\x7f");
  EXPECT_EQ(clean("\xc2\x9b"), "\\xc2\\x9b") << "C1 control";
}

TEST(Clean, EscapesBidirectionalAndZeroWidthControls) {
  EXPECT_EQ(clean("\xe2\x80\xae"), "\\xe2\\x80\\xae") << "right-to-left override";
  EXPECT_EQ(clean("\xe2\x81\xa6"), "\\xe2\\x81\\xa6") << "left-to-right isolate";
  EXPECT_EQ(clean("\xe2\x80\x8b"), "\\xe2\\x80\\x8b") << "zero width space";
  EXPECT_EQ(clean("\xef\xbb\xbf"), "\\xef\\xbb\\xbf") << "byte order mark";
}

TEST(Clean, EscapesWhatIsNotUtf8) {
  EXPECT_EQ(clean("\xff"), "\\xff");
  EXPECT_EQ(clean("\xc3"), "\\xc3") << "cut short";
  EXPECT_EQ(clean("\xc0\xaf"), "\\xc0\\xaf") << "overlong";
  EXPECT_EQ(clean("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "surrogate";
  EXPECT_EQ(clean("\xf5\x80\x80\x80"), "\\xf5\\x80\\x80\\x80") << "beyond U+10FFFF";
}

TEST(Clean, CutsAtTheLimitWithoutBreakingACharacter) {
  EXPECT_EQ(clean(std::string(300, 'a')), std::string(253, 'a') + "...");
  EXPECT_EQ(clean(std::string(256, 'a')), std::string(256, 'a'));
  EXPECT_EQ(clean("abcd\xe2\x82\xac\xe2\x82\xac", 9), "abcd...");
  for (std::size_t limit = 0; limit < 12; ++limit) {
    EXPECT_LE(clean("\x01\x02\xe2\x82\xac\xf0\x9f\x99\x82xyz", limit).size(), limit);
  }
}

TEST(Lower, IsAsciiOnly) {
  EXPECT_EQ(lower("WWW.Example.COM"), "www.example.com");
  EXPECT_EQ(lower("\xc3\x9c"), "\xc3\x9c");
  EXPECT_TRUE(iequals("AbC", "aBc"));
  EXPECT_FALSE(iequals("abc", "abcd"));
}

}  // namespace
}  // namespace hotswapd
