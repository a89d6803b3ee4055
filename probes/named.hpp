// A probe of a target that is given by a host name, whatever the protocol: the name is resolved
// first, within the same deadline.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>

#include "probes/prober.hpp"

namespace hotswapd {

// Makes the prober of one address: the target with its name replaced.
using AddressProber = std::function<std::unique_ptr<Prober>(const TargetSpec&)>;

// One verdict for the name: its addresses are tried in order (IPv4 before IPv6, ascending; those of
// a family for which this host has no route are left out, unless there is no other), at most four.
// An address that refuses the connection or cannot be reached gives way to the next; any other
// outcome is the target's. What `make` captures outlives the prober.
std::unique_ptr<Prober> make_named_prober(asio::io_context& context, const TargetSpec& target,
                                          AddressProber make);

}  // namespace hotswapd
