// Durations as operators write them: 500ms, 10s, 1m, 2h, 21d.
#pragma once

#include <optional>
#include <string_view>

#include "core/time.hpp"

namespace hotswapd::ctl {

// A whole number and a unit, above zero and at most ten years; nullopt for anything else.
std::optional<Millis> parse_duration(std::string_view text);

}  // namespace hotswapd::ctl
