// What the embedded DNS has to serve, from the configuration: its zones, and the names of its
// services. Pure.
#pragma once

#include <string>
#include <vector>

#include "config/schema.hpp"
#include "dns/embedded_zones.hpp"

namespace hotswapd {

// `host_name` names the server where neither the zone nor `default_ns` does.
EmbeddedZones::Config embedded_content(const Config& config, const std::string& host_name);

// What is served, but not as anybody would want it: a name server inside its own zone without an
// address (it was named by the host's name, and we listen on wildcards).
std::vector<std::string> zone_warnings(const EmbeddedZones::Config& content);

}  // namespace hotswapd
