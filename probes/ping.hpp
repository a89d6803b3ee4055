// The PING probe: one ICMP echo request per attempt, whose reply is a pass.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>

#include "probes/prober.hpp"

namespace hotswapd {

// `target.address` is an IPv4 or IPv6 address.
std::unique_ptr<Prober> make_ping_prober(asio::io_context& context, const TargetSpec& target);

}  // namespace hotswapd
