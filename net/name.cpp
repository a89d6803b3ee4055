// Domain names: text form, comparison and the hashes of their suffixes.
#include "net/name.hpp"

#include <algorithm>
#include <cstring>

namespace hotswapd::wire {
namespace {

// FNV-1a taken from the last byte to the first, so that one pass yields the hash of every suffix;
// then mixed, because the tree takes its branches from the top bits.
constexpr std::uint64_t fnv_offset = 0xcbf29ce484222325ULL;
constexpr std::uint64_t fnv_prime = 0x100000001b3ULL;

constexpr std::uint64_t mix(std::uint64_t h) noexcept {
  h ^= h >> 32;
  h *= 0x9e3779b97f4a7c15ULL;
  return h ^ (h >> 29);
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Takes one character of presentation text, escapes resolved; false when the escape is broken.
bool take(std::string_view text, std::size_t& at, std::uint8_t& out) {
  if (text[at] != '\\') {
    out = static_cast<std::uint8_t>(text[at++]);
    return true;
  }
  if (at + 1 >= text.size()) return false;
  if (!is_digit(text[at + 1])) {
    out = static_cast<std::uint8_t>(text[at + 1]);
    at += 2;
    return true;
  }
  if (at + 3 >= text.size() || !is_digit(text[at + 2]) || !is_digit(text[at + 3])) return false;
  const int value = (text[at + 1] - '0') * 100 + (text[at + 2] - '0') * 10 + (text[at + 3] - '0');
  if (value > 255) return false;
  out = static_cast<std::uint8_t>(value);
  at += 4;
  return true;
}

}  // namespace

std::optional<Name> Name::from_text(std::string_view text) {
  Name name;
  if (text == ".") return name;
  if (text.empty()) return std::nullopt;
  std::array<std::uint8_t, max_label> label;
  std::size_t length = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '.') {
      if (!name.append({label.data(), length})) return std::nullopt;
      length = 0;
      ++at;
      continue;
    }
    if (length == max_label) return std::nullopt;
    if (!take(text, at, label[length])) return std::nullopt;
    ++length;
  }
  if (length > 0 && !name.append({label.data(), length})) return std::nullopt;
  return name;
}

bool Name::append(std::span<const std::uint8_t> label) noexcept {
  if (label.empty() || label.size() > max_label) return false;
  if (size_ + label.size() + 1 > max_name) return false;
  bytes_[size_ - 1U] = static_cast<std::uint8_t>(label.size());
  std::memcpy(&bytes_[size_], label.data(), label.size());
  size_ = static_cast<std::uint8_t>(size_ + label.size() + 1);
  bytes_[size_ - 1U] = 0;
  return true;
}

std::string Name::text() const {
  if (is_root()) return ".";
  std::string out;
  out.reserve(size_);
  for (std::size_t at = 0; bytes_[at] != 0; at += bytes_[at] + 1U) {
    if (at != 0) out += '.';
    for (std::size_t i = 1; i <= bytes_[at]; ++i) {
      const std::uint8_t byte = bytes_[at + i];
      if (byte == '.' || byte == '\\') {
        out += '\\';
        out += static_cast<char>(byte);
      } else if (byte > 0x20 && byte < 0x7f) {
        out += static_cast<char>(byte);
      } else {
        out += '\\';
        out += static_cast<char>('0' + byte / 100);
        out += static_cast<char>('0' + byte / 10 % 10);
        out += static_cast<char>('0' + byte % 10);
      }
    }
  }
  return out;
}

Name Name::lowered() const noexcept {
  Name name = *this;
  std::transform(name.bytes_.begin(), name.bytes_.begin() + size_, name.bytes_.begin(), lower_byte);
  return name;
}

std::optional<Name> Name::parent() const noexcept {
  if (is_root()) return std::nullopt;
  Name name;
  name.size_ = static_cast<std::uint8_t>(size_ - bytes_[0] - 1);
  std::memcpy(name.bytes_.data(), &bytes_[bytes_[0] + 1U], name.size_);
  return name;
}

bool Name::is_under(const Name& zone) const noexcept {
  std::size_t at = 0;
  while (size_ - at > zone.size_) at += bytes_[at] + 1U;
  if (size_ - at != zone.size_) return false;
  return std::equal(zone.bytes_.begin(), zone.bytes_.begin() + zone.size_, bytes_.begin() + at,
                    [](std::uint8_t a, std::uint8_t b) { return lower_byte(a) == lower_byte(b); });
}

bool operator==(const Name& a, const Name& b) noexcept {
  return a.size_ == b.size_ && a.is_under(b);
}

bool LookupName::parse(std::span<const std::byte> in) noexcept {
  size = 0;
  labels = 0;
  for (;;) {
    if (size >= in.size()) return false;
    const auto length = std::to_integer<std::uint8_t>(in[size]);
    if (length > max_label) return false;  // compression pointer, or label types 01 and 10
    if (size + length + (length == 0 ? 0 : 1) >= max_name) return false;
    if (size + length >= in.size()) return false;
    start[labels] = static_cast<std::uint8_t>(size);
    bytes[size++] = length;
    if (length == 0) break;
    ++labels;
    for (std::size_t i = 0; i < length; ++i, ++size) {
      bytes[size] = lower_byte(std::to_integer<std::uint8_t>(in[size]));
    }
  }
  hash_suffixes();
  return true;
}

void LookupName::assign(std::span<const std::uint8_t> wire_name) noexcept {
  size = 0;
  labels = 0;
  while (wire_name[size] != 0) {
    start[labels++] = static_cast<std::uint8_t>(size);
    size += wire_name[size] + 1U;
  }
  start[labels] = static_cast<std::uint8_t>(size++);
  std::transform(wire_name.begin(), wire_name.begin() + static_cast<std::ptrdiff_t>(size),
                 bytes.begin(), lower_byte);
  hash_suffixes();
}

void LookupName::hash_suffixes() noexcept {
  std::uint64_t h = fnv_offset;
  std::size_t at = size;
  for (std::size_t label = labels + 1; label-- > 0;) {
    while (at > start[label]) h = (h ^ bytes[--at]) * fnv_prime;
    hash[label] = mix(h);
  }
}

std::uint64_t hash_name(std::span<const std::uint8_t> lower_wire) noexcept {
  std::uint64_t h = fnv_offset;
  for (std::size_t at = lower_wire.size(); at-- > 0;) h = (h ^ lower_wire[at]) * fnv_prime;
  return mix(h);
}

Name with_case(const Name& name, std::span<const std::uint8_t, 32> bits) {
  Name out;
  const auto raw = name.wire();
  for (std::size_t at = 0; raw[at] != 0; at += raw[at] + 1U) {
    std::array<std::uint8_t, max_label> label{};
    for (std::size_t i = 0; i < raw[at]; ++i) {
      const std::size_t position = at + 1 + i;
      const std::uint8_t byte = lower_byte(raw[position]);
      const bool flip = byte >= 'a' && byte <= 'z' && (bits[position / 8] >> position % 8 & 1) != 0;
      label[i] = flip ? static_cast<std::uint8_t>(byte & ~0x20) : byte;
    }
    out.append({label.data(), raw[at]});
  }
  return out;
}

}  // namespace hotswapd::wire
