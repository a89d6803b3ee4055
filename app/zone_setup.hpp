// What the embedded DNS has to serve, from the configuration: its zones, and the names of its
// services. Pure.
#pragma once

#include <string>

#include "config/schema.hpp"
#include "dns/embedded_zones.hpp"

namespace hotswapd {

// `host_name` names the server where neither the zone nor `default_ns` does.
EmbeddedZones::Config embedded_content(const Config& config, const std::string& host_name);

}  // namespace hotswapd
