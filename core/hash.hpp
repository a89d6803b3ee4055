// A hash that is the same on every machine and in every version: what it names outlives the
// process.
#pragma once

#include <cstdint>
#include <string_view>

namespace hotswapd {

// FNV-1a, 64 bits. It tells things apart and guards nothing.
inline constexpr std::uint64_t fnv_start = 0xcbf29ce484222325u;
inline constexpr std::uint64_t fnv_prime = 0x100000001b3u;

// `hash`: of what comes before.
constexpr std::uint64_t fnv1a(std::string_view text, std::uint64_t hash = fnv_start) noexcept {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * fnv_prime;
  return hash;
}

// Every bit of what comes out depends on every bit of what goes in.
constexpr std::uint64_t mixed(std::uint64_t hash) noexcept {
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccdu;
  hash ^= hash >> 33;
  hash *= 0xc4ceb9fe1a85ec53u;
  hash ^= hash >> 33;
  return hash;
}

// FNV's high bits are weak on short keys that differ in their last letter.
constexpr std::uint64_t stable_hash(std::string_view key) noexcept {
  return mixed(fnv1a(key));
}

}  // namespace hotswapd
