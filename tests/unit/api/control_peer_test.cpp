#include "api/control_peer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace hotswapd {
namespace {

using testing::HasSubstr;

constexpr uid_t own = 990;
constexpr gid_t operators = 4711;

TEST(ControlPolicy, RootOurselvesAndTheGroupMayOperate) {
  const ControlPolicy policy{own, operators, "hotswapd"};
  EXPECT_FALSE(refusal({0, {0}}, policy));
  EXPECT_FALSE(refusal({own, {990}}, policy));
  EXPECT_FALSE(refusal({1000, {operators}}, policy));
  EXPECT_FALSE(refusal({1000, {1000, 24, operators}}, policy));
}

TEST(ControlPolicy, OthersAreRefusedWithASentence) {
  const auto why = refusal({999'999, {1000, 24}}, {own, operators, "hotswapd"});
  ASSERT_TRUE(why);
  EXPECT_THAT(*why, HasSubstr("uid 999999 may not operate hotswapd"));
  EXPECT_THAT(*why, HasSubstr("group hotswapd"));
}

TEST(ControlPolicy, WithoutTheGroupNobodyElseMay) {
  const auto why = refusal({999'999, {operators}}, {own, std::nullopt, "nosuch"});
  ASSERT_TRUE(why);
  EXPECT_THAT(*why, HasSubstr("nosuch does not exist"));
  EXPECT_FALSE(refusal({0, {0}}, {own, std::nullopt, "nosuch"}));
}

TEST(ControlPeer, IsWhatTheKernelSays) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const auto peer = peer_of(ends[0]);
  ASSERT_TRUE(peer) << peer.error().text;
  EXPECT_EQ(peer->uid, ::geteuid());
  ASSERT_FALSE(peer->groups.empty());
  EXPECT_EQ(peer->groups.front(), ::getegid());
  ::close(ends[0]);
  ::close(ends[1]);
  EXPECT_FALSE(peer_of(-1));
}

TEST(UserName, ComesFromThePasswordFile) {
  EXPECT_EQ(user_name(0), "root");
  EXPECT_EQ(user_name(999'999), "uid 999999");
}

}  // namespace
}  // namespace hotswapd
