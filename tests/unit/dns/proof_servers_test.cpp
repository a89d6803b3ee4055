#include "dns/proof_servers.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

namespace hotswapd {
namespace {

NameServerSet found(int servers) {
  NameServerSet out;
  for (int i = 0; i < servers; ++i)
    out.servers.push_back(*DnsEndpoint::parse("192.0.2." + std::to_string(i + 1), 53));
  if (servers == 0) out.trouble = "answers 403";
  return out;
}

constexpr TimePoint start{std::chrono::hours(1000)};

TEST(NameServerMemory, ASetIsGoodForAMinute) {
  NameServerMemory memory;
  EXPECT_FALSE(memory.find("example.com", start));
  memory.keep("example.com", found(2), start);
  ASSERT_TRUE(memory.find("example.com", start + Seconds(59)));
  EXPECT_EQ(memory.find("example.com", start + Seconds(59))->servers.size(), 2u);
  EXPECT_FALSE(memory.find("example.com", start + Seconds(60)));
  EXPECT_FALSE(memory.find("example.net", start));
}

TEST(NameServerMemory, WhatFailsIsAskedForEverMoreSeldom) {
  NameServerMemory memory;
  TimePoint now = start;
  std::vector<int> seconds;
  for (int i = 0; i < 8; ++i) {
    memory.keep("example.com", found(0), now);
    const auto asked = now;
    while (const auto* kept = memory.find("example.com", now)) {
      EXPECT_EQ(kept->trouble, "answers 403");
      now += Seconds(1);
    }
    seconds.push_back(static_cast<int>((now - asked) / Seconds(1)));
  }
  EXPECT_EQ(seconds, (std::vector{1, 2, 4, 8, 16, 32, 64, 128}));
  memory.keep("example.com", found(1), now);
  memory.keep("example.com", found(0), now);
  EXPECT_FALSE(memory.find("example.com", now + Seconds(1))) << "it begins anew";
}

TEST(NameServerMemory, WhatWasKnownGoesOnWhereTheNextQuestionFails) {
  NameServerMemory memory;
  memory.keep("example.com", found(2), start);
  auto some = found(1);
  some.unknown.emplace_back("ns2.example.com", "no address");
  for (const auto& next : {found(0), some}) {
    EXPECT_EQ(memory.keep("example.com", next, start + Seconds(60)).servers.size(), 2u);
    ASSERT_TRUE(memory.find("example.com", start + Seconds(60)));
    EXPECT_FALSE(memory.find("example.com", start + Seconds(62)));
  }
  EXPECT_EQ(memory.keep("example.com", found(1), start + Seconds(60)).servers.size(), 1u);
  EXPECT_EQ(memory.keep("example.net", some, start).servers.size(), 1u) << "better than none";
  EXPECT_FALSE(memory.find("example.net", start + Seconds(1)));
}

TEST(NameServerMemory, WhoAsksToBeLeftAloneIs) {
  NameServerMemory memory;
  auto throttled = found(0);
  throttled.retry_after = Seconds(120);
  memory.keep("example.net", throttled, start);
  EXPECT_TRUE(memory.find("example.net", start + Seconds(119)));
  EXPECT_FALSE(memory.find("example.net", start + Seconds(120)));

  memory.keep("example.com", found(2), start);
  memory.leave_alone(start + Seconds(600));
  ASSERT_TRUE(memory.find("example.com", start + Seconds(599)));
  EXPECT_EQ(memory.find("example.com", start + Seconds(599))->servers.size(), 2u);
  ASSERT_TRUE(memory.find("example.org", start + Seconds(599)));
  EXPECT_NE(memory.find("example.org", start + Seconds(599))->trouble, "");
  EXPECT_FALSE(memory.find("example.com", start + Seconds(600)));
}

class ProofServersTest : public ::testing::TestWithParam<int> {
 protected:
  void ask(ProofServers& servers, const std::string& zone) {
    asio::co_spawn(context, one(servers, zone), asio::detached);
  }
  awaitable<void> one(ProofServers& servers, std::string zone) {
    auto set = co_await servers.of_zone(std::move(zone), Clock::now() + Seconds(2));
    answers.push_back(set.servers.size());
  }
  awaitable<NameServerSet> find(std::string zone) {
    asked.push_back(std::move(zone));
    const auto count = GetParam();
    for (int i = 0; i < 20; ++i) co_await asio::post(context, asio::use_awaitable);
    co_return found(count);
  }

  asio::io_context context{1};
  std::vector<std::string> asked;
  std::vector<std::size_t> answers;
};

TEST_P(ProofServersTest, OneQuestionAnswersAllWhoCome) {
  ProofServers servers([this](std::string zone, TimePoint) { return find(std::move(zone)); });
  for (int i = 0; i < 50; ++i) ask(servers, "example.com");
  ask(servers, "example.net");
  context.run();
  EXPECT_EQ(asked, (std::vector<std::string>{"example.com", "example.net"}));
  EXPECT_EQ(answers, std::vector<std::size_t>(51, static_cast<std::size_t>(GetParam())));

  context.restart();
  for (int i = 0; i < 50; ++i) ask(servers, "example.com");
  context.run();
  EXPECT_EQ(asked.size(), 2u) << "found or not, it is remembered";

  context.restart();
  servers.configure({});
  ask(servers, "example.com");
  context.run();
  EXPECT_EQ(asked.size(), 3u);
}

TEST_P(ProofServersTest, WhatWasAskedForAnotherConfigurationIsAskedAgain) {
  ProofServers servers([this](std::string zone, TimePoint) { return find(std::move(zone)); });
  for (int i = 0; i < 3; ++i) ask(servers, "example.com");
  for (int i = 0; i < 10; ++i) context.run_one();
  servers.configure({});
  context.run();
  EXPECT_EQ(asked.size(), 2u);
  EXPECT_EQ(answers.size(), 3u);
}

INSTANTIATE_TEST_SUITE_P(FoundOrNot, ProofServersTest, ::testing::Values(0, 2));

}  // namespace
}  // namespace hotswapd
