// The interface of a channel that tells people: one message at a time, never blocking the loop.
#pragma once

#include <string>

#include "core/error.hpp"
#include "core/time.hpp"
#include "net/awaitable.hpp"

namespace hotswapd {

// Lives on shard 0. `body` is what the sink's own formatter wrote into the outbox.
class Notifier {
 public:
  virtual ~Notifier() = default;

  // Done, or an error that decides whether it is tried again (unavailable, timed_out, unknown_fate:
  // yes; others: no).
  virtual awaitable<Fallible<void>> deliver(std::string body, TimePoint deadline) = 0;
};

}  // namespace hotswapd
