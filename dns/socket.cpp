// The sockets that the DNS listeners are made of.
#include "dns/socket.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace hotswapd {
namespace {

Error failure(const char* what, const DnsEndpoint& at, int code) {
  std::string text =
      std::string("dns_listen ") + at.text() + " (" + what + "): " + std::strerror(code);
  switch (code) {
    case EADDRINUSE:
      text +=
          "; another program has this address and port (see \"ss -lnptu\"): stop it, or choose "
          "another port";
      break;
    case EACCES:
    case EPERM:
      text += "; ports below 1024 need CAP_NET_BIND_SERVICE (AmbientCapabilities= in the unit)";
      break;
    case EADDRNOTAVAIL:
      text += "; no interface of this host has that address";
      break;
    case EAFNOSUPPORT:
      text += "; this host has that kind of IP switched off";
      break;
    default:
      break;
  }
  return {code == EADDRINUSE || code == EMFILE || code == ENFILE ? errc::unavailable
                                                                 : errc::invalid_argument,
          std::move(text)};
}

bool set(const Descriptor& fd, int level, int option, int value) {
  return ::setsockopt(fd.get(), level, option, &value, sizeof(value)) == 0;
}

bool bind_to(const Descriptor& fd, const DnsEndpoint& at) {
  sockaddr_storage storage;
  const auto size = at.fill(storage);
  return ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size) == 0;
}

}  // namespace

Fallible<Descriptor> bind_udp(const DnsEndpoint& at, bool shared_by_workers) {
  Descriptor fd(::socket(at.v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return failure("UDP", at, errno);
  if (at.v6 && !set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) return failure("UDP", at, errno);
  if (shared_by_workers && !set(fd, SOL_SOCKET, SO_REUSEPORT, 1)) return failure("UDP", at, errno);
  // An answer goes out unfragmented or not at all, and no forged ICMP changes our mind about its
  // size.
  if (at.v6) {
    set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
  } else {
    set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
  }
  // Room for a burst; the kernel cuts it to what it allows.
  set(fd, SOL_SOCKET, SO_RCVBUF, 4 << 20);
  set(fd, SOL_SOCKET, SO_SNDBUF, 4 << 20);
  if (at.is_any()) {
    const bool ok =
        at.v6 ? set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) : set(fd, IPPROTO_IP, IP_PKTINFO, 1);
    if (!ok) return failure("UDP", at, errno);
  }
  if (!bind_to(fd, at)) return failure("UDP", at, errno);
  return fd;
}

Fallible<Descriptor> listen_tcp(const DnsEndpoint& at) {
  Descriptor fd(
      ::socket(at.v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return failure("TCP", at, errno);
  if (at.v6 && !set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) return failure("TCP", at, errno);
  if (!set(fd, SOL_SOCKET, SO_REUSEADDR, 1)) return failure("TCP", at, errno);
  set(fd, IPPROTO_TCP, TCP_NODELAY, 1);  // inherited by what is accepted
  if (!bind_to(fd, at)) return failure("TCP", at, errno);
  if (::listen(fd.get(), 128) != 0) return failure("TCP", at, errno);
  return fd;
}

DnsEndpoint local_endpoint(const Descriptor& socket) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&storage), &size);
  return DnsEndpoint::from(storage);
}

}  // namespace hotswapd
