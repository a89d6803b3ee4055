#include "monitor/swap_journal.hpp"

#include <gtest/gtest.h>

namespace hotswapd {
namespace {

SwapPlan plan() {
  SwapPlan p;
  p.key = {"example.com", "www.example.com"};
  p.expect = RecordSet{RecordType::a, 30, {"192.0.2.10", "192.0.2.11"}};
  p.expect_generation = 18'446'744'073'709'551'615U;
  p.want = RecordSet{RecordType::cname, 60, {"backup.example.net"}};
  p.generation = 42;
  p.op = "7f3c";
  return p;
}

IntentRow row_of(const SwapPlan& plan) {
  IntentRow row;
  row.op = plan.op;
  row.service = plan.key;
  row.generation = plan.generation;
  row.from_rr = journalled_expectation(plan);
  row.to_rr = journalled_target(plan, "here");
  return row;
}

void expect_same(const SwapPlan& a, const SwapPlan& b) {
  EXPECT_EQ(a.key, b.key);
  EXPECT_EQ(a.expect, b.expect);
  EXPECT_EQ(a.expect_generation, b.expect_generation);
  EXPECT_EQ(a.want, b.want);
  EXPECT_EQ(a.generation, b.generation);
  EXPECT_EQ(a.op, b.op);
}

TEST(SwapJournal, APlanComesBackAsItWent) {
  auto p = plan();
  expect_same(*journalled_plan(row_of(p)), p);
  p.expect_generation.reset();
  expect_same(*journalled_plan(row_of(p)), p);
  p.expect.reset();
  expect_same(*journalled_plan(row_of(p)), p);
  p.expect_generation = 7;
  expect_same(*journalled_plan(row_of(p)), p);
}

TEST(SwapJournal, RowsThatNameNoGenerationExpectTheOneBefore) {
  auto row = row_of(plan());
  row.from_rr = R"({"type":"A","ttl":30,"values":["192.0.2.10"]})";
  EXPECT_EQ(journalled_plan(row)->expect_generation, 41u);
  row.generation = 1;
  EXPECT_EQ(journalled_plan(row)->expect_generation, std::nullopt);
  row.from_rr = "null";
  EXPECT_EQ(journalled_plan(row)->expect, std::nullopt);
}

TEST(SwapJournal, WhatCannotBeReadIsNoPlan) {
  auto row = row_of(plan());
  for (const auto* text : {"", "null", "[]", "{}", R"({"type":"MX","ttl":1,"values":["a"]})",
                           R"({"type":"A","ttl":1,"values":[]})",
                           R"({"type":"A","ttl":"1","values":["192.0.2.1"]})"}) {
    row.to_rr = text;
    EXPECT_FALSE(journalled_plan(row)) << text;
  }
}

TEST(SwapJournal, AStoryThatCannotBeReadCounts) {
  EXPECT_TRUE(journalled_as_counted(""));
  EXPECT_TRUE(journalled_as_counted("{}"));
  EXPECT_TRUE(journalled_as_counted(R"({"counted":1})"));
  EXPECT_FALSE(journalled_as_counted(R"({"counted":false})"));
}

}  // namespace
}  // namespace hotswapd
