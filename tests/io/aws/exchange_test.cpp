// Operations of AWS on a loop, with a client that is a script: what is sent, what is sent again,
// and who waits for keys.
#include "aws/exchange.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <deque>
#include <functional>

#include "aws/credentials.hpp"
#include "core/timestamp.hpp"
#include "net/sleep.hpp"
#include "net/task_group.hpp"

namespace hotswapd::aws {
namespace {

const WallTime now_there = parse_rfc3339("2026-11-21T12:00:00Z").value();

HttpReply reply(int status, std::string code = "", std::vector<HttpHeader> headers = {}) {
  HttpReply out;
  out.status = status;
  out.headers = std::move(headers);
  if (!code.empty())
    out.body = "<ErrorResponse><Error><Code>" + code + "</Code></Error></ErrorResponse>";
  return out;
}

std::string header(const HttpCall& call, const std::string& name) {
  for (const auto& one : call.headers) {
    if (one.name == name) return one.value;
  }
  return "";
}

class Holder final : public KeyHolder {
 public:
  awaitable<Fallible<KeysPtr>> keys(TimePoint) override {
    const auto number = std::to_string(refusals);
    co_return std::make_shared<const Keys>("ASIA" + number, Secret("hidden-key"),
                                           Secret("t" + number), now_there + Seconds(9000));
  }
  void refused(const Keys&) override { ++refusals; }
  int refusals = 0;
};

// One operation, answered by the script's lines in turn.
struct Stage {
  asio::io_context loop{1};
  std::deque<Fallible<HttpReply>> script;
  std::vector<HttpCall> sent;
  Holder holder;
  Wire wire;
  std::optional<Called<HttpReply>> got;

  Stage()
      : wire{loop.get_executor(), {}, [] { return now_there; }, "test", Millis(0), {}, {},
             std::minstd_rand(1)} {
    wire.send = [this](HttpCall call) { return answer(std::move(call)); };
  }

  awaitable<Fallible<HttpReply>> answer(HttpCall call) {
    sent.push_back(std::move(call));
    auto line = script.empty() ? Fallible<HttpReply>(reply(200)) : std::move(script.front());
    if (!script.empty()) script.pop_front();
    co_return line;
  }

  awaitable<void> call(Operation operation, Millis within) {
    auto at = endpoint_of(Service::route53, "eu-west-1", false, "").value();
    const auto deadline = Clock::now() + within;
    auto done = co_await exchange(wire, holder, std::move(at), std::move(operation), deadline);
    got.emplace(std::move(done));
  }

  Called<HttpReply>& run(Effect effect, Millis within = Millis(20'000)) {
    Operation operation;
    operation.service = Service::route53;
    operation.effect = effect;
    operation.method = effect == Effect::read ? "GET" : "POST";
    operation.path = "/2013-04-01/change/C1";
    operation.query = "a=b";
    TaskGroup tasks(loop.get_executor(),
                    [](const std::string&, const std::string& what) { ADD_FAILURE() << what; });
    tasks.spawn("call", call(std::move(operation), within));
    loop.restart();
    loop.run();
    return *got;
  }
};

TEST(Exchange, SendsWhatItSigned) {
  Stage stage;
  ASSERT_TRUE(stage.run(Effect::read));
  ASSERT_EQ(stage.sent.size(), 1U);
  const auto& call = stage.sent.front();
  EXPECT_EQ(call.url, "https://route53.amazonaws.com/2013-04-01/change/C1?a=b");
  EXPECT_EQ(header(call, "Host"), "route53.amazonaws.com");
  EXPECT_EQ(header(call, "X-Amz-Date"), "20261121T120000Z");
  EXPECT_EQ(header(call, "X-Amz-Security-Token"), "t0");
  EXPECT_TRUE(header(call, "Authorization")
                  .starts_with("AWS4-HMAC-SHA256 Credential=ASIA0/20261121/us-east-1/route53/"
                               "aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token"));
}

TEST(Exchange, ReadsAreTriedAgainWhateverHappened) {
  Stage stage;
  stage.script = {Error{errc::unavailable, "refused"}, reply(503), reply(200)};
  EXPECT_TRUE(stage.run(Effect::read));
  EXPECT_EQ(stage.sent.size(), 3U);
}

TEST(Exchange, AWriteThatMayHaveBeenDoneIsNotSentAgain) {
  for (const auto& lost : {Fallible<HttpReply>(Error{errc::unknown_fate, "no answer"}),
                           Fallible<HttpReply>(reply(500, "InternalFailure"))}) {
    Stage stage;
    stage.script = {lost};
    const auto& got = stage.run(Effect::once);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, errc::unknown_fate);
    EXPECT_EQ(stage.sent.size(), 1U);
  }
}

TEST(Exchange, AWriteThatNeverLeftOrWasRefusedFirstIsSentAgain) {
  for (const auto& line : {Fallible<HttpReply>(Error{errc::unavailable, "nothing listens"}),
                           Fallible<HttpReply>(reply(400, "PriorRequestNotComplete"))}) {
    Stage stage;
    stage.script = {line, reply(200)};
    EXPECT_TRUE(stage.run(Effect::once));
    EXPECT_EQ(stage.sent.size(), 2U);
  }
}

TEST(Exchange, WhatIsRefusedIsAskedOnce) {
  Stage stage;
  stage.script = {reply(403, "AccessDenied")};
  const auto& got = stage.run(Effect::read);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::refused);
  EXPECT_EQ(got.error().service.code, "AccessDenied");
  EXPECT_EQ(got.error().text, "route53.amazonaws.com answers AccessDenied");
  EXPECT_EQ(stage.sent.size(), 1U);
}

TEST(Exchange, NoKeyComesBackInAnError) {
  Stage stage;
  auto answer = reply(400);
  answer.body = R"({"__type":"AccessDenied","message":"token <t0> and key <hidden-key>"})";
  stage.script = {answer};
  const auto& got = stage.run(Effect::read);
  ASSERT_FALSE(got);
  EXPECT_NE(got.error().text.find("<***> and key <***>"), std::string::npos) << got.error().text;
  EXPECT_EQ(got.error().text.find("t0"), std::string::npos);
}

TEST(Exchange, AWishBeyondTheDeadlineIsHandedOn) {
  Stage stage;
  stage.script = {reply(400, "Throttling", {{"retry-after", "300"}})};
  const auto began = Clock::now();
  const auto& got = stage.run(Effect::read, Millis(5'000));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::unavailable);
  EXPECT_EQ(got.error().hint.hurdle, Hurdle::throttled);
  EXPECT_EQ(got.error().hint.retry_after, Seconds(300));
  EXPECT_LT(Clock::now() - began, Seconds(4));
}

TEST(Exchange, LearnsTheirClockAndSignsByIt) {
  const std::vector<HttpHeader> date{{"date", "Sat, 21 Nov 2026 12:10:00 GMT"}};
  Stage stage;
  std::vector<Millis> learnt;
  stage.wire.clock_learnt = [&](Millis ahead) { learnt.push_back(ahead); };
  stage.script = {reply(403, "SignatureDoesNotMatch", date), reply(200), reply(200)};
  EXPECT_TRUE(stage.run(Effect::once));
  ASSERT_EQ(stage.sent.size(), 2U);
  EXPECT_EQ(header(stage.sent[1], "X-Amz-Date"), "20261121T121000Z");
  EXPECT_EQ(learnt, std::vector{Millis(Seconds(600))}) << "said once";
  EXPECT_TRUE(stage.run(Effect::read));
  EXPECT_EQ(header(stage.sent[2], "X-Amz-Date"), "20261121T121000Z");
  // By the right clock a signature is refused for another reason.
  stage.script = {reply(403, "SignatureDoesNotMatch", date)};
  EXPECT_FALSE(stage.run(Effect::read));
  EXPECT_EQ(stage.sent.size(), 4U);
}

TEST(Exchange, AClockThatStaysWrongIsTold) {
  const std::vector<HttpHeader> date{{"date", "Sat, 21 Nov 2026 12:10:00 GMT"}};
  Stage stage;
  stage.script = {reply(400, "RequestExpired", date), reply(400, "RequestExpired", date)};
  const auto& got = stage.run(Effect::read);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().hint.hurdle, Hurdle::clock);
  EXPECT_EQ(got.error().hint.skew, Seconds(-600));
  EXPECT_EQ(stage.sent.size(), 2U);
}

TEST(Exchange, FreshKeysAreTriedOnce) {
  Stage stage;
  stage.script = {reply(403, "ExpiredToken"), reply(200)};
  EXPECT_TRUE(stage.run(Effect::once));
  EXPECT_EQ(stage.holder.refusals, 1);
  EXPECT_EQ(header(stage.sent[1], "X-Amz-Security-Token"), "t1");
  stage.script = {reply(403, "ExpiredToken"), reply(403, "ExpiredToken")};
  EXPECT_FALSE(stage.run(Effect::read));
  EXPECT_EQ(stage.sent.size(), 4U);
}

// Keys from a metadata service that answers when it is let.
struct Machine {
  asio::io_context loop{1};
  Wire wire{loop.get_executor(), {}, [] { return now_there; }, "test", Millis(0), {}, {},
            std::minstd_rand(1)};
  asio::steady_timer gate{loop, TimePoint::max()};
  int tokens = 0;
  Fallible<HttpReply> keys = Error{};
  std::optional<Credentials> credentials;
  std::vector<Fallible<KeysPtr>> got;

  Machine() {
    keys = reply(200);
    keys->body =
        R"({"Code":"Success","AccessKeyId":"ASIA","SecretAccessKey":"s","Token":"t","Expiration":"2026-11-21T18:00:00Z"})";
    const HttpSend direct = [this](HttpCall call) { return answer(std::move(call)); };
    AccountOptions options;
    options.region = "eu-west-1";
    credentials.emplace(wire,
                        Credentials::Surroundings{direct, [](const char*) { return std::nullopt; },
                                                  [](const std::string&) {
                                                    return Error{errc::not_found, "none"};
                                                  }},
                        options);
  }

  awaitable<Fallible<HttpReply>> answer(HttpCall call) {
    if (call.method == "PUT") {
      ++tokens;
      co_await gate.async_wait(nothrow);
      const bool stopped = co_await being_stopped();
      if (stopped) co_return Error{errc::unavailable, "stopped"};
      auto token = reply(200);
      token.body = "token";
      co_return token;
    }
    if (!call.url.ends_with('/')) co_return keys;
    auto role = reply(200);
    role.body = "role";
    co_return role;
  }

  awaitable<void> ask(Millis within) {
    const auto deadline = Clock::now() + within;
    auto one = co_await credentials->keys(deadline);
    got.push_back(std::move(one));
  }
};

void no_exception(const std::string&, const std::string& what) {
  ADD_FAILURE() << what;
}

TEST(Credentials, AreFetchedOnceForAllWhoWait) {
  Machine machine;
  TaskGroup tasks(machine.loop.get_executor(), &no_exception);
  for (int i = 0; i < 5; ++i) tasks.spawn("ask", machine.ask(Millis(10'000)));
  while (machine.tokens == 0) machine.loop.run_one();
  machine.gate.cancel();
  machine.loop.run();
  ASSERT_EQ(machine.got.size(), 5U);
  for (const auto& one : machine.got) {
    ASSERT_TRUE(one) << one.error().text;
    EXPECT_EQ((*one)->access_key_id, "ASIA");
  }
  EXPECT_EQ(machine.tokens, 1);
}

TEST(Credentials, OneWhoIsStoppedLeavesTheFetchToTheNext) {
  Machine machine;
  TaskGroup tasks(machine.loop.get_executor(), &no_exception);
  const auto first = tasks.spawn("first", machine.ask(Millis(10'000)));
  tasks.spawn("second", machine.ask(Millis(10'000)));
  while (machine.tokens == 0) machine.loop.run_one();
  tasks.cancel(first);
  while (machine.tokens == 1) machine.loop.run_one();
  machine.gate.cancel();
  machine.loop.run();
  ASSERT_EQ(machine.got.size(), 2U);
  EXPECT_FALSE(machine.got.front());
  EXPECT_TRUE(machine.got.back()) << machine.got.back().error().text;
}

TEST(Credentials, AfterAFailureTheyRest) {
  Machine machine;
  machine.keys = reply(404);
  machine.gate.expires_at(TimePoint::min());
  TaskGroup tasks(machine.loop.get_executor(), &no_exception);
  for (int i = 0; i < 3; ++i) {
    tasks.spawn("ask", machine.ask(Millis(10'000)));
    machine.loop.restart();
    machine.loop.run();
  }
  ASSERT_EQ(machine.got.size(), 3U);
  for (const auto& one : machine.got) {
    ASSERT_FALSE(one);
    EXPECT_NE(one.error().text.find("no role"), std::string::npos) << one.error().text;
  }
  EXPECT_EQ(machine.tokens, 1);
}

}  // namespace
}  // namespace hotswapd::aws
