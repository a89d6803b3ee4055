// HMAC over pieces of memory, with keys that wipe themselves. Nothing here prints or copies a key.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <vector>

namespace hotswapd {

enum class MacAlgorithm : std::uint8_t {
  hmac_sha1,
  hmac_sha224,
  hmac_sha256,
  hmac_sha384,
  hmac_sha512
};

std::size_t mac_size(MacAlgorithm algorithm) noexcept;  // of the whole, untruncated MAC

// The bytes of a shared secret.
class MacKey {
 public:
  MacKey() = default;
  explicit MacKey(std::vector<std::byte> bytes) noexcept : bytes_(std::move(bytes)) {}
  MacKey(const MacKey&) = default;
  MacKey(MacKey&& other) noexcept;
  MacKey& operator=(const MacKey& other);
  MacKey& operator=(MacKey&& other) noexcept;
  ~MacKey();

  std::span<const std::byte> bytes() const noexcept { return bytes_; }
  bool operator==(const MacKey& other) const noexcept;

 private:
  void wipe() noexcept;
  std::vector<std::byte> bytes_;
};

struct Mac {
  std::array<std::byte, 64> bytes{};
  std::size_t size = 0;
  std::span<const std::byte> view() const noexcept { return {bytes.data(), size}; }
};

using Pieces = std::initializer_list<std::span<const std::byte>>;

// Of the pieces one after the other. nullopt: libcrypto refuses (an algorithm its policy forbids).
std::optional<Mac> hmac(MacAlgorithm algorithm, const MacKey& key, Pieces pieces) noexcept;

// Takes the same time wherever two values of one length differ.
bool equal_in_constant_time(std::span<const std::byte> a, std::span<const std::byte> b) noexcept;

}  // namespace hotswapd
