#include "net/background.hpp"

#include <boost/asio/post.hpp>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace hotswapd {
namespace {

// At the end, what is nearly done may finish; what hangs is left behind.
constexpr std::chrono::milliseconds patience{500};

}  // namespace

struct Background::Home {
  std::mutex mutex;
  std::condition_variable ended;
  std::optional<asio::any_io_executor> executor;  // none: abandoned
  std::size_t running = 0;

  void deliver(Result result) {
    const std::lock_guard held(mutex);
    if (executor) asio::post(*executor, std::move(result));
    --running;
    ended.notify_all();
  }
};

Background::Background(asio::any_io_executor home) : home_(std::make_shared<Home>()) {
  home_->executor = std::move(home);
}

Background::~Background() {
  std::unique_lock held(home_->mutex);
  home_->executor.reset();
  home_->ended.wait_for(held, patience, [this] { return home_->running == 0; });
}

void Background::run(std::function<Result()> work) {
  auto job = [home = home_, work = std::move(work)] { home->deliver(work()); };
  {
    const std::lock_guard held(home_->mutex);
    ++home_->running;
  }
  try {
    std::thread(job).detach();
  } catch (const std::system_error&) {
    job();
  }
}

}  // namespace hotswapd
