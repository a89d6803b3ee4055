// Places: so many at a time, first come first served, and none is ever lost.
#include "net/places.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <string>
#include <utility>

#include "net/sleep.hpp"
#include "net/task_group.hpp"

namespace hotswapd {
namespace {

using namespace std::chrono_literals;

class PlacesTest : public testing::Test {
 protected:
  struct Told {
    std::string order;
    int inside = 0;
    int most = 0;
  };

  TaskGroup::TaskId spawn(char name, Millis patience, Millis stay) {
    const auto work = [](asio::io_context* context, Places* places, Told* told, char who,
                         TimePoint deadline, Millis time) -> awaitable<void> {
      const auto place = co_await places->take(deadline);
      if (!place) {
        told->order += '-';
        co_return;
      }
      told->order += who;
      told->most = std::max(told->most, ++told->inside);
      co_await sleep_for(context->get_executor(), time);
      --told->inside;
    };
    return tasks_.spawn("task",
                        work(&context_, &places_, &told_, name, Clock::now() + patience, stay));
  }

  void run() {
    context_.restart();
    context_.run();
  }

  asio::io_context context_{1};
  Told told_;
  Places places_{context_.get_executor(), 2};
  TaskGroup tasks_{context_.get_executor(), [](const std::string& task, const std::string& what) {
                     ADD_FAILURE() << task << ": " << what;
                   }};
};

TEST_F(PlacesTest, FirstComeFirstServedAndNeverMoreThanThereAre) {
  for (const char name : {'a', 'b', 'c', 'd', 'e', 'f'}) spawn(name, 20s, 5ms);
  run();
  EXPECT_EQ(told_.order, "abcdef");
  EXPECT_EQ(told_.most, 2);
  EXPECT_EQ(places_.waiting(), 0U);
}

TEST_F(PlacesTest, WhoseTimeIsUpLeavesTheLine) {
  spawn('a', 20s, 200ms);
  spawn('b', 20s, 200ms);
  spawn('c', 20ms, 1ms);
  spawn('d', 20s, 1ms);
  run();
  EXPECT_EQ(told_.order, "ab-d");
}

TEST_F(PlacesTest, WhoIsCancelledInTheLineTakesNoPlace) {
  spawn('a', 20s, 30ms);
  spawn('b', 20s, 30ms);
  const auto third = spawn('c', 20s, 1ms);
  spawn('d', 20s, 1ms);
  context_.poll();
  EXPECT_EQ(places_.waiting(), 2U);
  tasks_.cancel(third);
  run();
  EXPECT_EQ(told_.order, "ab-d");
  // Both are free again.
  spawn('e', 20s, 5ms);
  spawn('f', 20s, 5ms);
  run();
  EXPECT_EQ(told_.order, "ab-def");
  EXPECT_EQ(told_.most, 2);
}

TEST_F(PlacesTest, APlaceMayOutliveThem) {
  Places::Place kept;
  const auto work = [](Places* places, Places::Place* to) -> awaitable<void> {
    const auto deadline = Clock::now() + Millis(1'000);
    *to = co_await places->take(deadline);
  };
  {
    Places gone(context_.get_executor(), 1);
    tasks_.spawn("take", work(&gone, &kept));
    run();
  }
  EXPECT_TRUE(kept);
  kept.give_back();
  EXPECT_FALSE(kept);
}

}  // namespace
}  // namespace hotswapd
