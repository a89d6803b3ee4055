// Which addresses a probe policy denies, however they are written.
#include "probes/probe_policy.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace hotswapd {
namespace {

ProbeNetwork network(const std::string& text) {
  const auto slash = text.find('/');
  const auto parsed = ProbeNetwork::parse(text.substr(0, slash), std::stoi(text.substr(slash + 1)));
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(ProbeNetwork());
}

AddressPolicy policy(std::initializer_list<const char*> deny,
                     std::initializer_list<const char*> allow = {}) {
  AddressPolicy made;
  for (const char* const text : deny) made.deny.push_back(network(text));
  for (const char* const text : allow) made.allow.push_back(network(text));
  return made;
}

// The network that denies the address; empty: it may be probed.
std::string judged(const AddressPolicy& policy, const std::string& address) {
  const auto plain = PlainAddress::parse(address);
  EXPECT_TRUE(plain) << address;
  const auto* const by = policy.denies(*plain);
  return by == nullptr ? "" : by->text();
}

TEST(ProbePolicy, ANetworkEndsWhereItsPrefixSays) {
  struct Row {
    const char* network;
    const char* inside;
    const char* outside;
  };
  const Row rows[] = {
      {"169.254.0.0/16", "169.254.169.254", "169.255.0.0"},
      {"10.0.0.0/8", "10.255.255.255", "11.0.0.0"},
      {"192.0.2.128/25", "192.0.2.128", "192.0.2.127"},
      {"192.0.2.4/30", "192.0.2.7", "192.0.2.8"},
      {"192.0.2.1/32", "192.0.2.1", "192.0.2.0"},
      {"0.0.0.0/0", "203.0.113.9", "2001:db8::1"},
      {"2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"},
      {"2001:db8::8/125", "2001:db8::f", "2001:db8::10"},
      {"fe80::/10", "febf::1", "fec0::1"},
      {"::1/128", "::1", "::2"},
      {"::/0", "2001:db8::1", "192.0.2.1"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(judged(policy({row.network}), row.inside), row.network);
    EXPECT_EQ(judged(policy({row.network}), row.outside), "") << row.network;
  }
}

TEST(ProbePolicy, AllowWinsOverDenyHoweverWideEitherIs) {
  const auto hole = policy({"10.0.0.0/8"}, {"10.1.0.0/16"});
  EXPECT_EQ(judged(hole, "10.1.2.3"), "");
  EXPECT_EQ(judged(hole, "10.2.2.3"), "10.0.0.0/8");
  EXPECT_EQ(judged(policy({"10.1.2.3/32"}, {"10.0.0.0/8"}), "10.1.2.3"), "");
  EXPECT_EQ(judged(policy({}, {"10.0.0.0/8"}), "192.0.2.1"), "")
      << "allow alone makes nothing denied";
}

TEST(ProbePolicy, AMappedAddressIsTheIpv4Address) {
  EXPECT_EQ(judged(policy({"169.254.0.0/16"}), "::ffff:169.254.169.254"), "169.254.0.0/16");
  EXPECT_EQ(judged(policy({"::ffff:169.254.0.0/112"}), "169.254.169.254"),
            "::ffff:169.254.0.0/112");
  EXPECT_EQ(judged(policy({"::/0"}), "::ffff:192.0.2.1"), "");
}

TEST(ProbePolicy, ATranslatedAddressIsAlsoTheIpv4AddressBeyond) {
  EXPECT_EQ(judged(policy({"169.254.0.0/16"}), "64:ff9b::169.254.169.254"), "169.254.0.0/16");
  EXPECT_EQ(judged(policy({"169.254.0.0/16"}), "64:ff9b::192.0.2.1"), "");
  EXPECT_EQ(judged(policy({"169.254.0.0/16"}), "64:ff9b:1::169.254.169.254"), "");
  EXPECT_EQ(judged(policy({"64:ff9b::/96"}), "64:ff9b::192.0.2.1"), "64:ff9b::/96");
  EXPECT_EQ(judged(policy({"64:ff9b::/96"}), "192.0.2.1"), "");
  EXPECT_EQ(judged(policy({"10.0.0.0/8"}, {"10.1.0.0/16"}), "64:ff9b::10.1.0.1"), "");
}

TEST(ProbePolicy, AnUnspecifiedAddressIsThisHost) {
  EXPECT_EQ(judged(policy({"127.0.0.0/8"}), "0.0.0.0"), "127.0.0.0/8");
  EXPECT_EQ(judged(policy({"::1/128"}), "::"), "::1/128");
  EXPECT_EQ(judged(policy({"127.0.0.0/8"}), "::ffff:0.0.0.0"), "127.0.0.0/8");
}

TEST(ProbePolicy, WhatIsNoNetworkIsRefused) {
  for (const auto& [address, prefix] :
       {std::pair("192.0.2.0", 33), std::pair("192.0.2.0", -1), std::pair("::", 129),
        std::pair("www.example.com", 8), std::pair("", 0)}) {
    EXPECT_FALSE(ProbeNetwork::parse(address, prefix)) << address << "/" << prefix;
  }
}

}  // namespace
}  // namespace hotswapd
