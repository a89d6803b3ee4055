// The two clocks and the wait on them, so that tests may turn them.
#pragma once

#include <functional>

#include "core/time.hpp"
#include "net/awaitable.hpp"

namespace hotswapd {

struct Clocks {
  std::function<TimePoint()> steady;
  std::function<WallTime()> wall;
  std::function<awaitable<void>(Millis)> sleep;  // ends early when the task is cancelled

  Moment now() const { return {steady(), wall()}; }
};

}  // namespace hotswapd
