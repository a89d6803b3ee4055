// SHA-256 by libcrypto.
#include "net/sha256.hpp"

#include <openssl/sha.h>

namespace hotswapd {

Sha256 sha256(std::string_view data) noexcept {
  Sha256 out{};
  // The one-shot form works on the stack: it fetches nothing and cannot fail.
  ::SHA256(reinterpret_cast<const unsigned char*>(data.data()), data.size(),
           reinterpret_cast<unsigned char*>(out.data()));
  return out;
}

std::string to_hex(std::span<const std::byte> bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const auto byte : bytes) {
    out += digits[std::to_integer<unsigned>(byte) >> 4U];
    out += digits[std::to_integer<unsigned>(byte) & 15U];
  }
  return out;
}

}  // namespace hotswapd
