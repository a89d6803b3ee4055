// How often and how long after each other a call is tried. Pure: chance and time are arguments.
#pragma once

#include <algorithm>
#include <optional>

#include "core/time.hpp"

namespace hotswapd::aws {

inline constexpr int read_attempts = 5;
inline constexpr int write_attempts = 3;

// Before attempt `tried` + 1, `tried` from 0: a random part of 0.5 s, 1 s, 2 s, ... 20 s; what the
// server asks for where that is longer, up to 30 s. `chance` in [0, 1).
Millis backoff(int tried, double chance, std::optional<Seconds> asked);

// Retries are bought from what earlier successes left: where everything fails there are soon none,
// however many callers there are.
class RetryBudget {
 public:
  bool take() noexcept {
    if (tokens_ < cost) return false;
    tokens_ -= cost;
    return true;
  }
  void give_back() noexcept { tokens_ = std::min(full, tokens_ + cost); }  // the retry succeeded
  void earn() noexcept { tokens_ = std::min(full, tokens_ + 1); }          // so did a first try

 private:
  static constexpr int full = 500, cost = 5;
  int tokens_ = full;
};

// When temporary keys are renewed: begun 15 minutes before they end and insisted on 10 minutes
// before, or at two thirds and five sixths of a shorter life.
enum class Renewal : std::uint8_t { none, begin, insist };
Renewal renewal(WallTime got, WallTime expires, WallTime now);

}  // namespace hotswapd::aws
