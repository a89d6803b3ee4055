// Shared values: copies share, equal is equal in value, a change is nobody else's.
#include "core/shared.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hotswapd {
namespace {

TEST(Shared, WhatIsMadeOfNothingIsOne) {
  const Shared<std::string> a;
  const Shared<std::string> b;
  EXPECT_EQ(*a, "");
  EXPECT_EQ(&*a, &*b);
}

TEST(Shared, EqualIsEqualInValue) {
  const Shared<std::string> a(std::string("x"));
  const Shared<std::string> same = a;
  EXPECT_EQ(&*a, &*same);
  EXPECT_EQ(a, Shared<std::string>(std::string("x")));
  EXPECT_FALSE(a == Shared<std::string>(std::string("y")));
}

TEST(Shared, AChangeIsNobodyElses) {
  Shared<std::string> a;
  const Shared<std::string> b = a;
  a.change([](std::string& value) { value = "x"; });
  EXPECT_EQ(*a, "x");
  EXPECT_EQ(*b, "");
}

}  // namespace
}  // namespace hotswapd
