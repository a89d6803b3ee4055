#include "core/base64.hpp"

#include <cstdint>

namespace hotswapd {
namespace {

constexpr std::string_view letters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool is_space(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

}  // namespace

std::optional<std::vector<std::byte>> decode_base64(std::string_view text) {
  std::vector<std::byte> out;
  out.reserve(text.size() / 4 * 3 + 3);
  std::uint32_t bits = 0;
  int have = 0;
  std::size_t count = 0;
  std::size_t padding = 0;
  for (const char c : text) {
    if (is_space(c)) continue;
    ++count;
    if (c == '=') {
      ++padding;
      continue;
    }
    const auto value = letters.find(c);
    if (value == std::string_view::npos || padding > 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    have += 6;
    if (have < 8) continue;
    have -= 8;
    out.push_back(static_cast<std::byte>(bits >> have));
  }
  // Whole groups of four; what the padding stands for is 0 bits.
  const std::size_t wanted = have == 4 ? 2U : have == 2 ? 1U : 0U;
  const bool zero = (bits & ((1U << have) - 1U)) == 0;
  if (count % 4 != 0 || have == 6 || padding != wanted || !zero) return std::nullopt;
  return out;
}

}  // namespace hotswapd
