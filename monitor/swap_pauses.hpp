// How long is waited between the steps of a swap.
#pragma once

#include <random>

#include "core/time.hpp"

namespace hotswapd {

// Between two tries of what a provider refused: never less.
inline constexpr Millis refused_pause{60'000};

inline int random_percent(int from, int to) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  return std::uniform_int_distribution<int>(from, to)(random);
}

// +-20 %, so that services that failed together do not come back together.
inline Millis jittered(Millis base) {
  return base * random_percent(80, 120) / 100;
}

// Up to 20 % more, and never less.
inline Millis jittered_up(Millis base) {
  return base * random_percent(100, 120) / 100;
}

}  // namespace hotswapd
