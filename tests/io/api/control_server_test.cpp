#include "api/control_server.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <boost/json/serialize.hpp>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "api/control_peer.hpp"
#include "tests/io/api/line_client.hpp"
#include "tests/io/api/server_thread.hpp"
#include "tests/io/api/temp_folder.hpp"

namespace hotswapd {
namespace {

using test::eventually;
using test::LineClient;
using testing::HasSubstr;

// echo answers with what it got; hold keeps the request for the test; throw, drop and watch do as
// they are called.
class Handler final : public ControlHandler {
 public:
  void handle(ControlRequest request, ControlResponder responder) override {
    if (request.command == "echo") return responder.answer(request.body);
    if (request.command == "who") return responder.answer({{"user", request.peer_user}});
    if (request.command == "big")
      return responder.answer({{"text", std::string(8 * 1024 * 1024, 'x')}});
    if (request.command == "fail") {
      return responder.fail({errc::invalid_argument, "the configuration is bad"},
                            {"h.yaml:1:1: error: x"});
    }
    if (request.command == "throw") throw std::runtime_error("thrown\x1b");
    const std::lock_guard lock(mutex_);
    if (request.command == "hold" || request.command == "watch") {
      if (request.command == "watch") responder.stream();
      held_.push_back(std::move(responder));
    }
  }

  std::size_t held() const {
    const std::lock_guard lock(mutex_);
    return held_.size();
  }
  ControlResponder take() {
    const std::lock_guard lock(mutex_);
    ControlResponder responder = held_.back();
    held_.pop_back();
    return responder;
  }
  ControlResponder last() const {
    const std::lock_guard lock(mutex_);
    return held_.back();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<ControlResponder> held_;
};

class ControlServerTest : public testing::Test {
 protected:
  void start(ControlLimits limits = {}) {
    ControlServerOptions options;
    options.path = path;
    options.group = "no-such-group-here";
    options.limits = limits;
    const auto started = thread.start(std::move(options), handler);
    ASSERT_TRUE(started) << started.error().text;
  }
  LineClient client() { return LineClient::unix_stream(path); }
  std::size_t clients() {
    return thread.on_loop([this] { return thread.server().clients(); });
  }

  test::TempFolder folder;
  const std::string path = folder / "control.sock";
  Handler handler;
  test::ServerThread<ControlServer> thread;
};

TEST_F(ControlServerTest, AnswersRequestsInOrder) {
  start();
  auto one = client();
  ASSERT_TRUE(
      one.send("{\"command\":\"echo\",\"n\":1}\n{\"command\":\"echo\",\"n\":2}\r\n{\"command\":"));
  EXPECT_EQ(one.line(), "{\"ok\":true,\"data\":{\"command\":\"echo\",\"n\":1}}\n");
  EXPECT_EQ(one.line(), "{\"ok\":true,\"data\":{\"command\":\"echo\",\"n\":2}}\n");
  ASSERT_TRUE(one.send("\"who\"}\n"));
  EXPECT_EQ(one.line(), "{\"ok\":true,\"data\":{\"user\":\"" + user_name(::geteuid()) + "\"}}\n");
}

TEST_F(ControlServerTest, MalformedRequestsAreAnsweredAndTheConnectionStays) {
  start();
  auto one = client();
  for (const char* bad : {"hello\n", "\n", "[1]\n", "{\"command\":7}\n",
                          "{\"command\":\"\xff\xfe\"}\n", "\x01\x02\n"}) {
    ASSERT_TRUE(one.send(bad));
    const auto answer = one.line();
    ASSERT_TRUE(answer) << bad;
    EXPECT_THAT(*answer,
                HasSubstr("{\"ok\":false,\"code\":\"invalid_argument\",\"error\":\"the request"));
  }
  ASSERT_TRUE(one.send("{\"command\":\"echo\"}\n"));
  EXPECT_EQ(one.line(), "{\"ok\":true,\"data\":{\"command\":\"echo\"}}\n");
}

TEST_F(ControlServerTest, ErrorsCarryTheirLines) {
  start();
  auto one = client();
  ASSERT_TRUE(
      one.send("{\"command\":\"fail\"}\n{\"command\":\"throw\"}\n{\"command\":\"drop\"}\n"));
  EXPECT_EQ(one.line(),
            "{\"ok\":false,\"code\":\"invalid_argument\",\"error\":\"the configuration is bad\","
            "\"errors\":[\"h.yaml:1:1: error: x\"]}\n");
  EXPECT_THAT(one.line().value_or(""), HasSubstr("thrown\\\\x1b"));
  EXPECT_THAT(one.line().value_or(""), HasSubstr("without an answer"));
}

TEST_F(ControlServerTest, ALineThatIsTooLongIsAnErrorForThatClientAlone) {
  ControlLimits limits;
  limits.line = 1000;
  start(limits);
  auto other = client();
  auto exact = client();
  const std::string frame = R"({"command":"echo","x":""})";
  ASSERT_TRUE(
      exact.send(R"({"command":"echo","x":")" + std::string(1000 - frame.size(), 'x') + "\"}\n"));
  EXPECT_THAT(exact.line().value_or(""), HasSubstr("\"ok\":true"));
  auto one = client();
  one.send(std::string(500'000, 'x'));  // the server may close before it has taken all
  EXPECT_THAT(one.line().value_or(""), HasSubstr("longer than 1000 bytes"));
  EXPECT_TRUE(one.closed_by_peer());
  auto ended = client();
  ended.send(std::string(1001, ' ') + "\n");
  EXPECT_THAT(ended.line().value_or(""), HasSubstr("longer than 1000 bytes"));
  ASSERT_TRUE(other.send("{\"command\":\"echo\"}\n"));
  EXPECT_TRUE(other.line());
}

TEST_F(ControlServerTest, SixteenMebibytesAreTakenByDefault) {
  start();
  auto one = client();
  const std::string text(16 * 1024 * 1024 - 64, 'y');
  std::thread writer([&] { one.send(R"({"command":"echo","text":")" + text + "\"}\n"); });
  const auto answer = one.line();
  writer.join();
  ASSERT_TRUE(answer);
  EXPECT_GT(answer->size(), text.size());
}

TEST_F(ControlServerTest, AStartedLineMustBeFinishedInTime) {
  ControlLimits limits;
  limits.started_line = Millis(50);
  start(limits);
  auto one = client();
  ASSERT_TRUE(one.send("{\"comm"));
  EXPECT_THAT(one.line().value_or(""), HasSubstr("timed_out"));
  EXPECT_TRUE(one.closed_by_peer());
}

TEST_F(ControlServerTest, AnIdleClientIsSentAway) {
  ControlLimits limits;
  limits.idle = Millis(50);
  start(limits);
  auto one = client();
  EXPECT_THAT(one.line().value_or(""), HasSubstr("timed_out"));
  EXPECT_TRUE(one.closed_by_peer());
  EXPECT_TRUE(eventually([&] { return clients() == 0; }));
}

TEST_F(ControlServerTest, OneClientTooManyIsRefused) {
  ControlLimits limits;
  limits.clients = 3;
  start(limits);
  std::vector<LineClient> all;
  for (int i = 0; i < 3; ++i) {
    all.push_back(client());
    ASSERT_TRUE(all.back().send("{\"command\":\"echo\"}\n"));
    ASSERT_TRUE(all.back().line());
  }
  auto fourth = client();
  EXPECT_THAT(fourth.line().value_or(""), HasSubstr("\"code\":\"unavailable\""));
  EXPECT_TRUE(fourth.closed_by_peer());
  all.pop_back();
  ASSERT_TRUE(eventually([&] { return clients() == 2; }));
  auto fifth = client();
  ASSERT_TRUE(fifth.send("{\"command\":\"echo\"}\n"));
  EXPECT_THAT(fifth.line().value_or(""), HasSubstr("\"ok\":true"));
}

TEST_F(ControlServerTest, AnswersMayComeLaterAndFromAnotherThread) {
  start();
  auto one = client();
  auto two = client();
  ASSERT_TRUE(one.send("{\"command\":\"hold\"}\n{\"command\":\"echo\"}\n"));
  ASSERT_TRUE(eventually([&] { return handler.held() == 1; }));
  ASSERT_TRUE(two.send("{\"command\":\"echo\"}\n"));  // a held request holds nobody else
  ASSERT_TRUE(two.line());
  std::thread([responder = handler.take()] { responder.answer({{"late", true}}); }).join();
  EXPECT_EQ(one.line(), "{\"ok\":true,\"data\":{\"late\":true}}\n");
  EXPECT_EQ(one.line(), "{\"ok\":true,\"data\":{\"command\":\"echo\"}}\n");
}

TEST_F(ControlServerTest, AHandlerThatNeverAnswersIsGivenUpOn) {
  ControlLimits limits;
  limits.answer = Millis(50);
  start(limits);
  auto one = client();
  ASSERT_TRUE(one.send("{\"command\":\"hold\"}\n"));
  EXPECT_THAT(one.line().value_or(""), HasSubstr("\"code\":\"unknown_fate\""));
  handler.take().answer({{"late", true}});  // nobody waits any more: dropped
  ASSERT_TRUE(one.send("{\"command\":\"echo\"}\n"));
  EXPECT_EQ(one.line(), "{\"ok\":true,\"data\":{\"command\":\"echo\"}}\n");
}

TEST_F(ControlServerTest, AHalfClosedClientStillGetsItsAnswers) {
  start();
  auto one = client();
  ASSERT_TRUE(one.send("{\"command\":\"hold\"}\n{\"command\":\"echo\"}\n"));
  one.finish_sending();
  ASSERT_TRUE(eventually([&] { return handler.held() == 1; }));
  handler.take().answer({});
  EXPECT_EQ(one.rest(),
            "{\"ok\":true,\"data\":{}}\n{\"ok\":true,\"data\":{\"command\":\"echo\"}}\n");
}

TEST_F(ControlServerTest, ARequestThatEndsWithoutANewlineIsAnsweredWithASentence) {
  start();
  auto one = client();
  ASSERT_TRUE(one.send("{\"command\":\"echo\"}"));
  one.finish_sending();
  EXPECT_NE(one.rest().find("does not end in a newline"), std::string::npos);
}

TEST_F(ControlServerTest, WatchingStreamsEventsUntilTheClientLeaves) {
  start();
  auto one = client();
  ASSERT_TRUE(one.send("{\"command\":\"watch\"}\n"));
  EXPECT_EQ(one.line(), "{\"ok\":true,\"data\":{}}\n");
  const ControlResponder responder = handler.last();
  for (int i = 0; i < 3; ++i) responder.event({{"n", i}});
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(one.line(), "{\"event\":{\"n\":" + std::to_string(i) + "}}\n");
  ASSERT_TRUE(one.send("{\"command\":\"echo\"}\n"));  // not answered any more
  responder.event({{"n", 3}});
  EXPECT_EQ(one.line(), "{\"event\":{\"n\":3}}\n");
  EXPECT_TRUE(responder.open());
  one.close();
  EXPECT_TRUE(eventually([&] { return !responder.open(); }));
  responder.event({{"n", 4}});
  EXPECT_TRUE(eventually([&] { return clients() == 0; }));
}

TEST_F(ControlServerTest, AWatcherThatDoesNotReadIsDropped) {
  ControlLimits limits;
  limits.queued_events = 50;
  start(limits);
  auto slow = client();
  auto quick = client();
  for (LineClient* each : {&slow, &quick}) {
    ASSERT_TRUE(each->send("{\"command\":\"watch\"}\n"));
    ASSERT_TRUE(each->line());
  }
  ASSERT_TRUE(eventually([&] { return handler.held() == 2; }));
  const ControlResponder quick_one = handler.take();
  const ControlResponder slow_one = handler.take();
  const std::string text(4096, 'x');
  int sent = 0;
  while (slow_one.open() && sent < 10'000) {
    slow_one.event({{"text", text}});
    quick_one.event({{"n", sent}});
    ASSERT_EQ(quick.line(), "{\"event\":{\"n\":" + std::to_string(sent) + "}}\n");
    ++sent;
  }
  EXPECT_FALSE(slow_one.open());
  EXPECT_TRUE(slow.closed_by_peer());
  EXPECT_TRUE(eventually([&] { return clients() == 1; }));
}

TEST_F(ControlServerTest, AClientThatDoesNotTakeItsAnswerIsDropped) {
  ControlLimits limits;
  limits.write = Millis(50);
  start(limits);
  auto one = client();
  ASSERT_TRUE(one.send("{\"command\":\"echo\"}\n"));
  ASSERT_TRUE(one.line());  // so that it is counted from here on
  ASSERT_TRUE(one.send("{\"command\":\"big\"}\n"));
  EXPECT_TRUE(eventually([&] { return clients() == 0; }));
  EXPECT_LT(one.rest().size(), 8u * 1024 * 1024);
}

TEST_F(ControlServerTest, StopEndsEveryKindOfClientAndRemovesTheFile) {
  start();
  auto idle = client();
  auto started = client();
  auto waiting = client();
  auto watching = client();
  auto full = client();
  ASSERT_TRUE(started.send("{\"comm"));
  ASSERT_TRUE(waiting.send("{\"command\":\"hold\"}\n"));
  ASSERT_TRUE(watching.send("{\"command\":\"watch\"}\n"));
  ASSERT_TRUE(full.send("{\"command\":\"big\"}\n"));
  ASSERT_TRUE(watching.line());
  ASSERT_TRUE(eventually([&] { return handler.held() == 2 && clients() == 5; }));
  thread.stop();
  for (LineClient* each : {&idle, &started, &waiting, &watching, &full})
    EXPECT_TRUE(each->closed_by_peer());
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
}

// Needs another user: only root can become one.
TEST_F(ControlServerTest, AStrangerIsRefusedWithASentence) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to connect as another user";
  start();
  ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
  ASSERT_EQ(::chmod(path.c_str(), 0666), 0);  // as a careless administrator might
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(1);
    auto stranger = client();
    const std::string said = stranger.rest();
    const ssize_t n = ::write(ends[1], said.data(), said.size());
    ::_exit(n == static_cast<ssize_t>(said.size()) ? 0 : 1);
  }
  ::close(ends[1]);
  std::string said(4096, '\0');
  const ssize_t n = ::read(ends[0], said.data(), said.size());
  said.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
  ::close(ends[0]);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_THAT(said, HasSubstr("\"code\":\"refused\""));
  EXPECT_THAT(said, HasSubstr("may not operate hotswapd"));
}

}  // namespace
}  // namespace hotswapd
