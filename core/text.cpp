#include "core/text.hpp"

#include <algorithm>
#include <cstdint>

namespace hotswapd {
namespace {

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t bytes = 0;  // 0: not valid UTF-8
};

CodePoint decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1};
  std::size_t length = 0;
  std::uint32_t value = 0;
  std::uint32_t least = 0;
  if (first >= 0xc2 && first < 0xe0) {
    length = 2, value = first & 0x1fu, least = 0x80;
  } else if (first >= 0xe0 && first < 0xf0) {
    length = 3, value = first & 0x0fu, least = 0x800;
  } else if (first >= 0xf0 && first < 0xf5) {
    length = 4, value = first & 0x07u, least = 0x10000;
  } else {
    return {};
  }
  if (text.size() < length) return {};
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0u) != 0x80u) return {};
    value = (value << 6) | (byte(i) & 0x3fu);
  }
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < least || value > 0x10ffff || surrogate) return {};
  return {value, length};
}

// Controls, and the format characters that reorder or hide text (Unicode categories Cc and the Cf
// ones that lie).
bool harmful(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0xad || c == 0x61c || c == 0x180e ||
         (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
         (c >= 0xe0000 && c <= 0xe0fff);
}

void append_escaped(std::string& out, std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  for (const char c : bytes) {
    const auto b = static_cast<unsigned char>(c);
    out += "\\x";
    out += digits[b >> 4];
    out += digits[b & 0x0f];
  }
}

}  // namespace

std::string clean(std::string_view text, std::size_t limit) {
  static constexpr std::string_view ellipsis = "...";
  std::string out;
  std::size_t room_for_ellipsis = 0;  // the longest prefix after which "..." still fits
  while (!text.empty()) {
    const CodePoint point = decode(text);
    const std::size_t take = point.bytes == 0 ? 1 : point.bytes;
    std::string piece;
    if (point.bytes == 0 || harmful(point.value)) {
      append_escaped(piece, text.substr(0, take));
    } else {
      piece = text.substr(0, take);
    }
    if (out.size() + piece.size() > limit) {
      out.resize(room_for_ellipsis);
      if (limit >= ellipsis.size()) out += ellipsis;
      return out;
    }
    out += piece;
    if (out.size() + ellipsis.size() <= limit) room_for_ellipsis = out.size();
    text.remove_prefix(take);
  }
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return lower(c); });
  return out;
}

bool iequals(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace hotswapd
