#include "net/places.hpp"

#include <boost/asio/steady_timer.hpp>
#include <list>
#include <utility>

#include "net/sleep.hpp"

namespace hotswapd {

struct Places::State {
  struct Waiter {
    asio::steady_timer timer;
    bool called = false;  // its place is its own from then on
  };

  asio::any_io_executor executor;
  std::size_t free = 0;
  std::list<Waiter*> line;

  void give_back() {
    if (line.empty()) {
      ++free;
      return;
    }
    Waiter* const next = line.front();
    line.pop_front();
    next->called = true;
    next->timer.cancel();
  }
};

Places::Places(asio::any_io_executor executor, std::size_t count)
    : state_(std::make_shared<State>()) {
  state_->executor = std::move(executor);
  state_->free = count;
}

Places::Place& Places::Place::operator=(Place&& other) noexcept {
  if (this != &other) {
    give_back();
    state_ = std::move(other.state_);
  }
  return *this;
}

void Places::Place::give_back() noexcept {
  if (const auto state = std::exchange(state_, nullptr)) state->give_back();
}

std::size_t Places::waiting() const noexcept {
  return state_->line.size();
}

awaitable<Places::Place> Places::take(TimePoint deadline) {
  // Leaves the line also when the coroutine is destroyed where it waits.
  struct InLine {
    std::shared_ptr<State> state;
    State::Waiter waiter;
    ~InLine() {
      if (waiter.called) {
        state->give_back();  // it was called and never took it
      } else {
        state->line.remove(&waiter);
      }
    }
  };
  const auto state = state_;
  if (state->free > 0) {
    --state->free;
    co_return Place(state);
  }
  if (co_await being_stopped()) co_return Place();
  InLine in_line{state, {asio::steady_timer(state->executor, deadline)}};
  state->line.push_back(&in_line.waiter);
  co_await in_line.waiter.timer.async_wait(nothrow);
  if (!in_line.waiter.called) co_return Place();
  in_line.waiter.called = false;
  co_return Place(state);
}

}  // namespace hotswapd
