// How many calls a provider may get: never more than its rate in any second, however they come.
// Pure.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <deque>

#include "core/time.hpp"

namespace hotswapd {

class CallWindow {
 public:
  // Calls a second, whole ones; 0: no limit. Below one, so many in ten seconds: a lone swap has its
  // three at once.
  void limit(double rate) {
    const bool slow = rate > 0 && rate < 1;
    span_ = Millis(slow ? 10'000 : 1'000);
    const double most = std::floor(slow ? rate * 10 : rate);
    most_ = rate > 0 ? static_cast<std::size_t>(std::max(1.0, most)) : 0;
    if (most < 1 && rate > 0) span_ = Millis(static_cast<std::int64_t>(std::ceil(1000.0 / rate)));
  }

  // When the next call may go, `now` or later. `share`: only so much of the room is for this kind
  // of call, the rest stays for what is more urgent.
  TimePoint next(TimePoint now, double share = 1) const {
    if (most_ == 0) return now;
    const auto mine =
        std::max<std::size_t>(1, static_cast<std::size_t>(static_cast<double>(most_) * share));
    if (calls_.size() < mine) return now;
    return std::max(now, calls_[calls_.size() - mine] + span_);
  }

  void called(TimePoint now) {
    if (most_ == 0) return;
    calls_.push_back(now);
    while (calls_.size() > most_) calls_.pop_front();
  }

 private:
  std::size_t most_ = 0;
  Millis span_{1'000};
  std::deque<TimePoint> calls_;  // the newest, so many as one span may hold
};

}  // namespace hotswapd
