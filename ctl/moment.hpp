// Times of the protocol (RFC 3339 in UTC) in the words of somebody who asks "how long ago?". Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/time.hpp"

namespace hotswapd::ctl {

// "2026-11-21T11:00:00Z", with or without a fraction of a second; nullopt for anything else.
std::optional<WallTime> parse_time(std::string_view text);

// Two units at most: "0s", "59s", "5m 12s", "2h 5m", "3d 4h".
std::string span(Millis length);

std::string age(std::string_view time, WallTime now);  // "5m 12s"; empty when it is no time
std::string moment(std::string_view time);  // "2026-11-21 11:00:00Z"; other text as it is
std::string moment(std::string_view time, WallTime now);  // "2026-11-21 11:00:00Z (5m 12s ago)"
std::string time_of_day(std::string_view time);           // "11:00:00.250Z"; other text as it is

// A configured length as the configuration writes it: "500ms", "5s", "1m".
std::string length_text(Millis length);

// Milliseconds as "0.4 ms", "350 ms", "10.2 s".
std::string milliseconds(double value);

}  // namespace hotswapd::ctl
