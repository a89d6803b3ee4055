// The coroutine type and the completion tokens that the product uses, from the narrowest headers
// that have them.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace hotswapd {

namespace asio = boost::asio;

using asio::awaitable;

// Completes with (error_code, results...): nothing awaited under a deadline may throw (see
// net/deadline.hpp).
inline constexpr auto nothrow = asio::as_tuple(asio::use_awaitable);

}  // namespace hotswapd
