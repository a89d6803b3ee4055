#include "probes/route.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/ip/udp.hpp>
#include <cerrno>

namespace hotswapd {

bool has_route(const boost::asio::ip::address& address) noexcept {
  const boost::asio::ip::udp::endpoint endpoint(address, 53);
  const int fd =
      ::socket(endpoint.protocol().family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno != EAFNOSUPPORT;  // anything else is the probe's to tell
  // Of a datagram socket it only looks up the route: whatever the error, there is none that serves.
  const auto size = static_cast<socklen_t>(endpoint.size());
  const bool routed = ::connect(fd, endpoint.data(), size) == 0;
  ::close(fd);
  return routed;
}

}  // namespace hotswapd
