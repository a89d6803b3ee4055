// The time types that everything shares. Nothing in core/ reads a clock: `now` is always an
// argument.
#pragma once

#include <chrono>
#include <optional>

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

// A TimePoint or WallTime that may be absent, in the room of one: for what there are tens of
// thousands of.
template <class Time>
class MaybeTime {
 public:
  MaybeTime() = default;
  MaybeTime(Time at) noexcept : at_(at) {}
  MaybeTime(std::optional<Time> at) noexcept : at_(at.value_or(absent)) {}
  explicit operator bool() const noexcept { return at_ != absent; }
  Time operator*() const noexcept { return at_; }
  void reset() noexcept { at_ = absent; }
  operator std::optional<Time>() const noexcept {
    return at_ != absent ? std::optional(at_) : std::nullopt;
  }

 private:
  static constexpr Time absent = Time::min();
  Time at_ = absent;
};

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
