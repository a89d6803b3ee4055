// Wall-clock times as text: RFC 3339 in UTC.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/time.hpp"

namespace hotswapd {

std::string to_rfc3339(WallTime at);         // "2026-01-31T12:00:00Z", whole seconds
std::string to_rfc3339_millis(WallTime at);  // "2026-01-31T12:00:00.123Z"
// Takes both forms, and offsets ("+01:00"); nullopt when it is neither or no real date.
std::optional<WallTime> parse_rfc3339(std::string_view text);

}  // namespace hotswapd
