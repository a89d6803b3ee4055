// Response rate limit over networks of sources.
#include "dns/rate_limiter.hpp"

#include <cstring>

namespace hotswapd {

RateLimiter::RateLimiter(RateLimits limits, std::uint64_t seed)
    : limits_(limits), seed_(seed), table_(sets) {}

RateLimiter::Verdict RateLimiter::admit(const DnsEndpoint& source, std::uint64_t second) noexcept {
  const std::uint32_t limit = limit_for(source);
  if (limit == 0) return Verdict::answer;
  std::uint64_t prefix = 0;
  std::memcpy(&prefix, source.address.data(), source.v6 ? 7 : 3);
  // The seed keeps outsiders from choosing networks that fall into one set.
  prefix = (prefix ^ (source.v6 ? 0xff00000000000000ULL : 0)) + seed_;
  prefix = (prefix ^ (prefix >> 31)) * 0x9e3779b97f4a7c15ULL;
  prefix = (prefix ^ (prefix >> 29)) * 0xbf58476d1ce4e5b9ULL;
  prefix = (prefix ^ (prefix >> 32)) | 1;

  auto& set = table_[(prefix >> 40) % sets];
  Slot* slot = &set[0];
  for (auto& way : set) {
    if (way.prefix == prefix) {
      slot = &way;
      break;
    }
    // Give way: the one that was quiet for longest, then the one that asked least.
    if (way.second < slot->second || (way.second == slot->second && way.answers < slot->answers))
      slot = &way;
  }
  if (slot->prefix != prefix || slot->second != second) *slot = {prefix, second, 0};
  if (slot->answers < limit) {
    ++slot->answers;
    return Verdict::answer;
  }
  if (slot->answers < UINT32_MAX) ++slot->answers;
  return (slot->answers - limit) % 2 == 0 ? Verdict::slip : Verdict::drop;
}

}  // namespace hotswapd
