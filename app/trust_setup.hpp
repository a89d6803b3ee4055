// The CA bundles that a configuration's probes need, read before they need them.
#pragma once

#include <string>
#include <vector>

#include "config/diagnostic.hpp"
#include "core/service_spec.hpp"
#include "core/shared.hpp"
#include "net/tls_contexts.hpp"

namespace hotswapd {

// Any thread; not a probe loop's, which has no 20 ms to spare for the system's bundle. A warning
// for each file that cannot be read or holds no certificate: the probes that need it are
// inconclusive, or go on with what was read before.
Diagnostics read_trust(TlsContexts& contexts, const std::vector<Shared<ServiceSpec>>& services,
                       const std::string& config_file);

}  // namespace hotswapd
