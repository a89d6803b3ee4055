// The CA bundles that a configuration's probes need, read before they need them.
#pragma once

#include <string>
#include <vector>

#include "config/diagnostic.hpp"
#include "core/service_spec.hpp"
#include "core/shared.hpp"
#include "net/tls_contexts.hpp"

namespace hotswapd {

// Any thread but a probe loop's: it waits a second for each file, and five for all, before it goes
// on without those on a mount that hangs. A warning for each of them, and for each file that cannot
// be read or holds no certificate: the probes that need it are inconclusive, or go on with what was
// read before.
Diagnostics read_trust(TlsContexts& contexts, const std::vector<Shared<ServiceSpec>>& services,
                       const std::string& config_file);

}  // namespace hotswapd
