#include "probes/ping_socket.hpp"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iterator>

namespace hotswapd {
namespace {

constexpr int wanted_buffer = 4 * 1024 * 1024;  // the kernel cuts it down to what it allows

void set(int fd, int level, int option, int value) noexcept {
  ::setsockopt(fd, level, option, &value, sizeof value);
}

// A raw socket sees every ICMP message of this host: these programs let through the replies to our
// id, and the errors that quote a request with it. The kernel drops the rest before it wakes us.
// Raw IPv4 sockets begin with the IP header; a load beyond the end drops the message.
// An errno, or 0.
int filter_ipv4(int fd, std::uint16_t id) noexcept {
  icmp_filter types{};
  types.data = ~((1u << ICMP_ECHOREPLY) | (1u << ICMP_DEST_UNREACH) | (1u << ICMP_TIME_EXCEEDED) |
                 (1u << ICMP_PARAMETERPROB));
  ::setsockopt(fd, SOL_RAW, ICMP_FILTER, &types, sizeof types);
  sock_filter code[] = {
      BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),                     // X = size of the IP header
      BPF_STMT(BPF_LD | BPF_B | BPF_IND, 0),                      // A = type
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMP_ECHOREPLY, 0, 2),  // else: the quoted request
      BPF_STMT(BPF_LD | BPF_H | BPF_IND, 4),                      // A = id
      BPF_JUMP(BPF_JMP | BPF_JA, 6, 0, 0),
      BPF_STMT(BPF_LD | BPF_B | BPF_IND, 8),  // A = first byte of the quoted IP header
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 15),
      BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 2),
      BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
      BPF_STMT(BPF_MISC | BPF_TAX, 0),         // X += size of the quoted header
      BPF_STMT(BPF_LD | BPF_H | BPF_IND, 12),  // A = quoted id
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, id, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0xffff),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  const sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
  const bool set_up = ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
  return set_up ? 0 : errno;
}

int filter_ipv6(int fd, std::uint16_t id) noexcept {
  icmp6_filter types{};
  std::memset(&types, 0xff, sizeof types);  // blocks all
  for (const unsigned type : {ICMPV6_ECHO_REPLY, ICMPV6_DEST_UNREACH, ICMPV6_PKT_TOOBIG,
                              ICMPV6_TIME_EXCEED, ICMPV6_PARAMPROB}) {
    types.data[type >> 5] &= ~(1u << (type & 31));
  }
  ::setsockopt(fd, SOL_ICMPV6, ICMPV6_FILTER, &types, sizeof types);
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMPV6_ECHO_REPLY, 0, 2),
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 4),
      BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 8 + 40 + 4),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, id, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0xffff),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  const sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
  const bool set_up = ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
  return set_up ? 0 : errno;
}

// The kernel chooses the id of a datagram socket. An errno, or 0.
int bind_datagram(IpFamily family, PingSocket& socket) noexcept {
  const bool v4 = family == IpFamily::v4;
  sockaddr_in6 own{};
  socklen_t size = v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  own.sin6_family = v4 ? AF_INET : AF_INET6;
  auto* const address = reinterpret_cast<sockaddr*>(&own);
  if (::bind(socket.fd, address, size) != 0 || ::getsockname(socket.fd, address, &size) != 0)
    return errno;
  socket.id = ntohs(own.sin6_port);  // stands where sin_port does
  if (v4) {
    set(socket.fd, SOL_IP, IP_RECVERR, 1);
  } else {
    set(socket.fd, SOL_IPV6, IPV6_RECVERR, 1);
  }
  return 0;
}

int filter_raw(IpFamily family, PingSocket& socket) noexcept {
  if (::getrandom(&socket.id, sizeof socket.id, 0) != sizeof socket.id) return EAGAIN;
  return family == IpFamily::v4 ? filter_ipv4(socket.fd, socket.id)
                                : filter_ipv6(socket.fd, socket.id);
}

}  // namespace

std::optional<Finding> open_ping_socket(IpFamily family, PingSocket& opened) {
  const bool v4 = family == IpFamily::v4;
  const int domain = v4 ? AF_INET : AF_INET6;
  const int protocol = v4 ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6};
  constexpr int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
  opened.raw = false;
  opened.fd = ::socket(domain, SOCK_DGRAM | flags, protocol);
  if (opened.fd < 0) {
    if (errno == EMFILE || errno == ENFILE || errno == EAFNOSUPPORT)
      return send_failure(errno, "ping");
    opened.raw = true;
    opened.fd = ::socket(domain, SOCK_RAW | flags, protocol);
  }
  if (opened.fd < 0) {
    if (errno != EPERM && errno != EACCES) return send_failure(errno, "ping");
    return inconclusive(
        "this process may not ping: give it CAP_NET_RAW, or put its group into the sysctl "
        "net.ipv4.ping_group_range");
  }
  const int error = opened.raw ? filter_raw(family, opened) : bind_datagram(family, opened);
  if (error != 0) {
    ::close(opened.fd);
    return send_failure(error, "ping");
  }
  // Spares the kernel the choice of an IP identification for each request: that is for fragments.
  if (v4) set(opened.fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
  set(opened.fd, SOL_SOCKET, SO_RCVBUF, wanted_buffer);
  set(opened.fd, SOL_SOCKET, SO_SNDBUF, wanted_buffer);
  return std::nullopt;
}

std::optional<std::string> ping_trouble(IpFamily family) {
  PingSocket socket;
  if (auto finding = open_ping_socket(family, socket)) return std::move(finding->reason);
  ::close(socket.fd);
  return std::nullopt;
}

}  // namespace hotswapd
