// Base64 of key files, good and broken.
#include "core/base64.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hotswapd {
namespace {

std::string decoded(std::string_view text) {
  const auto bytes = decode_base64(text);
  if (!bytes) return "refused";
  return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
}

TEST(Base64, ReadsTheVectorsOfTheRfc) {
  EXPECT_EQ(decoded(""), "");
  EXPECT_EQ(decoded("Zg=="), "f");
  EXPECT_EQ(decoded("Zm8="), "fo");
  EXPECT_EQ(decoded("Zm9v"), "foo");
  EXPECT_EQ(decoded("Zm9vYg=="), "foob");
  EXPECT_EQ(decoded("Zm9v\n YmFy\r\n"), "foobar");
  EXPECT_EQ(decoded("+/+/"), "\xfb\xff\xbf");
}

TEST(Base64, RefusesEverythingElse) {
  for (const char* text : {"Z", "Zg", "Zg=", "Zm9", "Zg===", "=",
                           "====", "Zm9v=", "Zh==", "Zm9=", "Z=g=", "Zg==Zg==", "Zm9v!", "Zm_v"})
    EXPECT_EQ(decoded(text), "refused") << text;
}

}  // namespace
}  // namespace hotswapd
