// The keys of one `monitor`, read by themselves: for a probe that is asked for by hand.
#pragma once

#include <optional>
#include <string>

#include "config/diagnostic.hpp"
#include "core/service_spec.hpp"

namespace hotswapd {

struct MonitorResult {
  std::optional<MonitorSpec> monitor;  // absent exactly when there is an error
  Diagnostics diagnostics;             // their paths begin at the monitor: "port", "tls.ca_file"
};

// `text` is YAML or JSON, a mapping of the keys of `monitor` with the meaning and the defaults that
// they have in the configuration. Opens no file.
MonitorResult load_monitor(std::string text);

}  // namespace hotswapd
