// with_deadline(): an operation raced against one absolute point in time.
#pragma once

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <utility>

#include "core/error.hpp"
#include "core/time.hpp"
#include "net/awaitable.hpp"

namespace hotswapd {

// Runs `op`; when `at` passes first, `op` is cancelled (terminal) and the answer is `on_timeout`,
// which names the phase. `op` must report errors as values: an exception on one side of the race
// would come late. When the caller itself is cancelled the answer is operation_aborted.
template <class T>
awaitable<result<T>> with_deadline(awaitable<result<T>> op, TimePoint at, error_code on_timeout) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer timer(co_await asio::this_coro::executor, at);
  auto won = co_await (std::move(op) || timer.async_wait(nothrow));
  if (won.index() == 0) co_return std::get<0>(std::move(won));
  auto [ec] = std::get<1>(won);
  if (ec) co_return ec;  // the wait itself was cancelled: we are being stopped
  co_return on_timeout;
}

}  // namespace hotswapd
