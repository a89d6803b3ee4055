// The CA bundles that a configuration's probes and providers need, read before they need them.
#pragma once

#include <string>

#include "config/diagnostic.hpp"
#include "config/schema.hpp"
#include "net/tls_contexts.hpp"

namespace hotswapd {

// Any thread but a loop's: it waits a second for each file, and five for all, before it goes on
// without those on a mount that hangs. A warning for each of them, and for each file that cannot be
// read or holds no certificate: the probes that need it are inconclusive, the providers cannot be
// called, or both go on with what was read before.
Diagnostics read_trust(TlsContexts& contexts, const Config& config, const std::string& config_file);

}  // namespace hotswapd
