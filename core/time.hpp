// The time types that everything shares. Nothing in core/ reads a clock: `now` is always an
// argument.
#pragma once

#include <chrono>

namespace hotswapd {

using Micros = std::chrono::microseconds;
using Millis = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;

// Timers, deadlines and durations run on the monotonic clock (rule S15).
using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

// Wall-clock time, for stamps that people and other machines read; never for deciding how long
// something took.
using WallTime = std::chrono::sys_time<Millis>;

// Both clocks, read together: what runs out does so on the first, and is shown and stored by the
// second.
struct Moment {
  TimePoint steady;
  WallTime wall;

  WallTime wall_at(TimePoint then) const {
    return wall + std::chrono::floor<Millis>(then - steady);
  }
  TimePoint steady_at(WallTime then) const { return steady + (then - wall); }
};

}  // namespace hotswapd
