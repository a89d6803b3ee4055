// Base64 (RFC 4648 4) as key files carry it: white space between the letters is nothing, everything
// else is an error.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace hotswapd {

// nullopt: another letter, padding that does not fit, bits left over. The memory was reserved
// before the first byte, so no copy of a secret stays behind.
std::optional<std::vector<std::byte>> decode_base64(std::string_view text);

}  // namespace hotswapd
