// Response rate limit: how many UDP answers a network of sources gets in a second, in a table that
// cannot grow.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "net/endpoint.hpp"

namespace hotswapd {

struct RateLimits {
  std::uint32_t loopback = 0;  // answers per second to each /24 or /56; 0 = no limit
  std::uint32_t others = 200;
};

// Pure: the caller says what second it is. One per worker, so nothing is shared.
class RateLimiter {
 public:
  enum class Verdict : std::uint8_t { answer, slip, drop };

  RateLimiter(RateLimits limits, std::uint64_t seed);

  // True when nothing has to be asked for this source.
  bool exempt(const DnsEndpoint& source) const noexcept { return limit_for(source) == 0; }
  // Counts one answer. Above the limit every second one goes out truncated: a real resolver then
  // comes by TCP.
  Verdict admit(const DnsEndpoint& source, std::uint64_t second) noexcept;

  static constexpr std::size_t sets = 4096, ways = 4;

 private:
  struct Slot {
    std::uint64_t prefix = 0;  // hashed, never 0 when used
    std::uint64_t second = 0;
    std::uint32_t answers = 0;
  };
  std::uint32_t limit_for(const DnsEndpoint& source) const noexcept {
    return source.is_loopback() ? limits_.loopback : limits_.others;
  }

  RateLimits limits_;
  std::uint64_t seed_;
  std::vector<std::array<Slot, ways>> table_;
};

}  // namespace hotswapd
