// The checks of passwords on their threads, on a real loop.
#include "api/users.hpp"

#include <crypt.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>
#include <vector>

namespace hotswapd {
namespace {

using Result = LogIn::Result;

// A cheap one, so that the tests measure nothing but us.
Secret hash_of(const std::string& password, const char* setting = "$6$rounds=1000$saltsalt$") {
  crypt_data data{};
  return Secret(crypt_rn(password.c_str(), setting, &data, sizeof data));
}

std::vector<ApiAccount> accounts() {
  return {{"acme", "ops", hash_of("right")},
          {"Acme", "eve", hash_of("other")},
          {"other", "eve", hash_of("third")}};
}

struct UserLogIns : testing::Test {
  LogIn run(awaitable<LogIn> task) {
    std::optional<LogIn> answer;
    asio::co_spawn(context, std::move(task), [&](std::exception_ptr error, LogIn found) {
      EXPECT_FALSE(error);
      answer = std::move(found);
    });
    context.restart();
    context.run();
    EXPECT_TRUE(answer);
    return answer.value_or(LogIn{});
  }
  LogIn log_in(const std::string& customer, const std::string& user, const std::string& password,
               const std::string& peer = "192.0.2.1") {
    return run(users.log_in(customer, user, Secret(password), peer));
  }
  LogIn by_name(const std::string& name, const std::string& password) {
    return run(users.log_in(name, Secret(password), "192.0.2.1"));
  }

  asio::io_context context{1};
  Users users{context.get_executor()};
};

TEST_F(UserLogIns, WhoIsRightAndWhoIsNot) {
  EXPECT_EQ(log_in("acme", "ops", "right").result, Result::refused) << "nobody is configured";
  users.configure(accounts());
  const auto granted = log_in("ACME", "ops", "right");
  EXPECT_EQ(granted.result, Result::granted);
  EXPECT_EQ(granted.customer, "acme");
  EXPECT_EQ(granted.user, "ops");
  struct Row {
    const char* customer;
    const char* user;
    std::string password;
  };
  const Row wrong[] = {{"acme", "ops", "wrong"},
                       {"acme", "OPS", "right"},
                       {"acm", "ops", "right"},
                       {"acme", "nobody", "right"},
                       {"", "", ""},
                       {"acme", "ops", ""},
                       {"acme", "ops", {"right\0", 6}},
                       {"acme", "ops", std::string(600, 'x')},
                       {"other", "ops", "right"}};
  for (const auto& row : wrong) {
    EXPECT_EQ(log_in(row.customer, row.user, row.password).result, Result::refused) << row.user;
  }
  EXPECT_TRUE(users.known("ACME", "ops"));
  EXPECT_FALSE(users.known("acme", "Ops"));
}

TEST_F(UserLogIns, ByTheNameAloneWhereItIsClear) {
  users.configure(accounts());
  EXPECT_EQ(by_name("ops", "right").customer, "acme");
  EXPECT_EQ(by_name("acme/ops", "right").result, Result::granted);
  EXPECT_EQ(by_name("eve", "third").result, Result::refused) << "there are two";
  EXPECT_EQ(by_name("other/eve", "third").customer, "other");
  EXPECT_EQ(by_name("ACME/eve", "other").customer, "Acme");
  EXPECT_EQ(by_name("", "").result, Result::refused);
}

TEST_F(UserLogIns, KnowsTheCommonHashes) {
  for (const char* setting :
       {"$5$rounds=1000$saltsalt$", "$y$j75$saltsalt", "$2b$04$saltsaltsaltsaltsaltsu"}) {
    const auto hash = hash_of("word", setting);
    ASSERT_GT(hash.reveal().size(), 20u) << setting;
    EXPECT_TRUE(matches_hash(Secret("word"), hash)) << setting;
    EXPECT_FALSE(matches_hash(Secret("Word"), hash)) << setting;
  }
  for (const char* nonsense : {"", "$", "$zz$nothing", "*0", "*1", "$6$"}) {
    EXPECT_FALSE(matches_hash(Secret("word"), Secret(nonsense))) << nonsense;
  }
}

TEST_F(UserLogIns, ThirtyFailuresAMinuteOfOneAddress) {
  std::vector<std::string> told;
  users.on_limited([&](const std::string& from) { told.push_back(from); });
  users.configure(accounts());
  EXPECT_EQ(log_in("acme", "ops", "right").result, Result::granted);
  for (int i = 0; i < 30; ++i) {
    ASSERT_EQ(log_in("acme", "ops", "guess" + std::to_string(i)).result, Result::refused) << i;
  }
  const auto limited = log_in("acme", "ops", "guess");
  EXPECT_EQ(limited.result, Result::limited);
  EXPECT_GT(limited.retry_after, Seconds(0));
  EXPECT_LE(limited.retry_after, Seconds(60));
  EXPECT_EQ(log_in("acme", "ops", "right").result, Result::granted) << "known to be right";
  EXPECT_EQ(log_in("other", "eve", "third").result, Result::limited) << "nothing is looked at";
  EXPECT_EQ(log_in("other", "eve", "third", "192.0.2.2").result, Result::granted);
  EXPECT_EQ(told, std::vector<std::string>{"192.0.2.1"}) << "once";
}

TEST_F(UserLogIns, ANewConfigurationForgetsWhatWasRight) {
  users.configure(accounts());
  EXPECT_EQ(log_in("acme", "ops", "right").result, Result::granted);
  users.configure({{"acme", "ops", hash_of("new")}});
  EXPECT_EQ(log_in("acme", "ops", "right").result, Result::refused);
  EXPECT_EQ(log_in("acme", "ops", "new").result, Result::granted);
}

TEST_F(UserLogIns, AConfigurationThatComesDuringTheCheckDecides) {
  users.configure(accounts());
  LogIn answer;
  asio::co_spawn(context, users.log_in("acme", "ops", Secret("right"), "192.0.2.1"),
                 [&](std::exception_ptr, LogIn found) { answer = std::move(found); });
  context.run_one();  // it has begun
  users.configure({});
  context.run();
  EXPECT_EQ(answer.result, Result::refused);
}

TEST_F(UserLogIns, MoreThanMayWaitAreTurnedAway) {
  users.configure(accounts());
  int busy = 0;
  int granted = 0;
  const auto count = [&](std::exception_ptr, LogIn found) {
    busy += found.result == Result::busy ? 1 : 0;
    granted += found.result == Result::granted ? 1 : 0;
  };
  const auto guess = [](int i) { return Secret("guess " + std::to_string(i)); };
  for (int i = 0; i < 20; ++i) {
    asio::co_spawn(context, users.log_in("acme", "ops", guess(i), "192.0.2.1"), count);
  }
  context.poll();
  EXPECT_EQ(busy, 12) << "eight of one address";
  for (int i = 0; i < 40; ++i) {
    const auto peer = "198.51.100." + std::to_string(i);
    asio::co_spawn(context, users.log_in("other", "eve", guess(i), peer), count);
  }
  context.run();
  EXPECT_EQ(granted, 0);
  EXPECT_GE(busy, 12);
  EXPECT_LE(busy, 28);
}

TEST_F(UserLogIns, WhoAskTheSameShareOneCheck) {
  users.configure(accounts());
  int granted = 0;
  const auto count = [&](std::exception_ptr, LogIn found) {
    granted += found.result == Result::granted ? 1 : 0;
  };
  for (int i = 0; i < 60; ++i)
    asio::co_spawn(context, users.log_in("acme", "ops", Secret("right"), "192.0.2.1"), count);
  context.run();
  EXPECT_EQ(granted, 60);
}

}  // namespace
}  // namespace hotswapd
