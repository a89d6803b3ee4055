// Domain names in wire form: bounded by construction, compared blind to ASCII case, never
// allocating.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace hotswapd::wire {

inline constexpr std::size_t max_name = 255;  // RFC 1035 2.3.4, the root label counted
inline constexpr std::size_t max_label = 63;
inline constexpr std::size_t max_labels = 127;  // without the root label

// Length bytes are <= 63 and therefore untouched: a whole wire name may be lowered byte by byte.
constexpr std::uint8_t lower_byte(std::uint8_t byte) noexcept {
  return byte >= 'A' && byte <= 'Z' ? static_cast<std::uint8_t>(byte | 0x20) : byte;
}

// An absolute name, uncompressed, in the case it was given.
class Name {
 public:
  Name() noexcept { bytes_[0] = 0; }  // the root

  // Text as people write it, with or without final dot, with \X and \DDD escapes; "." is the root.
  // nullopt: an empty or overlong label, an overlong name, a broken escape.
  static std::optional<Name> from_text(std::string_view text);

  // Adds a label before the root; false when it would break a limit (the name is then unchanged).
  bool append(std::span<const std::uint8_t> label) noexcept;

  std::span<const std::uint8_t> wire() const noexcept { return {bytes_.data(), size_}; }
  std::size_t size() const noexcept { return size_; }
  bool is_root() const noexcept { return size_ == 1; }

  std::string text() const;  // without final dot (the root is "."), escaped where needed
  Name lowered() const noexcept;
  std::optional<Name> parent() const noexcept;     // nullopt for the root
  bool is_under(const Name& zone) const noexcept;  // at or below

  friend bool operator==(const Name& a, const Name& b) noexcept;

 private:
  std::array<std::uint8_t, max_name> bytes_;
  std::uint8_t size_ = 1;
};

// The name with the case of its letters set by `bits` (0x20, draft-vixie-dnsext-dns0x20); 32 bytes
// reach for 255.
Name with_case(const Name& name, std::span<const std::uint8_t, 32> bits);

// A name taken apart for looking it up: in lower case, with the hash of each of its suffixes from
// one pass.
struct LookupName {
  // Takes the name at the front of `in`; false when it is cut, compressed or breaks a limit.
  bool parse(std::span<const std::byte> in) noexcept;
  void assign(std::span<const std::uint8_t> wire_name) noexcept;  // a valid, uncompressed name

  std::span<const std::uint8_t> suffix(std::size_t label) const noexcept {
    return {bytes.data() + start[label], static_cast<std::size_t>(size - start[label])};
  }

  std::array<std::uint8_t, max_name> bytes;  // left unset beyond `size`
  std::array<std::uint8_t, max_labels + 1>
      start;  // where label i begins; start[labels] is the root
  std::array<std::uint64_t, max_labels + 1> hash;  // of the suffix that begins with label i
  std::size_t size = 0;
  std::size_t labels = 0;

 private:
  void hash_suffixes() noexcept;
};

// The same hash as LookupName::hash[0]; `lower_wire` is in lower case.
std::uint64_t hash_name(std::span<const std::uint8_t> lower_wire) noexcept;

}  // namespace hotswapd::wire
