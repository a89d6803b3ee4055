// How often and how long after each other a call is tried.
#include "aws/retry.hpp"

namespace hotswapd::aws {

Millis backoff(int tried, double chance, std::optional<Seconds> asked) {
  constexpr Millis first{500};
  constexpr Millis longest{20'000};
  constexpr Millis longest_asked{30'000};
  const auto doubled = tried < 6 ? first * (1 << std::max(tried, 0)) : longest;
  const auto room = static_cast<double>(std::min(doubled, longest).count());
  const Millis own(static_cast<Millis::rep>(room * chance));
  if (!asked) return own;
  return std::max(own, std::min<Millis>(*asked, longest_asked));
}

Renewal renewal(WallTime got, WallTime expires, WallTime now) {
  using std::chrono::minutes;
  const auto life = std::max<Millis>(expires - got, Millis(0));
  const auto left = expires - now;
  if (left <= std::min<Millis>(minutes(10), life / 6)) return Renewal::insist;
  if (left <= std::min<Millis>(minutes(15), life / 3)) return Renewal::begin;
  return Renewal::none;
}

}  // namespace hotswapd::aws
