// The ICMP and ICMPv6 messages of a ping: the echo request, its reply, and the errors that quote
// it. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "probes/finding.hpp"

namespace hotswapd {

enum class IpFamily : std::uint8_t { v4, v6 };
using IpBytes = std::array<std::uint8_t, 16>;  // IPv4 in the first four, the others zero

// What tells one echo request from all others. The cookie is random and is known to nobody who did
// not see the request.
struct EchoTag {
  std::uint16_t id = 0;
  std::uint16_t sequence = 0;
  std::uint64_t cookie = 0;
};

// The header, the cookie, and filling up to what ping(8) sends.
using EchoRequest = std::array<std::uint8_t, 64>;
// The checksum of ICMPv6 is left to the kernel, which knows the addresses in it.
EchoRequest build_echo(IpFamily family, const EchoTag& tag) noexcept;

// What an ICMP error says of the way to the target.
enum class Obstacle : std::uint8_t {
  none,
  no_network,
  no_host,
  forbidden,
  refused,  // the host has no such protocol or port
  too_big,
  loop,  // time exceeded
  other
};
// By type and code of the message; `none` when it is no error.
Obstacle obstacle_of(IpFamily family, std::uint8_t type, std::uint8_t code) noexcept;

// A message that has arrived, as far as a ping is concerned.
struct IcmpNews {
  enum class Kind : std::uint8_t { other, reply, error };
  Kind kind = Kind::other;
  Obstacle obstacle = Obstacle::none;  // of an error
  std::uint16_t id = 0;
  std::uint16_t sequence = 0;
  std::optional<std::uint64_t> cookie;  // an error may quote too little
  std::optional<IpBytes> target;        // of the request that an error quotes
};

// Raw IPv4 sockets hand over the IP header (and unchecked checksums), all others do not.
enum class Framing : std::uint8_t { bare, ip_header };
IcmpNews read_icmp(IpFamily family, std::span<const std::uint8_t> bytes, Framing framing) noexcept;

// The echo request that an error of the kernel's error queue quotes, from its ICMP header on.
IcmpNews read_quoted(IpFamily family, std::span<const std::uint8_t> bytes, Obstacle obstacle,
                     const IpBytes& target) noexcept;

// Whether `news` is about the request `sent` to `target`, and how surely. A reply is known by id,
// sequence, cookie and source, or not at all. An error that quotes no cookie is `likely`: good for
// a reason, not for a verdict.
enum class Match : std::uint8_t { no, likely, sure };
Match match(const IcmpNews& news, const EchoTag& sent, const IpBytes& target,
            const IpBytes& source) noexcept;

// "host unreachable: 192.0.2.1 (said by 192.0.2.254)"
Finding obstacle_finding(Obstacle obstacle, std::string_view target, std::string_view said_by);

}  // namespace hotswapd
