// sleep_for(): a pause of a coroutine.
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include "core/time.hpp"
#include "net/awaitable.hpp"

namespace hotswapd {

// Ends early, without an error, when the task is cancelled: the caller looks at its cancellation state.
awaitable<void> sleep_for(asio::any_io_executor executor, Millis duration);

}  // namespace hotswapd
