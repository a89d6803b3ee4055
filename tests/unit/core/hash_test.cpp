// Hashes that are written down, or that spread what outlives a restart, never change.
#include "core/hash.hpp"

#include <gtest/gtest.h>

namespace hotswapd {
namespace {

// The published test vectors of FNV-1a.
static_assert(fnv1a("") == 0xcbf29ce484222325u);
static_assert(fnv1a("a") == 0xaf63dc4c8601ec8cu);
static_assert(fnv1a("foobar") == 0x85944171f73967e8u);

TEST(Hash, GoesOnWhereItStopped) {
  EXPECT_EQ(fnv1a("bar", fnv1a("foo")), fnv1a("foobar"));
}

TEST(Hash, OfAKeyIsTheSameInEveryVersion) {
  EXPECT_EQ(stable_hash("example.com/www.example.com"), 0x3cffb6e8bab32419u);
  EXPECT_NE(stable_hash("a"), stable_hash("b"));
}

}  // namespace
}  // namespace hotswapd
