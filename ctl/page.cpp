#include "ctl/page.hpp"

#include <algorithm>

namespace hotswapd::ctl {
namespace {

constexpr std::size_t label_width = 16;

const char* escape(Ink ink) {
  switch (ink) {
    case Ink::good:
      return "\x1b[32m";
    case Ink::warning:
      return "\x1b[33m";
    case Ink::bad:
      return "\x1b[1;31m";
    case Ink::dim:
      return "\x1b[2m";
    case Ink::bold:
      return "\x1b[1m";
    case Ink::plain:
      break;
  }
  return "";
}

}  // namespace

Ink ink_of(std::string_view word) {
  if (word == "ok" || word == "up" || word == "pass" || word == "proved") return Ink::good;
  if (word == "failover" || word == "down" || word == "fail" || word == "failed") return Ink::bad;
  if (word.empty()) return Ink::plain;
  return Ink::warning;
}

std::size_t columns(std::string_view text) {
  std::size_t count = 0;
  bool in_escape = false;
  for (const char c : text) {
    if (in_escape) {
      in_escape = c != 'm';
    } else if (c == '\x1b') {
      in_escape = true;
    } else if ((static_cast<unsigned char>(c) & 0xc0u) != 0x80u) {
      ++count;
    }
  }
  return count;
}

std::string padded(std::string_view text, std::size_t width) {
  std::string out(text);
  const std::size_t have = columns(text);
  if (have < width) out.append(width - have, ' ');
  return out;
}

std::vector<std::string> wrap(std::string_view text, std::size_t width) {
  std::vector<std::string> lines(1);
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    std::string& last = lines.back();
    if (last.empty()) {
      last = word;
    } else if (columns(last) + 1 + columns(word) <= width) {
      last.append(" ").append(word);
    } else {
      lines.emplace_back(word);
    }
  }
  return lines;
}

std::string Page::painted(std::string_view text, Ink ink) const {
  if (!style_.colour || ink == Ink::plain || text.empty()) return std::string(text);
  return std::string(escape(ink)).append(text).append("\x1b[0m");
}

void Page::heading(std::string_view text) {
  if (!out_.empty()) line();
  line(painted(text, Ink::bold));
}

void Page::wrapped(std::string_view first, std::string_view text, Ink ink) {
  const std::size_t indent = columns(first);
  const std::size_t room = style_.width > indent + 20 ? style_.width - indent : 20;
  std::string before(first);
  for (const std::string& piece : wrap(text, room)) {
    line(before + painted(piece, ink));
    before.assign(indent, ' ');
  }
}

void Page::field(std::string_view label, std::string_view text, Ink ink) {
  if (!text.empty()) wrapped("  " + padded(label, label_width) + " ", text, ink);
}

}  // namespace hotswapd::ctl
