// sleep_for(): a pause of a coroutine, and being_stopped(): whether the task was cancelled.
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include "core/time.hpp"
#include "net/awaitable.hpp"

namespace hotswapd {

// A cancellation that arrives while nothing is awaited, or in the very turn in which an operation
// completes, is seen by no operation: a loop that waits has to ask before each wait.
awaitable<bool> being_stopped();

// Ends early, without an error, when the task is cancelled, and does not begin when it was: ask
// being_stopped().
awaitable<void> sleep_for(asio::any_io_executor executor, Millis duration);

}  // namespace hotswapd
