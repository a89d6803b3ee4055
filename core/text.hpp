// Text from outside (banners, reasons, names in certificates, provider errors) made fit for a log,
// a page or a mail.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hotswapd {

// Valid UTF-8 without C0, C1, DEL, bidirectional and zero-width controls; whatever is not becomes
// \xNN. At most `limit` bytes; what was cut ends in "...". Never fails.
std::string clean(std::string_view text, std::size_t limit = 256);

// ASCII only, as DNS names compare (RFC 4343); locale plays no part.
std::string lower(std::string_view text);
bool iequals(std::string_view a, std::string_view b) noexcept;

}  // namespace hotswapd
