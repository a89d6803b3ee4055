// The daemon's own log: one line per change to stderr, written by a thread of its own, so that a
// full pipe or disk never stalls probing.
#pragma once

#include <memory>

#include "core/log.hpp"

namespace hotswapd {

// Lines are "2026-01-31T12:00:00.123Z warning HS1204 text"; under journald "<4>HS1204 text", since
// it keeps time and priority itself. When the reader is too slow the oldest lines give way.
std::unique_ptr<Logger> make_stderr_logger();

}  // namespace hotswapd
