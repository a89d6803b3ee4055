// The HTTP and HTTPS probe: one request, judged as soon as the verdict is certain.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>

#include "net/tls_contexts.hpp"
#include "probes/prober.hpp"

namespace hotswapd {

// `target.address` is an IPv4 or IPv6 address. `contexts` outlives the prober.
std::unique_ptr<Prober> make_http_prober(asio::io_context& context, const TargetSpec& target,
                                         TlsContexts& contexts);

}  // namespace hotswapd
