#include "monitor/stall_watch.hpp"

#include <algorithm>

namespace hotswapd {
namespace {

// Shorter pauses are every busy machine's.
constexpr Clock::duration stall_from = Millis(250);

}  // namespace

void StallWatch::expect(TimePoint due) noexcept {
  expecting_ = true;
  due_ = due;
}

bool StallWatch::woke(TimePoint now) noexcept {
  const bool stalled = ran(now);
  expecting_ = false;
  return stalled;
}

bool StallWatch::ran(TimePoint now) noexcept {
  if (!expecting_ || now - due_ < stall_from) return false;
  stalls_[next_++ % stalls_.size()] = {now, now - due_};
  due_ = now;  // told once
  return true;
}

Clock::duration StallWatch::longest_since(TimePoint began) const noexcept {
  Clock::duration longest{};
  for (const auto& stall : stalls_) {
    if (stall.ended > began) longest = std::max(longest, stall.length);
  }
  return longest;
}

}  // namespace hotswapd
