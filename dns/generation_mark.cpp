// The text of the generation record.
#include "dns/generation_mark.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "core/hash.hpp"
#include "core/swap_plan.hpp"

namespace hotswapd {
namespace {

constexpr std::size_t longest = 255;  // one character-string
constexpr std::size_t longest_field = 64;

// Short and stable: it tells one set from another.
std::string digest(const RecordSet& set) {
  auto values = set.values;
  std::sort(values.begin(), values.end());
  values.insert(values.begin(), to_string(set.type));
  std::uint64_t hash = fnv_start;
  for (const auto& value : values) hash = fnv1a(value + "\n", hash);
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (int shift = 60; shift >= 0; shift -= 4) out += digits[hash >> shift & 0xf];
  return out;
}

bool plain(std::string_view field) {
  return field.size() <= longest_field && std::all_of(field.begin(), field.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  c == '-' || c == '_' || c == '.';
         });
}

}  // namespace

std::string to_string(const GenerationMark& mark) {
  std::string out = "gen=" + std::to_string(mark.generation);
  if (!mark.op.empty()) out += ";id=" + mark.op;
  if (!mark.record.empty()) out += ";rec=" + mark.record;
  return out;
}

std::optional<GenerationMark> parse_generation_mark(std::string_view text) {
  if (text.size() > longest || !text.starts_with("gen=")) return std::nullopt;
  GenerationMark out;
  bool counted = false;
  while (!text.empty()) {
    const auto field = text.substr(0, text.find(';'));
    text.remove_prefix(std::min(text.size(), field.size() + 1));
    const auto equals = field.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const auto name = field.substr(0, equals);
    const auto value = field.substr(equals + 1);
    if (!plain(value)) return std::nullopt;
    if (name == "gen") {
      const auto [end, error] =
          std::from_chars(value.data(), value.data() + value.size(), out.generation);
      if (counted || error != std::errc() || end != value.data() + value.size() ||
          out.generation > highest_generation)
        return std::nullopt;
      counted = true;
    } else if (name == "id") {
      out.op = value;
    } else if (name == "rec") {
      out.record = value;
    }
  }
  return out;
}

GenerationMark mark_of(std::uint64_t generation, const std::string& op, const RecordSet& set) {
  return {generation, op, digest(set)};
}

bool tells_of(const GenerationMark& mark, const RecordSet& set) {
  return mark.record == digest(set);
}

std::optional<wire::Name> mark_name(const wire::Name& name) {
  return wire::Name::from_text(name.is_root() ? "_hotswap" : "_hotswap." + name.text());
}

}  // namespace hotswapd
