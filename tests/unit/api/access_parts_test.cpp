// The pure parts of who may ask: the Authorization header, the Host header, the tokens.
#include <gtest/gtest.h>

#include "api/authorization.hpp"
#include "api/bearer_tokens.hpp"
#include "api/host_check.hpp"

namespace hotswapd {
namespace {

using Scheme = Authorization::Scheme;

TEST(Authorization, WhatAHeaderClaims) {
  struct Row {
    const char* header;
    Scheme scheme;
    std::string name;
    std::string secret;
  };
  const Row rows[] = {
      {"", Scheme::none, "", ""},
      {"  \t", Scheme::none, "", ""},
      {"Basic b3BzOnJpZ2h0", Scheme::basic, "ops", "right"},
      {"bAsIc  b3BzOnJpZ2h0 ", Scheme::basic, "ops", "right"},
      {"Basic b3BzOmE6Yg==", Scheme::basic, "ops", "a:b"},
      {"Basic Og==", Scheme::basic, "", ""},
      {"Basic b3Bz", Scheme::unusable, "", ""},  // no colon
      {"Basic b3BzOnJpZ2h", Scheme::unusable, "", ""},
      {"Basic !!!!", Scheme::unusable, "", ""},
      {"Basic", Scheme::unusable, "", ""},
      {"Basic ", Scheme::unusable, "", ""},
      {"Bearer abc.def", Scheme::bearer, "", "abc.def"},
      {"BEARER abc", Scheme::bearer, "", "abc"},
      {"Bearer a b", Scheme::unusable, "", ""},
      {"Bearer ", Scheme::unusable, "", ""},
      {"Digest username=\"ops\"", Scheme::unusable, "", ""},
      {"b3BzOnJpZ2h0", Scheme::unusable, "", ""},
  };
  for (const auto& row : rows) {
    const auto found = parse_authorization(row.header);
    EXPECT_EQ(found.scheme, row.scheme) << row.header;
    EXPECT_EQ(found.name, row.name) << row.header;
    EXPECT_EQ(found.secret.reveal(), row.secret) << row.header;
  }
}

TEST(HostCheck, OursIsTheAddressLocalhostAndTheNames) {
  const HostPolicy policy{"192.0.2.1", {"hotswap.example.net"}};
  for (const char* host :
       {"192.0.2.1", "192.0.2.1:8053", "localhost", "LOCALHOST:1", "localhost.",
        "hotswap.example.net", "Hotswap.Example.NET:443", "hotswap.example.net.:80"}) {
    EXPECT_TRUE(is_ours(host, policy)) << host;
  }
  for (const char* host :
       {"", ":8053", "192.0.2.2", "evil.example", "localhost.evil.example",
        "hotswap.example.net.evil", "192.0.2.1:80:80", "192.0.2.1:x", "[192.0.2.1]",
        "user@localhost", "localhost/", " localhost", "[::1]", "[", "[]", "[x]:1"}) {
    EXPECT_FALSE(is_ours(host, policy)) << host;
  }
}

TEST(HostCheck, AddressesOfAnyKind) {
  EXPECT_TRUE(is_ours("[::1]:8053", {"::1"}));
  EXPECT_TRUE(is_ours("[0:0:0:0:0:0:0:1]", {"::1"}));
  EXPECT_FALSE(is_ours("::1", {"::1"})) << "not without brackets";
  EXPECT_FALSE(is_ours("[::2]", {"::1"}));
  for (const char* any : {"0.0.0.0", "::"}) {
    EXPECT_TRUE(is_ours("192.0.2.77:8053", {any}));
    EXPECT_TRUE(is_ours("[2001:db8::1]", {any}));
    EXPECT_FALSE(is_ours("evil.example", {any}));
  }
}

TEST(BearerTokens, WhoseTheyAre) {
  BearerTokens tokens;
  EXPECT_EQ(tokens.find(Secret("")), nullptr);
  tokens.configure({{"ci", Secret("token-of-ci"), ApiScope::read},
                    {"bot", Secret("token-of-bot"), ApiScope::operate}});
  ASSERT_NE(tokens.find(Secret("token-of-ci")), nullptr);
  EXPECT_EQ(tokens.find(Secret("token-of-ci"))->name, "ci");
  EXPECT_EQ(tokens.find(Secret("token-of-bot"))->scope, ApiScope::operate);
  for (const char* wrong : {"", "token-of-c", "token-of-ci ", "TOKEN-OF-CI"}) {
    EXPECT_EQ(tokens.find(Secret(wrong)), nullptr) << wrong;
  }
  tokens.configure({});
  EXPECT_EQ(tokens.find(Secret("token-of-ci")), nullptr);
}

}  // namespace
}  // namespace hotswapd
