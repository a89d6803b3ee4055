#include "net/task_group.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <exception>
#include <utility>
#include <vector>

namespace hotswapd {

struct TaskGroup::State {
  // Places are used again: the signal then needs no memory for its next slot.
  struct Task {
    std::string name;
    asio::cancellation_signal signal;
    std::uint32_t turn = 1;
    bool running = false;
  };

  State(asio::any_io_executor e, ExceptionSink sink)
      : executor(std::move(e)), on_exception(std::move(sink)), ended(executor) {
    ended.expires_at(asio::steady_timer::time_point::max());
  }

  void end(std::uint32_t place, const std::exception_ptr& failure) {
    auto& task = *tasks[place];
    if (failure) tell(task.name, failure);
    task.running = false;
    ++task.turn;
    free.push_back(place);
    if (--running == 0 && joining != 0) ended.cancel();
  }

  void tell(const std::string& name, const std::exception_ptr& failure) const {
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& e) {
      on_exception(name, e.what());
    } catch (...) {
      on_exception(name, "an exception that is no std::exception");
    }
  }

  asio::any_io_executor executor;
  ExceptionSink on_exception;
  asio::steady_timer ended;  // cancelled when the last task ends: wakes join()
  std::vector<std::unique_ptr<Task>> tasks;
  std::vector<std::uint32_t> free;
  std::size_t running = 0;
  std::size_t joining = 0;
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

TaskGroup::TaskId TaskGroup::spawn(std::string name, awaitable<void> task) {
  auto& state = *state_;
  if (state.stopping) return {};
  if (state.free.empty()) {
    state.free.push_back(static_cast<std::uint32_t>(state.tasks.size()));
    state.tasks.push_back(std::make_unique<State::Task>());
  }
  const std::uint32_t place = state.free.back();
  state.free.pop_back();
  auto& entry = *state.tasks[place];
  entry.name = std::move(name);
  entry.running = true;
  ++state.running;
  const TaskId id{place, entry.turn};
  auto done = [owner = state_, place](const std::exception_ptr& failure) {
    owner->end(place, failure);
  };
  asio::co_spawn(state.executor, without_throwing(std::move(task)),
                 asio::bind_cancellation_slot(entry.signal.slot(), std::move(done)));
  return id;
}

void TaskGroup::cancel(TaskId id) {
  if (id.turn == 0) return;
  auto& task = *state_->tasks[id.place];
  if (task.running && task.turn == id.turn) task.signal.emit(asio::cancellation_type::terminal);
}

void TaskGroup::request_stop() {
  state_->stopping = true;
  // By index: a task may end, and none can begin, inside emit().
  for (std::size_t i = 0; i < state_->tasks.size(); ++i) {
    auto& task = *state_->tasks[i];
    if (task.running) task.signal.emit(asio::cancellation_type::terminal);
  }
}

bool TaskGroup::stopping() const noexcept {
  return state_->stopping;
}

awaitable<void> TaskGroup::join() {
  const auto state = state_;
  while (state->running != 0) {
    ++state->joining;
    auto [ec] = co_await state->ended.async_wait(nothrow);
    --state->joining;
    if (ec != asio::error::operation_aborted) break;
    if ((co_await asio::this_coro::cancellation_state).cancelled() !=
        asio::cancellation_type::none) {
      break;
    }
  }
}

std::size_t TaskGroup::size() const noexcept {
  return state_->running;
}

}  // namespace hotswapd
