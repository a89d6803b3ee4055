// What the kernel's routing table says of a target.
#pragma once

#include <boost/asio/ip/address.hpp>

namespace hotswapd {

// Whether packets to it would leave this host, or stay in it; sends nothing. True where the kernel
// cannot be asked.
bool has_route(const boost::asio::ip::address& address) noexcept;

}  // namespace hotswapd
