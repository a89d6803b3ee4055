// Names: text both ways, limits, comparison, suffix hashes.
#include "net/name.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hotswapd::wire {
namespace {

TEST(Name, TextGoesThereAndBack) {
  for (const std::string text :
       {"www.example.com", "a", "xn--bcher-kva.example", "_hotswap.www.fo.test", "a\\.b.example",
        "sp\\032ace.example", "back\\\\slash.x", "\\000\\255.x"}) {
    const auto name = Name::from_text(text);
    ASSERT_TRUE(name.has_value()) << text;
    EXPECT_EQ(name->text(), text);
  }
  EXPECT_EQ(Name::from_text("www.example.com.")->text(), "www.example.com");
  EXPECT_EQ(Name::from_text(".")->text(), ".");
  EXPECT_TRUE(Name::from_text(".")->is_root());
}

TEST(Name, BrokenTextIsRefused) {
  for (const std::string text : {"", "..", ".a", "a..b", "a\\", "a\\25", "a\\256", "a\\2x5"}) {
    EXPECT_FALSE(Name::from_text(text).has_value()) << text;
  }
}

TEST(Name, LimitsAreSixtyThreeAndTwoHundredFiftyFive) {
  const std::string longest(63, 'x');
  EXPECT_TRUE(Name::from_text(longest).has_value());
  EXPECT_FALSE(Name::from_text(longest + "x").has_value());
  const std::string three = longest + "." + longest + "." + longest + ".";
  EXPECT_EQ(Name::from_text(three + std::string(61, 'y'))->size(), 255U);
  EXPECT_FALSE(Name::from_text(three + std::string(62, 'y')).has_value());
  std::string many;
  for (int i = 0; i < 127; ++i) many += "a.";
  EXPECT_EQ(Name::from_text(many)->size(), 255U);
  EXPECT_FALSE(Name::from_text(many + "a").has_value());
}

TEST(Name, ComparesBlindToAsciiCaseOnly) {
  EXPECT_EQ(*Name::from_text("WWW.Example.COM"), *Name::from_text("www.example.com"));
  EXPECT_FALSE(*Name::from_text("w\\192.x") == *Name::from_text("w\\224.x"));
  EXPECT_FALSE(*Name::from_text("a[.x") ==
               *Name::from_text("a{.x"));  // 0x5b and 0x7b are no letters
  EXPECT_FALSE(*Name::from_text("a.b") == *Name::from_text("a\\.b"));
}

TEST(Name, IsUnderGoesByLabels) {
  const auto zone = *Name::from_text("example.com");
  EXPECT_TRUE(Name::from_text("www.EXAMPLE.com")->is_under(zone));
  EXPECT_TRUE(zone.is_under(zone));
  EXPECT_FALSE(Name::from_text("wwwexample.com")->is_under(zone));
  EXPECT_FALSE(Name::from_text("com")->is_under(zone));
  EXPECT_TRUE(zone.is_under(Name()));
  // The bytes of the zone's name at the end, but inside a label: "x\7example\3com" as one label and
  // the root.
  EXPECT_FALSE(Name::from_text("x\\007example\\003com")->is_under(zone));
}

TEST(LookupName, SuffixHashesAreThoseOfTheNamesThemselves) {
  LookupName name;
  name.assign(Name::from_text("WWW.Example.COM")->wire());
  ASSERT_EQ(name.labels, 3U);
  const char* suffixes[] = {"www.example.com", "example.com", "com", "."};
  for (std::size_t i = 0; i < 4; ++i) {
    const auto suffix = *Name::from_text(suffixes[i]);
    EXPECT_EQ(name.hash[i], hash_name(suffix.wire()));
    EXPECT_TRUE(std::equal(name.suffix(i).begin(), name.suffix(i).end(), suffix.wire().begin(),
                           suffix.wire().end()));
  }
}

TEST(LookupName, ParseRefusesWhatIsNoPlainName) {
  const auto parse = [](const std::string& raw) {
    LookupName name;
    return name.parse(std::as_bytes(std::span(raw)));
  };
  using namespace std::string_literals;
  EXPECT_TRUE(parse("\3www\0"s));
  EXPECT_TRUE(parse("\0"s));
  EXPECT_FALSE(parse(""s));
  EXPECT_FALSE(parse("\3www"s)) << "no end";
  EXPECT_FALSE(parse("\3ww"s)) << "cut label";
  EXPECT_FALSE(parse("\300\014"s)) << "pointer";
  EXPECT_FALSE(parse("\3www\300\014"s)) << "pointer behind a label";
  EXPECT_FALSE(parse("\100a\0"s)) << "label type 01";
  EXPECT_FALSE(parse("\200a\0"s)) << "label type 10";
  std::string fits, long_by_one;
  for (int i = 0; i < 126; ++i) fits += "\1a"s;
  long_by_one = fits + "\2aa"s + "\0"s;
  EXPECT_TRUE(parse(fits + "\1a"s + "\0"s)) << "255 bytes";
  EXPECT_FALSE(parse(long_by_one)) << "256 bytes";
}

}  // namespace
}  // namespace hotswapd::wire
