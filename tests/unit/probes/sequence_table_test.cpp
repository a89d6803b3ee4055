// Sequence numbers: unique while in use, rested before they are used again, bounded.
#include "probes/sequence_table.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <random>
#include <vector>

namespace hotswapd {
namespace {

TEST(SequenceTable, ANumberRestsBeforeItIsUsedAgain) {
  SequenceTable<int> table;
  int what = 0;
  const auto first = table.insert(what);
  ASSERT_TRUE(first);
  EXPECT_EQ(table.find(*first), &what);
  table.erase(*first);
  EXPECT_EQ(table.find(*first), nullptr);
  for (std::size_t i = 1; i < SequenceTable<int>::first_size; ++i) {
    const auto other = table.insert(what);
    ASSERT_TRUE(other);
    EXPECT_NE(*other, *first);
    table.erase(*other);
  }
  EXPECT_EQ(table.insert(what), first);
}

TEST(SequenceTable, IsBounded) {
  SequenceTable<int> table;
  int what = 0;
  for (std::size_t i = 0; i < SequenceTable<int>::most_used; ++i) ASSERT_TRUE(table.insert(what));
  EXPECT_FALSE(table.insert(what));
  EXPECT_EQ(table.size(), SequenceTable<int>::most_used);
  table.erase(7);
  EXPECT_TRUE(table.insert(what));
  EXPECT_FALSE(table.insert(what));
}

TEST(SequenceTable, AnyHistoryKeepsNumbersApart) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    SequenceTable<int> table;
    std::vector<int> things(2000);
    std::map<std::uint16_t, int*> model;
    std::map<std::uint16_t, std::size_t> given_back;  // number -> how many inserts there were
    std::size_t inserts = 0;
    for (int step = 0; step < 5000; ++step) {
      if (model.empty() || random() % 100 < 55) {
        int& thing = things[random() % things.size()];
        const auto number = table.insert(thing);
        ++inserts;
        ASSERT_TRUE(number);
        ASSERT_TRUE(model.emplace(*number, &thing).second) << "seed " << seed;
        if (const auto it = given_back.find(*number); it != given_back.end()) {
          EXPECT_GE(inserts - it->second, SequenceTable<int>::first_size / 2) << "seed " << seed;
        }
      } else {
        const auto it = std::next(model.begin(), static_cast<long>(random() % model.size()));
        table.erase(it->first);
        given_back[it->first] = inserts;
        model.erase(it);
      }
      ASSERT_EQ(table.size(), model.size());
    }
    for (unsigned number = 0; number < 65'536; ++number) {
      const auto it = model.find(static_cast<std::uint16_t>(number));
      ASSERT_EQ(table.find(static_cast<std::uint16_t>(number)),
                it == model.end() ? nullptr : it->second);
    }
  }
}

}  // namespace
}  // namespace hotswapd
