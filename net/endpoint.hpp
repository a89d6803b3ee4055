// An IP address with a port, as operators write it and as the kernel wants it.
#pragma once

#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hotswapd {

// Where a name server listens or is asked. No scope for link-local addresses.
struct DnsEndpoint {
  bool v6 = false;
  std::array<std::uint8_t, 16> address{};  // the first four bytes for IPv4
  std::uint16_t port = 0;

  bool operator==(const DnsEndpoint&) const = default;

  // "192.0.2.1", "192.0.2.1:53", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:53".
  static std::optional<DnsEndpoint> parse(std::string_view text, std::uint16_t default_port = 53);
  static DnsEndpoint from(const sockaddr_storage& storage) noexcept;  // AF_INET or AF_INET6

  bool is_any() const noexcept;       // 0.0.0.0, [::]
  bool is_loopback() const noexcept;  // 127.0.0.0/8, ::1
  // Where a listener on "any" is asked from this host: 127.0.0.1 or ::1. Itself otherwise.
  DnsEndpoint reachable() const noexcept;

  std::string address_text() const;  // "2001:db8::1"
  std::string text() const;          // "192.0.2.1:53", "[2001:db8::1]:53"
  socklen_t fill(sockaddr_storage& storage) const noexcept;
};

}  // namespace hotswapd
