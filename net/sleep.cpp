#include "net/sleep.hpp"

#include <boost/asio/steady_timer.hpp>

namespace hotswapd {

awaitable<void> sleep_for(asio::any_io_executor executor, Millis duration) {
  asio::steady_timer timer(executor, duration);
  auto [ec] = co_await timer.async_wait(nothrow);
  static_cast<void>(ec);
}

}  // namespace hotswapd
