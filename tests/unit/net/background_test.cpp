// Background: results come home in order of their end, and nobody waits for what hangs.
#include "net/background.hpp"

#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <future>
#include <memory>
#include <thread>

namespace hotswapd {
namespace {

TEST(Background, RunsTheWorkElsewhereAndItsResultAtHome) {
  asio::io_context home;
  const auto keep = asio::make_work_guard(home);
  Background background(home.get_executor());
  std::thread::id worker;
  std::thread::id result;
  background.run([&]() -> Background::Result {
    worker = std::this_thread::get_id();
    return [&] {
      result = std::this_thread::get_id();
      home.stop();
    };
  });
  home.run_for(std::chrono::seconds(30));
  EXPECT_EQ(result, std::this_thread::get_id());
  EXPECT_NE(worker, result);
  EXPECT_NE(worker, std::thread::id());
}

TEST(Background, LeavesBehindWhatHangsAndDropsItsResult) {
  asio::io_context home;
  std::promise<void> release;
  auto ended = std::make_shared<std::promise<void>>();
  bool came_home = false;
  {
    Background background(home.get_executor());
    background.run(
        [hang = release.get_future().share(), ended, &came_home]() -> Background::Result {
          hang.wait();
          return [ended, &came_home, last = std::shared_ptr<void>(nullptr, [ended](void*) {
                                       ended->set_value();
                                     })] { came_home = true; };
        });
  }  // does not wait for it
  release.set_value();
  ended->get_future().wait();  // the result was destroyed unrun
  home.run();
  EXPECT_FALSE(came_home);
}

}  // namespace
}  // namespace hotswapd
