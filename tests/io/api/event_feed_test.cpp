// What the clients of /api/v1/events get, on a real loop.
#include "api/event_feed.hpp"

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>

namespace hotswapd {
namespace {

using Piece = std::optional<std::string>;

constexpr const char* hello = "retry: 2000\n: events of hotswapd\n\n";

// As a TaskGroup runs them: a cancellation is no exception.
awaitable<Piece> next_of(std::shared_ptr<HttpStream> stream) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_return co_await stream->next();
}

struct Feeds : testing::Test {
  Piece next(const std::shared_ptr<HttpStream>& stream) {
    Piece got;
    bool done = false;
    asio::co_spawn(context, stream->next(), [&](std::exception_ptr error, Piece piece) {
      EXPECT_FALSE(error);
      got = std::move(piece);
      done = true;
    });
    context.restart();
    context.run();
    EXPECT_TRUE(done);
    return got;
  }

  static FeedLimits limits() {
    FeedLimits few;
    few.clients = 2;
    few.queued = 3;
    few.kept = 5;
    few.at_once = 1;
    few.quiet = Millis(20);
    return few;
  }

  asio::io_context context{1};
  EventFeed feed{context.get_executor(), "run", limits()};
};

TEST_F(Feeds, EventsFollowWithTheirIds) {
  const auto client = feed.subscribe({});
  EXPECT_EQ(next(client), hello);
  feed.publish("{\"a\":1}");
  feed.publish("{\"a\":2}");
  EXPECT_EQ(next(client), "id: run-1\ndata: {\"a\":1}\n\n");
  EXPECT_EQ(next(client), "id: run-2\ndata: {\"a\":2}\n\n");
  EXPECT_EQ(next(client), ":\n\n") << "a sign of life";
}

TEST_F(Feeds, WhoWaitsIsWoken) {
  const auto client = feed.subscribe({});
  next(client);
  Piece got;
  asio::co_spawn(context, client->next(),
                 [&](std::exception_ptr, Piece piece) { got = std::move(piece); });
  context.restart();
  context.poll();
  EXPECT_FALSE(got);
  feed.publish("{}");
  context.run();
  EXPECT_EQ(got, "id: run-1\ndata: {}\n\n");
}

TEST_F(Feeds, ASlowClientIsToldWhatItMissed) {
  const auto client = feed.subscribe({});
  next(client);
  for (int i = 0; i < 5; ++i) feed.publish("{}");
  EXPECT_EQ(feed.dropped(), 2u);
  EXPECT_EQ(next(client), "event: dropped\ndata: {\"dropped\":2}\n\n");
  EXPECT_EQ(next(client), "id: run-3\ndata: {}\n\n");
}

TEST_F(Feeds, WhoComesBackGetsWhatCameMeanwhile) {
  feed.publish("{\"a\":1}");
  feed.publish("{\"a\":2}");
  feed.publish("{\"a\":3}");
  const auto back = feed.subscribe("run-1");
  EXPECT_EQ(next(back), hello);
  EXPECT_EQ(next(back), "id: run-2\ndata: {\"a\":2}\n\n");
  EXPECT_EQ(next(back), "id: run-3\ndata: {\"a\":3}\n\n");
  EXPECT_EQ(next(back), ":\n\n");
}

TEST_F(Feeds, WhoComesBackTooLateIsToldSo) {
  for (int i = 0; i < 9; ++i) feed.publish("{}");
  auto back = feed.subscribe("run-1");  // 5 to 9 are kept, and the queue has room for 3 of them
  next(back);
  EXPECT_EQ(next(back), "event: dropped\ndata: {\"dropped\":5}\n\n");
  EXPECT_EQ(next(back), "id: run-7\ndata: {}\n\n");
  for (const char* strange : {"other-3", "run-77", "run-", "run", "run-1x", "run-0", "garbage\n"}) {
    back = feed.subscribe(strange);
    next(back);
    EXPECT_EQ(next(back), "event: dropped\ndata: {\"dropped\":null}\n\n") << strange;
    EXPECT_EQ(next(back), ":\n\n") << strange;
  }
}

TEST_F(Feeds, OnlySoManyFollow) {
  auto one = feed.subscribe({});
  const auto two = feed.subscribe({});
  EXPECT_EQ(feed.subscribe({}), nullptr);
  one.reset();
  EXPECT_EQ(feed.clients(), 1u);
  EXPECT_NE(feed.subscribe({}), nullptr);
}

TEST_F(Feeds, AllAreEndedAtOnce) {
  const auto client = feed.subscribe({});
  next(client);
  feed.publish("{}");
  feed.end_all();
  EXPECT_EQ(next(client), std::nullopt);
}

TEST_F(Feeds, ACancelledOneEnds) {
  const auto client = feed.subscribe({});
  next(client);
  asio::cancellation_signal signal;
  bool ended = false;
  asio::co_spawn(context, next_of(client),
                 asio::bind_cancellation_slot(
                     signal.slot(), [&](std::exception_ptr, Piece piece) { ended = !piece; }));
  context.restart();
  context.poll();
  signal.emit(asio::cancellation_type::terminal);
  context.run();
  EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace hotswapd
