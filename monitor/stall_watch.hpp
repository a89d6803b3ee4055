// Knows when this process did not run: a loop that was to wake at a certain time and came much
// later. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/time.hpp"

namespace hotswapd {

// Whoever waited for us to run may have given up meanwhile: a failure seen after such a pause (a
// process that was stopped, a machine without processor time) is our own trouble.
class StallWatch {
 public:
  // The loop is to run at `due`.
  void expect(TimePoint due) noexcept;
  bool expecting() const noexcept { return expecting_; }
  // It ran, at `now`, as it was to: nothing is expected any more. True when it came so late that it
  // is a stall.
  bool woke(TimePoint now) noexcept;
  // The same from within something else that runs late, before the expected wake-up had its turn.
  bool ran(TimePoint now) noexcept;

  // The longest of the last eight stalls that ended after `began`; zero when there was none.
  Clock::duration longest_since(TimePoint began) const noexcept;

 private:
  struct Stall {
    TimePoint ended;
    Clock::duration length{};
  };

  bool expecting_ = false;
  TimePoint due_;
  std::array<Stall, 8> stalls_;
  std::size_t next_ = 0;
};

}  // namespace hotswapd
