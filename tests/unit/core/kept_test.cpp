// What is kept in little room comes back as it was.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "core/kept_set.hpp"
#include "core/kept_text.hpp"

namespace hotswapd {
namespace {

TEST(KeptText, ComesBackWhateverItsLength) {
  for (const std::size_t size : {0u, 1u, 15u, 254u, 255u, 256u, 70'000u}) {
    std::string text(size, 'x');
    if (size > 1) text[size / 2] = '\0';
    const KeptText kept(text);
    EXPECT_EQ(kept.text(), text) << size;
    EXPECT_EQ(kept.empty(), size == 0);
    KeptText copy = kept;
    EXPECT_EQ(copy, kept);
    const KeptText taken = std::move(copy);
    EXPECT_EQ(taken, text);
    EXPECT_EQ(std::hash<KeptText>()(taken), std::hash<KeptText>()(kept));
  }
}

TEST(KeptText, IsReplacedAsAWhole) {
  KeptText text("one");
  const KeptText& itself = text;
  text = itself;
  EXPECT_EQ(text, "one");
  text = std::string("another");
  EXPECT_EQ(text, "another");
  EXPECT_FALSE(text == "one");
  text = {};
  EXPECT_TRUE(text.empty());
  EXPECT_EQ(text, "");
}

TEST(KeptText, TakesTheRoomOfAPointer) {
  EXPECT_EQ(sizeof(KeptText), sizeof(void*));
}

TEST(KeptSet, ComesBackAsItWas) {
  const RecordSet rows[] = {
      {RecordType::a, 30, {"192.0.2.10"}},
      {RecordType::a, 0, {"192.0.2.10", "192.0.2.11", "192.0.2.9"}},
      {RecordType::aaaa, 4'000'000'000u, {"2001:db8::1"}},
      {RecordType::cname, 60, {"www.example.com"}},
      {RecordType::a, 30, {}},
  };
  for (const auto& set : rows) {
    const KeptSet kept(set);
    ASSERT_TRUE(kept);
    EXPECT_EQ(*kept, set);
    EXPECT_EQ(kept->values, set.values);
    EXPECT_EQ(std::optional<RecordSet>(kept), set);
    for (const auto& other : rows) EXPECT_EQ(kept == KeptSet(other), set == other);
  }
}

TEST(KeptSet, MayBeAbsent) {
  KeptSet kept;
  EXPECT_FALSE(kept);
  EXPECT_EQ(std::optional<RecordSet>(kept), std::nullopt);
  EXPECT_FALSE(kept == KeptSet(RecordSet{}));
  kept = std::optional(RecordSet{RecordType::a, 30, {"192.0.2.10"}});
  EXPECT_TRUE(kept);
  kept.reset();
  EXPECT_FALSE(kept);
  EXPECT_EQ(kept, KeptSet(std::optional<RecordSet>()));
}

}  // namespace
}  // namespace hotswapd
