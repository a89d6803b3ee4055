// The outbox as the daemon drives it: durable before sent, marked before forgotten, and never in
// the loop's way.
#include "notifiers/outbox.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <map>
#include <stdexcept>
#include <vector>

namespace hotswapd {
namespace {

constexpr WallTime wall{std::chrono::hours(24 * 20'000)};

// What the sinks of a test do, and what has become of the messages.
struct Peer {
  std::vector<std::string> log;         // "deliver a1", "sent 1", "finished 1", "report ..."
  std::vector<Fallible<void>> answers;  // used up from the front; afterwards everything is accepted
  std::string hanging;                  // the sink that does not answer before the deadline
  bool throws = false;
  bool make_fails = false;
  bool noting_hangs = false;
  int made = 0;
  std::map<std::string, int> at_once;  // deliveries a sink
};

class FakeNotifier final : public Notifier {
 public:
  FakeNotifier(Peer& peer, std::string sink) : peer_(peer), sink_(std::move(sink)) {}
  awaitable<Fallible<void>> deliver(std::string body, TimePoint deadline) override {
    if (++peer_.at_once[sink_] > 1) peer_.log.push_back("two at once");
    if (peer_.throws) {
      --peer_.at_once[sink_];
      throw std::runtime_error("broken\n");
    }
    if (peer_.hanging == sink_) {
      asio::steady_timer timer(co_await asio::this_coro::executor, deadline);
      auto [ec] = co_await timer.async_wait(nothrow);
      --peer_.at_once[sink_];
      co_return Error{errc::timed_out, ec ? "stopped" : "no answer"};
    }
    --peer_.at_once[sink_];
    Fallible<void> answer;
    if (!peer_.answers.empty()) {
      answer = peer_.answers.front();
      peer_.answers.erase(peer_.answers.begin());
    }
    peer_.log.push_back((answer ? "deliver " : "fail ") + body);
    co_return answer;
  }

 private:
  Peer& peer_;
  std::string sink_;
};

class OutboxTest : public ::testing::Test {
 protected:
  OutboxTest() {
    limits_.first_retry = Millis(5);
    limits_.longest_retry = Millis(20);
  }
  ~OutboxTest() override {
    outbox().request_stop();
    bool ended = false;
    asio::co_spawn(context_, outbox().join(),
                   [&ended](const std::exception_ptr&) { ended = true; });
    context_.restart();
    while (!ended && context_.run_one_for(Seconds(5)) > 0) {
    }
    EXPECT_TRUE(ended);
    for (const auto& [sink, count] : peer_.at_once) EXPECT_EQ(count, 0) << sink;
  }

  Outbox& outbox() {
    if (outbox_) return *outbox_;
    OutboxHooks hooks;
    hooks.make_notifier = [this](const std::string& sink) -> Fallible<std::unique_ptr<Notifier>> {
      ++peer_.made;
      if (peer_.make_fails) return Error{errc::not_built, "no such sink"};
      return std::unique_ptr<Notifier>(std::make_unique<FakeNotifier>(peer_, sink));
    };
    hooks.sent = [this](std::int64_t id) { return sent(id); };
    hooks.finished = [this](std::int64_t id) {
      peer_.log.push_back("finished " + std::to_string(id));
    };
    hooks.report = [this](const OutboxReport& report) {
      peer_.log.push_back("report " + report.text);
    };
    outbox_ = std::make_unique<Outbox>(context_.get_executor(), hooks, limits_,
                                       [](const std::string& task, const std::string& what) {
                                         ADD_FAILURE() << task << ": " << what;
                                       });
    return *outbox_;
  }

  awaitable<void> sent(std::int64_t id) {
    peer_.log.push_back("sent " + std::to_string(id));
    while (peer_.noting_hangs) {
      asio::steady_timer pause(context_, Millis(1));
      co_await pause.async_wait(nothrow);
      if ((co_await asio::this_coro::cancellation_state).cancelled() !=
          asio::cancellation_type::none)
        co_return;
    }
  }
  static OutboxMessage message(std::int64_t id, const std::string& body,
                               const std::string& service = "a") {
    OutboxMessage out;
    out.id = id;
    out.service = service;
    out.sink = "fake";
    out.body = body;
    out.expires = wall + std::chrono::hours(24);
    return out;
  }

  // Runs the loop until the condition holds; at most 5 s.
  template <class Condition>
  bool until(Condition condition) {
    const TimePoint end = Clock::now() + Seconds(5);
    while (!condition() && Clock::now() < end) {
      context_.restart();
      context_.run_one_for(Millis(50));
    }
    return condition();
  }
  bool until_log(std::size_t lines) {
    return until([this, lines] { return peer_.log.size() >= lines; });
  }
  // The sum over all lines.
  std::uint64_t drops_reported() const {
    std::uint64_t out = 0;
    for (const auto& line : peer_.log) {
      if (line.starts_with("report ") && line.find(" dropped: ") != std::string::npos)
        out += std::stoull(line.substr(7));
    }
    return out;
  }
  void settle() {
    context_.restart();
    context_.poll();
  }
  void flush(Millis limit) {
    bool done = false;
    asio::co_spawn(context_, outbox().flush(Clock::now() + limit),
                   [&done](const std::exception_ptr&) { done = true; });
    EXPECT_TRUE(until([&done] { return done; }));
  }

  using Log = std::vector<std::string>;
  asio::io_context context_{1};
  OutboxLimits limits_;
  Peer peer_;
  std::unique_ptr<Outbox> outbox_;
};

TEST_F(OutboxTest, NothingDurableLeavesBeforeItsRowIsOnTheDisk) {
  outbox().enqueue(message(1, "a1"), wall);
  outbox().enqueue(message(0, "a2"), wall);
  settle();
  EXPECT_TRUE(peer_.log.empty());
  outbox().mark_ready(1);
  settle();
  EXPECT_EQ(peer_.log, (Log{"deliver a1", "sent 1", "finished 1", "deliver a2"}));
  EXPECT_EQ(outbox().stats().delivered, 2u);
  EXPECT_EQ(outbox().stats().queued, 0u);
}

TEST_F(OutboxTest, AFailedCommitTakesTheMessageBack) {
  outbox().enqueue(message(1, "a1"), wall);
  outbox().enqueue(message(0, "a2"), wall);
  outbox().mark_failed(1);
  outbox().mark_failed(1);
  outbox().mark_ready(99);
  settle();
  EXPECT_EQ(peer_.log, Log{"deliver a2"});
}

TEST_F(OutboxTest, RestoredRowsGoAtOnce) {
  outbox().restore(message(3, "a1"), wall);
  outbox().restore(message(4, "a2"), wall);
  settle();
  EXPECT_EQ(peer_.log,
            (Log{"deliver a1", "sent 3", "finished 3", "deliver a2", "sent 4", "finished 4"}));
  EXPECT_EQ(peer_.made, 1);
}

TEST_F(OutboxTest, RetriesAndTellsOfTheTroubleOnce) {
  peer_.answers = {Error{errc::unavailable, "no\nbuffers"}, Error{errc::timed_out, "slow"},
                   Error{errc::unknown_fate, "no answer"}};
  outbox().restore(message(1, "a1"), wall);
  ASSERT_TRUE(until_log(8));
  EXPECT_EQ(peer_.log, (Log{"fail a1", "report no\\x0abuffers", "fail a1", "fail a1", "deliver a1",
                            "report delivers again", "sent 1", "finished 1"}));
  EXPECT_EQ(outbox().stats().retries, 3u);
}

TEST_F(OutboxTest, WhatIsRefusedIsDroppedToldAndDeleted) {
  peer_.answers = {Error{errc::invalid_argument, "too long"}};
  outbox().restore(message(1, "a1"), wall);
  outbox().restore(message(2, "a2"), wall);
  settle();
  EXPECT_EQ(peer_.log, (Log{"fail a1", "finished 1", "report 1 message dropped: too long",
                            "deliver a2", "sent 2", "finished 2"}));
  EXPECT_EQ(outbox().stats().refused, 1u);
}

TEST_F(OutboxTest, ASinkThatCannotBeMadeDropsItsMessages) {
  peer_.make_fails = true;
  outbox().restore(message(1, "a1"), wall);
  settle();
  EXPECT_EQ(peer_.log, (Log{"finished 1", "report 1 message dropped: no such sink"}));
}

TEST_F(OutboxTest, ADefectInANotifierIsRetriedNotFatal) {
  peer_.throws = true;
  outbox().restore(message(1, "a1"), wall);
  settle();
  ASSERT_EQ(peer_.log.size(), 1u);
  EXPECT_EQ(peer_.log[0], "report defect in the notifier: broken\\x0a");
  peer_.throws = false;
  EXPECT_TRUE(until([this] { return outbox().stats().delivered == 1; }));
}

TEST_F(OutboxTest, ExpiredRowsAreDroppedAndDeleted) {
  auto old = message(1, "a1");
  old.expires = wall - Seconds(1);
  outbox().restore(old, wall);
  settle();
  EXPECT_EQ(peer_.log, (Log{"finished 1", "report 1 message dropped: not delivered in time"}));
  EXPECT_EQ(outbox().stats().expired, 1u);
}

TEST_F(OutboxTest, ARowDroppedBeforeItsCommitIsDeletedAfterIt) {
  limits_.messages = 1;
  outbox().enqueue(message(1, "a1"), wall);
  outbox().enqueue(message(2, "a2"), wall);
  EXPECT_EQ(peer_.log, Log{"report 1 message dropped: too many are waiting"});
  outbox().mark_ready(1);
  outbox().mark_ready(2);
  settle();
  EXPECT_EQ(peer_.log, (Log{"report 1 message dropped: too many are waiting", "finished 1",
                            "deliver a2", "sent 2", "finished 2"}));
  EXPECT_EQ(outbox().stats().overflowed, 1u);
}

TEST_F(OutboxTest, ASinkThatHangsStopsNeitherTheOthersNorTheLoop) {
  peer_.hanging = "fake";
  outbox().restore(message(1, "a1"), wall);
  outbox().restore(message(2, "a2"), wall);
  auto elsewhere = message(0, "b1");
  elsewhere.sink = "another";
  outbox().enqueue(elsewhere, wall);
  settle();
  EXPECT_EQ(peer_.log, Log{"deliver b1"});
  EXPECT_EQ(peer_.at_once["fake"], 1);
  EXPECT_EQ(outbox().stats().queued, 2u);
}

TEST_F(OutboxTest, ManyDropsAreOneLine) {
  limits_.messages = 10;
  peer_.hanging = "fake";
  for (int i = 0; i < 500; ++i) outbox().enqueue(message(0, "x"), wall);
  settle();
  EXPECT_EQ(peer_.log, Log{"report 1 message dropped: too many are waiting"});
  EXPECT_EQ(outbox().stats().overflowed, 490u);
}

TEST_F(OutboxTest, EveryDropIsReportedByTheTimer) {
  limits_.messages = 10;
  limits_.drop_reports = Millis(20);
  for (int i = 1; i <= 500; ++i) outbox().enqueue(message(i, "x"), wall);
  ASSERT_TRUE(until([this] { return drops_reported() >= 490; }));
  EXPECT_EQ(drops_reported(), 490u);
  EXPECT_LT(peer_.log.size(), 50u);
}

TEST_F(OutboxTest, AnIdleSinkReportsItsDropsBeforeItIsLetGo) {
  limits_.messages = 1;
  limits_.drop_reports = Millis(20);
  limits_.idle = Seconds(0);
  for (int i = 0; i < 4; ++i) outbox().enqueue(message(0, "x"), wall);
  ASSERT_TRUE(until([this] { return drops_reported() >= 3; }));
  EXPECT_EQ(drops_reported(), 3u);
}

TEST_F(OutboxTest, FlushAndStopReportTheDropsThatWait) {
  limits_.messages = 10;
  limits_.drop_reports = Seconds(3600);
  for (int i = 1; i <= 500; ++i) outbox().enqueue(message(i, "x"), wall);
  settle();
  EXPECT_EQ(peer_.log, Log{"report 1 message dropped: too many are waiting"});
  flush(Seconds(4));
  EXPECT_EQ(drops_reported(), 490u);
  for (int i = 501; i <= 505; ++i) outbox().enqueue(message(i, "x"), wall);
  EXPECT_EQ(drops_reported(), 490u);
  outbox().request_stop();
  EXPECT_EQ(drops_reported(), 495u);
}

TEST_F(OutboxTest, TheLimitCanBeRaisedBeforeAndAfterASinkIsThere) {
  limits_.messages = 1;
  outbox().set_limit(2);
  outbox().enqueue(message(1, "a1"), wall);
  outbox().enqueue(message(2, "b1", "b"), wall);
  outbox().set_limit(30'000);
  for (int i = 3; i <= 30'000; ++i)
    outbox().enqueue(message(i, "x", std::to_string(i % 10'000)), wall);
  EXPECT_EQ(outbox().stats().dropped(), 0u);
  EXPECT_EQ(outbox().stats().queued, 30'000u);
  outbox().enqueue(message(30'001, "x"), wall);
  EXPECT_EQ(outbox().stats().overflowed, 1u);
}

TEST_F(OutboxTest, OnlyTheFirstWordOnARowCounts) {
  outbox().enqueue(message(1, "a1"), wall);
  outbox().enqueue(message(2, "a2"), wall);
  outbox().mark_ready(1);
  outbox().mark_ready(1);
  outbox().mark_failed(1);
  settle();
  outbox().mark_ready(1);
  outbox().mark_ready(2);
  settle();
  EXPECT_EQ(peer_.log,
            (Log{"deliver a1", "sent 1", "finished 1", "deliver a2", "sent 2", "finished 2"}));
}

TEST_F(OutboxTest, ALongBacklogLetsOthersOnTheLoopRun) {
  for (int i = 1; i <= 1000; ++i) outbox().enqueue(message(0, std::to_string(i)), wall);
  std::size_t seen = 0;
  for (int turns = 0; turns < 3; ++turns) {
    context_.restart();
    context_.poll_one();
    seen = peer_.log.size();
  }
  EXPECT_LT(seen, 200u);
  EXPECT_TRUE(until_log(1000));
  for (std::size_t i = 0; i < 1000; ++i)
    ASSERT_EQ(peer_.log[i], "deliver " + std::to_string(i + 1));
}

TEST_F(OutboxTest, FlushSendsWhatPausesAndReturnsWhenDone) {
  limits_.first_retry = limits_.longest_retry = Seconds(3600);
  peer_.answers = {Error{errc::unavailable, "not now"}};
  outbox().restore(message(1, "a1"), wall);
  outbox().restore(message(2, "a2"), wall);
  settle();
  EXPECT_EQ(outbox().stats().queued, 2u);
  flush(Seconds(4));
  EXPECT_EQ(outbox().stats().queued, 0u);
}

TEST_F(OutboxTest, FlushGivesUpOnASinkThatFailsAndOnUncommittedRows) {
  limits_.first_retry = limits_.longest_retry = Seconds(3600);
  for (int i = 0; i < 3; ++i) peer_.answers.emplace_back(Error{errc::unavailable, "not now"});
  outbox().restore(message(1, "a1"), wall);
  outbox().enqueue(message(2, "a2", "b"), wall);
  const auto begin = Clock::now();
  flush(Seconds(4));
  EXPECT_LT(Clock::now() - begin, Seconds(3));
  EXPECT_EQ(outbox().stats().queued, 2u);
}

TEST_F(OutboxTest, FlushWaitsForARowThatIsOnItsWayToTheDisk) {
  outbox().enqueue(message(1, "a1"), wall);
  settle();
  asio::steady_timer disk(context_, Millis(100));
  disk.async_wait([this](const error_code&) { outbox().mark_ready(1); });
  flush(Seconds(4));
  EXPECT_EQ(peer_.log, (Log{"deliver a1", "sent 1", "finished 1"}));
}

TEST_F(OutboxTest, FlushDoesNotWaitForARowThatFails) {
  outbox().enqueue(message(1, "a1"), wall);
  settle();
  asio::steady_timer disk(context_, Millis(20));
  disk.async_wait([this](const error_code&) { outbox().mark_failed(1); });
  const auto begin = Clock::now();
  flush(Seconds(4));
  EXPECT_LT(Clock::now() - begin, Seconds(3));
  EXPECT_TRUE(peer_.log.empty());
}

TEST_F(OutboxTest, TheNextMessageOfASinkWaitsUntilTheLastIsNoted) {
  peer_.noting_hangs = true;
  outbox().restore(message(1, "a1"), wall);
  outbox().restore(message(2, "a2", "b"), wall);
  ASSERT_TRUE(until_log(2));
  flush(Millis(50));
  EXPECT_EQ(peer_.log, (Log{"deliver a1", "sent 1"}));
  peer_.noting_hangs = false;
  ASSERT_TRUE(until_log(6));
  EXPECT_EQ(peer_.log,
            (Log{"deliver a1", "sent 1", "finished 1", "deliver a2", "sent 2", "finished 2"}));
}

TEST_F(OutboxTest, FlushEndsAtItsDeadline) {
  peer_.hanging = "fake";
  outbox().restore(message(1, "a1"), wall);
  settle();
  const auto begin = Clock::now();
  flush(Millis(50));
  EXPECT_GE(Clock::now() - begin, Millis(50));
  EXPECT_EQ(outbox().stats().queued, 1u);
}

TEST_F(OutboxTest, AnIdleSinkIsLetGoAndMadeAgain) {
  limits_.idle = Seconds(0);
  outbox().restore(message(1, "a1"), wall);
  ASSERT_TRUE(until_log(3));
  settle();
  outbox().restore(message(2, "a2"), wall);
  ASSERT_TRUE(until_log(6));
  EXPECT_EQ(peer_.made, 2);
}

}  // namespace
}  // namespace hotswapd
