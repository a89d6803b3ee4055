// A server of api/ running on its own shard, stopped in order at the end of a test.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "core/error.hpp"
#include "net/shard.hpp"

namespace hotswapd::test {

inline void no_exceptions(const std::string& task, const std::string& what) {
  ADD_FAILURE() << task << " ended by an exception: " << what;
}

template <class Server>
class ServerThread {
 public:
  ServerThread() : shard_("server", no_exceptions) {}
  ~ServerThread() { stop(); }

  template <class... Args>
  Fallible<void> start(Args&&... args) {
    auto opened =
        Server::open(shard_.context().get_executor(), std::forward<Args>(args)..., no_exceptions);
    if (!opened) return opened.error();
    server_ = std::move(*opened);
    shard_.start();
    on_loop([this] { server_->start(); });
    return {};
  }

  Server& server() { return *server_; }

  // Runs the function on the server's thread and waits for its result.
  template <class F>
  auto on_loop(F function) {
    std::packaged_task<decltype(function())()> task(std::move(function));
    auto done = task.get_future();
    asio::post(shard_.context(), [&task] { task(); });
    return done.get();
  }

  void stop() {
    if (!server_) return;
    std::promise<void> stopped;
    auto done = stopped.get_future();
    asio::post(shard_.context(),
               [this, &stopped] { shard_.tasks().spawn("stop", stop_server(*server_, stopped)); });
    EXPECT_EQ(done.wait_for(std::chrono::seconds(20)), std::future_status::ready);
    shard_.stop();
    server_.reset();
  }

 private:
  static awaitable<void> stop_server(Server& server, std::promise<void>& stopped) {
    co_await server.stop();
    stopped.set_value();
  }

  Shard shard_;
  std::unique_ptr<Server> server_;
};

}  // namespace hotswapd::test
