// The SMTP probe: a server that greets with 220 is up. It is left with a QUIT, whose answer decides
// nothing.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>

#include "probes/prober.hpp"

namespace hotswapd {

// `target.address` is an IPv4 or IPv6 address.
std::unique_ptr<Prober> make_smtp_prober(asio::io_context& context, const TargetSpec& target);

}  // namespace hotswapd
