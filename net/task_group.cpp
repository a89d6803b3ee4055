#include "net/task_group.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <exception>
#include <utility>

namespace hotswapd {

struct TaskGroup::State {
  struct Task {
    std::string name;
    asio::cancellation_signal signal;
  };

  State(asio::any_io_executor e, ExceptionSink sink)
      : executor(std::move(e)), on_exception(std::move(sink)), ended(executor) {
    ended.expires_at(asio::steady_timer::time_point::max());
  }

  asio::any_io_executor executor;
  ExceptionSink on_exception;
  asio::steady_timer ended;  // cancelled when the last task ends: wakes join()
  std::list<Task> tasks;
  bool stopping = false;
};

namespace {

awaitable<void> without_throwing(awaitable<void> task) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await std::move(task);
}

}  // namespace

TaskGroup::TaskGroup(asio::any_io_executor executor, ExceptionSink on_exception)
    : state_(std::make_shared<State>(std::move(executor), std::move(on_exception))) {}

TaskGroup::~TaskGroup() = default;

void TaskGroup::spawn(std::string name, awaitable<void> task) {
  if (state_->stopping) return;
  auto& entry = state_->tasks.emplace_back();
  entry.name = std::move(name);
  const auto where = std::prev(state_->tasks.end());
  auto done = [state = state_, where](std::exception_ptr failure) {
    if (failure) {
      try {
        std::rethrow_exception(failure);
      } catch (const std::exception& e) {
        state->on_exception(where->name, e.what());
      } catch (...) {
        state->on_exception(where->name, "an exception that is no std::exception");
      }
    }
    state->tasks.erase(where);
    if (state->tasks.empty()) state->ended.cancel();
  };
  asio::co_spawn(state_->executor, without_throwing(std::move(task)),
                 asio::bind_cancellation_slot(entry.signal.slot(), std::move(done)));
}

void TaskGroup::request_stop() {
  state_->stopping = true;
  // A task may end inside emit(): step before it is gone.
  for (auto it = state_->tasks.begin(); it != state_->tasks.end();) {
    auto& task = *it++;
    task.signal.emit(asio::cancellation_type::terminal);
  }
}

bool TaskGroup::stopping() const noexcept {
  return state_->stopping;
}

awaitable<void> TaskGroup::join() {
  const auto state = state_;
  while (!state->tasks.empty()) {
    auto [ec] = co_await state->ended.async_wait(nothrow);
    if (ec != asio::error::operation_aborted) break;
    if ((co_await asio::this_coro::cancellation_state).cancelled() !=
        asio::cancellation_type::none) {
      break;
    }
  }
}

std::size_t TaskGroup::size() const noexcept {
  return state_->tasks.size();
}

}  // namespace hotswapd
