// Makes the prober of a target, whatever its protocol.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>

#include "net/tls_contexts.hpp"
#include "probes/prober.hpp"

namespace hotswapd {

// Never null, never throws: what cannot be probed gets a prober that is always inconclusive, class
// local, and says why. Called on the thread of `context`; `contexts` outlives the prober.
std::unique_ptr<Prober> make_prober(asio::io_context& context, const TargetSpec& target,
                                    TlsContexts& contexts);

}  // namespace hotswapd
