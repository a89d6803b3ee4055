// An IP address with a port: text and socket address.
#include "net/endpoint.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace hotswapd {

std::optional<DnsEndpoint> DnsEndpoint::parse(std::string_view text, std::uint16_t default_port) {
  DnsEndpoint out;
  out.port = default_port;
  std::string_view host = text;
  std::string_view port;
  bool has_port = false;
  if (!text.empty() && text.front() == '[') {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    host = text.substr(1, close - 1);
    const auto rest = text.substr(close + 1);
    if (!rest.empty() && rest.front() != ':') return std::nullopt;
    has_port = !rest.empty();
    if (has_port) port = rest.substr(1);
    out.v6 = true;
  } else if (std::count(text.begin(), text.end(), ':') > 1) {
    out.v6 = true;
  } else if (const auto colon = text.find(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    has_port = true;
  }
  if (has_port) {
    const auto [end, ec] = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (ec != std::errc() || end != port.data() + port.size()) return std::nullopt;
  }
  const std::string copy(host);
  if (inet_pton(out.v6 ? AF_INET6 : AF_INET, copy.c_str(), out.address.data()) != 1)
    return std::nullopt;
  return out;
}

DnsEndpoint DnsEndpoint::from(const sockaddr_storage& storage) noexcept {
  DnsEndpoint out;
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 in6;
    std::memcpy(&in6, &storage, sizeof(in6));
    out.v6 = true;
    out.port = ntohs(in6.sin6_port);
    std::memcpy(out.address.data(), &in6.sin6_addr, 16);
  } else {
    sockaddr_in in4;
    std::memcpy(&in4, &storage, sizeof(in4));
    out.port = ntohs(in4.sin_port);
    std::memcpy(out.address.data(), &in4.sin_addr, 4);
  }
  return out;
}

socklen_t DnsEndpoint::fill(sockaddr_storage& storage) const noexcept {
  std::memset(&storage, 0, sizeof(storage));
  if (v6) {
    sockaddr_in6 in6{};
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(port);
    std::memcpy(&in6.sin6_addr, address.data(), 16);
    std::memcpy(&storage, &in6, sizeof(in6));
    return sizeof(in6);
  }
  sockaddr_in in4{};
  in4.sin_family = AF_INET;
  in4.sin_port = htons(port);
  std::memcpy(&in4.sin_addr, address.data(), 4);
  std::memcpy(&storage, &in4, sizeof(in4));
  return sizeof(in4);
}

bool DnsEndpoint::is_any() const noexcept {
  return std::all_of(address.begin(), address.end(), [](std::uint8_t b) { return b == 0; });
}

bool DnsEndpoint::is_loopback() const noexcept {
  if (!v6) return address[0] == 127;
  return std::all_of(address.begin(), address.end() - 1, [](std::uint8_t b) { return b == 0; }) &&
         address[15] == 1;
}

DnsEndpoint DnsEndpoint::reachable() const noexcept {
  if (!is_any()) return *this;
  DnsEndpoint out = *this;
  if (v6) {
    out.address[15] = 1;
  } else {
    out.address[0] = 127;
    out.address[3] = 1;
  }
  return out;
}

std::string DnsEndpoint::address_text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(v6 ? AF_INET6 : AF_INET, address.data(), text.data(), text.size());
  return text.data();
}

std::string DnsEndpoint::text() const {
  const auto host = v6 ? "[" + address_text() + "]" : address_text();
  return host + ":" + std::to_string(port);
}

}  // namespace hotswapd
