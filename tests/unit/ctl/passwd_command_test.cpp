#include "ctl/passwd_command.hpp"

#include <crypt.h>
#include <gtest/gtest.h>

namespace hotswapd::ctl {
namespace {

TEST(Passwd, MakesAHashThatThePasswordHas) {
  const auto hash = hash_of(Secret("correct horse"));
  ASSERT_TRUE(hash);
  EXPECT_TRUE(hash->starts_with("$y$")) << *hash;
  crypt_data data{};
  EXPECT_EQ(crypt_r("correct horse", hash->c_str(), &data), *hash);
  EXPECT_NE(crypt_r("Correct horse", hash->c_str(), &data), *hash);
  EXPECT_NE(*hash_of(Secret("correct horse")), *hash) << "its salt is its own";
}

TEST(Passwd, NotOfEverything) {
  EXPECT_FALSE(hash_of(Secret("")));
  EXPECT_FALSE(hash_of(Secret(std::string(512, 'x'))));
  EXPECT_TRUE(hash_of(Secret(std::string(511, 'x'))));
  EXPECT_FALSE(hash_of(Secret(std::string_view("a\0b", 3))));
}

}  // namespace
}  // namespace hotswapd::ctl
