// An ICMP socket to ping from: the least privileged one that this host allows, filtered to what is
// ours.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "probes/finding.hpp"
#include "probes/icmp_message.hpp"

namespace hotswapd {

struct PingSocket {
  int fd = -1;  // non-blocking; the caller's
  bool raw = false;
  std::uint16_t id = 0;  // of every request that leaves by it
};

// A datagram socket where net.ipv4.ping_group_range lets us: the kernel gives it nothing but its
// own replies, and their errors through the error queue. Else a raw one where CAP_NET_RAW does,
// which lets through the replies and errors to its id alone. Else the finding says what would help.
std::optional<Finding> open_ping_socket(IpFamily family, PingSocket& socket);

// What would keep this process from pinging now; nothing when it can.
std::optional<std::string> ping_trouble(IpFamily family);

}  // namespace hotswapd
