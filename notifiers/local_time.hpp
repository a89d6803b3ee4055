// How far the machine's local time is from UTC, for formats that stamp in local time.
#pragma once

#include <chrono>

#include "core/time.hpp"

namespace hotswapd {

// At that moment, daylight saving included. Reads the time zone as libc does (TZ, /etc/localtime).
// Any thread.
std::chrono::seconds local_utc_offset(WallTime at);

}  // namespace hotswapd
