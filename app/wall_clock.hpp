// The wall clock in our resolution.
#pragma once

#include <chrono>

#include "core/time.hpp"

namespace hotswapd {

inline WallTime wall_now() {
  return std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now());
}

}  // namespace hotswapd
