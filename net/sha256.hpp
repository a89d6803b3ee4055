// SHA-256, and bytes as hexadecimal text.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace hotswapd {

using Sha256 = std::array<std::byte, 32>;

Sha256 sha256(std::string_view data) noexcept;

std::string to_hex(std::span<const std::byte> bytes);  // lower case

}  // namespace hotswapd
