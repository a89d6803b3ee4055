#include "core/kept_text.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace hotswapd {
namespace {

constexpr unsigned char long_one = 255;
constexpr std::size_t long_header = 1 + sizeof(std::uint32_t);

}  // namespace

KeptText::operator std::string_view() const noexcept {
  if (!bytes_) return {};
  const char* const bytes = bytes_.get();
  const auto size = static_cast<unsigned char>(*bytes);
  if (size != long_one) return {bytes + 1, size};
  std::uint32_t length = 0;
  std::memcpy(&length, bytes + 1, sizeof length);
  return {bytes + long_header, length};
}

KeptText::Bytes KeptText::kept(std::string_view text) {
  if (text.empty()) return nullptr;
  const bool fits = text.size() < long_one;
  const std::size_t header = fits ? 1 : long_header;
  // Without clearing it first.
  Bytes bytes(new char[header + text.size()]);
  bytes[0] = static_cast<char>(fits ? text.size() : long_one);
  if (!fits) {
    const auto length = static_cast<std::uint32_t>(text.size());
    std::memcpy(bytes.get() + 1, &length, sizeof length);
  }
  std::copy(text.begin(), text.end(), bytes.get() + header);
  return bytes;
}

}  // namespace hotswapd
