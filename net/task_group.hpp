// The only place that starts coroutines: each has a name, an owner, a way to be stopped, and its
// exceptions are told.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "net/awaitable.hpp"

namespace hotswapd {

// Lives on one executor (one thread); every member function is called there. Make it the last
// member of its owner and destroy the owner only after join(): what the tasks refer to must outlive
// them.
class TaskGroup {
 public:
  // Told of a task that ended by an exception: a defect, never an ordinary failure.
  using ExceptionSink = std::function<void(const std::string& task, const std::string& what)>;

  explicit TaskGroup(asio::any_io_executor executor, ExceptionSink on_exception);
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // Names a task for cancel(); stays harmless after the task has ended.
  struct TaskId {
    std::uint32_t place = 0;
    std::uint32_t turn = 0;  // 0: no task
  };

  // Starts the task; after request_stop() it is dropped instead. Cancellation reaches the task as
  // error codes of what it awaits, never as an exception: it has to look at them, or at
  // this_coro::cancellation_state.
  TaskId spawn(std::string name, awaitable<void> task);

  // Emits terminal cancellation to one task; nothing when it has ended.
  void cancel(TaskId id);

  // Emits terminal cancellation to every task; they still have to end by themselves. Idempotent.
  void request_stop();
  bool stopping() const noexcept;

  // Completes when the last task has ended (at once when there is none).
  awaitable<void> join();

  std::size_t size() const noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace hotswapd
