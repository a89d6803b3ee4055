#include "dns/txt_text.hpp"

namespace hotswapd {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// After a backslash: \DDD or the next byte as it is. False: nothing there.
bool take_escape(std::string_view text, std::size_t& at, std::string& out) {
  if (at >= text.size()) return false;
  if (!is_digit(text[at])) {
    out += text[at++];
    return true;
  }
  if (at + 3 > text.size() || !is_digit(text[at + 1]) || !is_digit(text[at + 2])) return false;
  const int value = (text[at] - '0') * 100 + (text[at + 1] - '0') * 10 + (text[at + 2] - '0');
  if (value > 255) return false;
  out += static_cast<char>(value);
  at += 3;
  return true;
}

}  // namespace

std::string txt_text(std::string_view value) {
  std::string out = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte > 0x7e) {
      const auto digits = std::to_string(1000 + byte);
      out += "\\" + digits.substr(1);
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out + "\"";
}

std::optional<std::vector<std::string>> parse_txt(std::string_view text) {
  std::vector<std::string> out;
  std::size_t at = 0;
  for (;;) {
    while (at < text.size() && text[at] == ' ') ++at;
    if (at == text.size()) break;
    const bool quoted = text[at] == '"';
    if (quoted) ++at;
    std::string one;
    for (;;) {
      if (at == text.size()) {
        if (quoted) return std::nullopt;
        break;
      }
      const char c = text[at];
      if (quoted ? c == '"' : c == ' ') break;
      ++at;
      if (c == '\\') {
        if (!take_escape(text, at, one)) return std::nullopt;
      } else {
        one += c;
      }
    }
    if (quoted) ++at;
    out.push_back(std::move(one));
  }
  if (out.empty()) return std::nullopt;
  return out;
}

}  // namespace hotswapd
