// Pure: the text of one value -> what it means, or what is wrong with it. Every kind of scalar in
// the file is here.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "config/key_table.hpp"

namespace hotswapd::config {

// A value of any scalar kind. Which members mean something depends on the kind.
struct Scalar {
  std::string text;  // canonical text: lower-case names, canonical addresses
  std::int64_t number =
      0;  // integer, milliseconds, index of the word, port, prefix, first status, flag 0 or 1
  std::int64_t second = 0;  // last status; weekly: see below
  std::int64_t third = 0;   // weekly: number days as bits, second and third minutes of the day
};

// True and `out`, or false and `problem`: what is wrong and what would be right, without the value
// itself.
bool parse_scalar(const Type& type, std::string_view text, Scalar& out, std::string& problem);

// Every spelling of a flag: true, True, TRUE, yes, on, Y, false ...
std::span<const std::pair<std::string_view, bool>> flag_words();

// "10s", "1m30s": the shortest spelling with the units of the file.
std::string duration_text(std::int64_t milliseconds);

// Lower case without final dot; false when it is no host name of labels with 1 - 63 letters,
// digits, - and _.
bool canonical_name(std::string_view text, std::string& out);

// What an address is that no client could ever reach ("a multicast address"); nullptr: one that may
// be published.
const char* never_reachable(std::string_view address) noexcept;

// `name` lies in `zone` (or is its apex); both canonical.
bool inside(std::string_view name, std::string_view zone) noexcept;

}  // namespace hotswapd::config
