#include "probes/icmp_message.hpp"

#include <algorithm>
#include <string>

namespace hotswapd {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t header_size = 8;
constexpr std::size_t cookie_size = 8;
constexpr std::size_t ipv6_header_size = 40;
constexpr std::uint8_t protocol_icmp = 1;
constexpr std::uint8_t protocol_icmpv6 = 58;

constexpr std::uint8_t echo_request(IpFamily family) noexcept {
  return family == IpFamily::v4 ? 8 : 128;
}

constexpr std::uint8_t echo_reply(IpFamily family) noexcept {
  return family == IpFamily::v4 ? 0 : 129;
}

std::uint16_t get16(Bytes bytes, std::size_t at) noexcept {
  return static_cast<std::uint16_t>((bytes[at] << 8) | bytes[at + 1]);
}

void put16(std::span<std::uint8_t> bytes, std::size_t at, std::uint16_t value) noexcept {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value);
}

std::uint64_t get64(Bytes bytes, std::size_t at) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value = (value << 8) | bytes[at + i];
  return value;
}

// RFC 1071. Over a message whose checksum is right it is zero.
std::uint16_t checksum(Bytes bytes) noexcept {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) sum += get16(bytes, i);
  if (bytes.size() % 2 != 0) sum += static_cast<std::uint32_t>(bytes.back()) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

IpBytes address_at(Bytes bytes, std::size_t at, std::size_t size) noexcept {
  IpBytes address{};
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), size, address.begin());
  return address;
}

// The IPv4 header's size when there is a whole, plausible one that carries ICMP; else 0.
std::size_t ipv4_header(Bytes bytes) noexcept {
  if (bytes.size() < 20 || bytes[0] >> 4 != 4 || bytes[9] != protocol_icmp) return 0;
  if ((get16(bytes, 6) & 0x1fff) != 0) return 0;  // a later fragment
  const std::size_t size = (bytes[0] & std::size_t{15}) * 4;
  return size < 20 || size > bytes.size() ? 0 : size;
}

void take_tag(IcmpNews& news, Bytes echo) noexcept {
  news.id = get16(echo, 4);
  news.sequence = get16(echo, 6);
  if (echo.size() >= header_size + cookie_size) news.cookie = get64(echo, header_size);
}

IcmpNews read_error(IpFamily family, Bytes quoted, Obstacle obstacle) noexcept {
  if (family == IpFamily::v4) {
    const std::size_t size = ipv4_header(quoted);
    if (size == 0) return {};
    return read_quoted(family, quoted.subspan(size), obstacle, address_at(quoted, 16, 4));
  }
  // Our requests have no extension headers.
  if (quoted.size() < ipv6_header_size || quoted[0] >> 4 != 6 || quoted[6] != protocol_icmpv6)
    return {};
  return read_quoted(family, quoted.subspan(ipv6_header_size), obstacle,
                     address_at(quoted, 24, 16));
}

const char* words(Obstacle obstacle) noexcept {
  switch (obstacle) {
    case Obstacle::no_network:
      return "network unreachable: ";
    case Obstacle::no_host:
      return "host unreachable: ";
    case Obstacle::forbidden:
      return "a firewall on the way forbids pings: ";
    case Obstacle::refused:
      return "the host refuses pings: ";
    case Obstacle::too_big:
      return "a link on the way is too narrow for a ping: ";
    case Obstacle::loop:
      return "time to live exceeded on the way (a routing loop?): ";
    case Obstacle::none:
    case Obstacle::other:
      break;
  }
  return "the ping could not be delivered: ";
}

}  // namespace

EchoRequest build_echo(IpFamily family, const EchoTag& tag) noexcept {
  EchoRequest message{};
  message[0] = echo_request(family);
  put16(message, 4, tag.id);
  put16(message, 6, tag.sequence);
  for (std::size_t i = 0; i < cookie_size; ++i) {
    message[header_size + i] = static_cast<std::uint8_t>(tag.cookie >> (56 - 8 * i));
  }
  for (std::size_t i = header_size + cookie_size; i < message.size(); ++i) {
    message[i] = static_cast<std::uint8_t>(i);
  }
  if (family == IpFamily::v4) put16(message, 2, checksum(message));
  return message;
}

Obstacle obstacle_of(IpFamily family, std::uint8_t type, std::uint8_t code) noexcept {
  if (family == IpFamily::v6) {
    switch (type) {
      case 1:
        switch (code) {
          case 0:  // no route
          case 6:  // reject route
            return Obstacle::no_network;
          case 2:  // beyond the scope of the source address
          case 3:  // address unreachable
            return Obstacle::no_host;
          case 1:  // administratively prohibited
          case 5:  // source address failed the policy
            return Obstacle::forbidden;
          case 4:
            return Obstacle::refused;
          default:
            return Obstacle::other;
        }
      case 2:
        return Obstacle::too_big;
      case 3:
        return Obstacle::loop;
      case 4:
        return Obstacle::other;
      default:
        return Obstacle::none;
    }
  }
  switch (type) {
    case 3:
      switch (code) {
        case 0:   // network unreachable
        case 6:   // network unknown
        case 11:  // network unreachable for the type of service
          return Obstacle::no_network;
        case 1:   // host unreachable
        case 7:   // host unknown
        case 8:   // source isolated
        case 12:  // host unreachable for the type of service
          return Obstacle::no_host;
        case 9:   // network administratively prohibited
        case 10:  // host administratively prohibited
        case 13:  // communication administratively prohibited
          return Obstacle::forbidden;
        case 2:  // protocol
        case 3:  // port
          return Obstacle::refused;
        case 4:
          return Obstacle::too_big;
        default:
          return Obstacle::other;
      }
    case 11:
      return Obstacle::loop;
    case 12:
      return Obstacle::other;
    default:
      return Obstacle::none;
  }
}

IcmpNews read_icmp(IpFamily family, Bytes bytes, Framing framing) noexcept {
  if (framing == Framing::ip_header) {
    const std::size_t size = ipv4_header(bytes);
    if (size == 0) return {};
    // What is behind the end that the header tells is no part of the message.
    bytes = bytes.first(std::clamp<std::size_t>(get16(bytes, 2), size, bytes.size())).subspan(size);
    if (checksum(bytes) != 0) return {};
  }
  if (bytes.size() < header_size) return {};
  IcmpNews news;
  if (bytes[0] == echo_reply(family)) {
    if (bytes[1] != 0) return {};
    news.kind = IcmpNews::Kind::reply;
    take_tag(news, bytes);
  } else if (const auto obstacle = obstacle_of(family, bytes[0], bytes[1]);
             obstacle != Obstacle::none) {
    news = read_error(family, bytes.subspan(header_size), obstacle);
  }
  return news;
}

IcmpNews read_quoted(IpFamily family, Bytes bytes, Obstacle obstacle,
                     const IpBytes& target) noexcept {
  if (bytes.size() < header_size || bytes[0] != echo_request(family) || bytes[1] != 0) return {};
  IcmpNews news;
  news.kind = IcmpNews::Kind::error;
  news.obstacle = obstacle;
  news.target = target;
  take_tag(news, bytes);
  return news;
}

Match match(const IcmpNews& news, const EchoTag& sent, const IpBytes& target,
            const IpBytes& source) noexcept {
  if (news.kind == IcmpNews::Kind::other || news.id != sent.id || news.sequence != sent.sequence)
    return Match::no;
  if (news.cookie && *news.cookie != sent.cookie) return Match::no;
  if (news.kind == IcmpNews::Kind::reply)
    return news.cookie && source == target ? Match::sure : Match::no;
  if (news.target != target) return Match::no;
  return news.cookie ? Match::sure : Match::likely;
}

Finding obstacle_finding(Obstacle obstacle, std::string_view target, std::string_view said_by) {
  std::string reason = words(obstacle);
  reason += target;
  if (!said_by.empty() && said_by != target) {
    reason += " (said by ";
    reason += said_by;
    reason += ')';
  }
  return fail(FailureClass::connect, std::move(reason));
}

}  // namespace hotswapd
