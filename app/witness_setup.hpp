// The witness of the configuration as monitor/ asks it. Pure.
#pragma once

#include <optional>

#include "config/schema.hpp"
#include "monitor/witness.hpp"

namespace hotswapd {

std::optional<WitnessSpec> witness_spec(const std::optional<WitnessConfig>& config);

}  // namespace hotswapd
