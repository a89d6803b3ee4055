// One event loop on one thread with the tasks that live there.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>
#include <string>
#include <thread>

#include "net/task_group.hpp"

namespace hotswapd {

// Nothing inside a shard locks; other threads reach it by asio::post(shard.context(), ...) of
// values.
class Shard {
 public:
  Shard(std::string name, TaskGroup::ExceptionSink on_exception);
  ~Shard();  // stops the loop and joins the thread when stop() has not
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  void start();  // starts the thread, named as the shard (15 characters show in ps)
  // Stops the tasks, runs the loop until they ended, joins the thread. Called from another thread.
  void stop();

  asio::io_context& context() noexcept { return context_; }
  TaskGroup& tasks() noexcept { return tasks_; }
  const std::string& name() const noexcept { return name_; }

 private:
  std::string name_;
  asio::io_context context_{1};
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_;
  std::thread thread_;
  TaskGroup tasks_;
};

}  // namespace hotswapd
