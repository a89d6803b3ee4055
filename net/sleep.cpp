#include "net/sleep.hpp"

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

namespace hotswapd {

awaitable<bool> being_stopped() {
  const auto state = co_await asio::this_coro::cancellation_state;
  co_return state.cancelled() != asio::cancellation_type::none;
}

awaitable<void> sleep_for(asio::any_io_executor executor, Millis duration) {
  if (co_await being_stopped()) co_return;
  asio::steady_timer timer(executor, duration);
  auto [ec] = co_await timer.async_wait(nothrow);
  static_cast<void>(ec);
}

}  // namespace hotswapd
