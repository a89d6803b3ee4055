#include "probes/probe_policy.hpp"

#include <arpa/inet.h>

#include <algorithm>

namespace hotswapd {
namespace {

constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// 64:ff9b::/96 (RFC 6052): what is sent there arrives at the IPv4 address in its last bytes, where
// there is a translator.
constexpr std::array<std::uint8_t, 12> translated{0, 0x64, 0xff, 0x9b};

// As it is written; no meaning is given to it yet.
std::optional<PlainAddress> read(std::string_view text) {
  const std::string copy(text);
  PlainAddress address;
  if (::inet_pton(AF_INET, copy.c_str(), address.bytes.data()) == 1) return address;
  address.ipv6 = true;
  if (::inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) == 1) return address;
  return std::nullopt;
}

bool is_mapped(const PlainAddress& address) {
  return address.ipv6 && std::equal(mapped.begin(), mapped.end(), address.bytes.begin());
}

PlainAddress last_four(const PlainAddress& address) {
  PlainAddress plain;
  std::copy_n(address.bytes.begin() + 12, 4, plain.bytes.begin());
  return plain;
}

PlainAddress unmapped(const PlainAddress& address) {
  return is_mapped(address) ? last_four(address) : address;
}

// connect() to 0.0.0.0 or :: reaches this host.
PlainAddress meant(const PlainAddress& written) {
  PlainAddress address = unmapped(written);
  const bool unspecified = std::all_of(address.bytes.begin(), address.bytes.end(),
                                       [](std::uint8_t byte) { return byte == 0; });
  if (!unspecified) return address;
  if (address.ipv6) {
    address.bytes[15] = 1;
  } else {
    address.bytes[0] = 127;
    address.bytes[3] = 1;
  }
  return address;
}

}  // namespace

PlainAddress PlainAddress::from(std::span<const std::uint8_t> raw) {
  PlainAddress address;
  address.ipv6 = raw.size() == 16;
  std::copy_n(raw.begin(), std::min(raw.size(), address.bytes.size()), address.bytes.begin());
  return meant(address);
}

std::optional<PlainAddress> PlainAddress::parse(std::string_view text) {
  const auto address = read(text);
  if (!address) return std::nullopt;
  return meant(*address);
}

std::optional<ProbeNetwork> ProbeNetwork::parse(std::string_view address, int prefix) {
  const auto base = read(address);
  if (!base || prefix < 0 || prefix > (base->ipv6 ? 128 : 32)) return std::nullopt;
  ProbeNetwork network;
  network.base_ = *base;
  network.bits_ = static_cast<unsigned>(prefix);
  network.text_ = std::string(address) + "/" + std::to_string(prefix);
  // A network of mapped addresses is one of IPv4; ::/0 is not.
  if (prefix >= 96 && is_mapped(*base)) {
    network.base_ = unmapped(*base);
    network.bits_ -= 96;
  }
  return network;
}

bool ProbeNetwork::contains(const PlainAddress& address) const noexcept {
  if (address.ipv6 != base_.ipv6) return false;
  const std::size_t whole = bits_ / 8;
  if (!std::equal(base_.bytes.begin(), base_.bytes.begin() + static_cast<std::ptrdiff_t>(whole),
                  address.bytes.begin())) {
    return false;
  }
  const unsigned rest = bits_ % 8;
  if (rest == 0) return true;
  const auto differing = static_cast<unsigned>(base_.bytes[whole] ^ address.bytes[whole]);
  return differing >> (8 - rest) == 0;
}

const ProbeNetwork* AddressPolicy::denies(const PlainAddress& address) const noexcept {
  std::optional<PlainAddress> beyond;
  if (address.ipv6 && std::equal(translated.begin(), translated.end(), address.bytes.begin()))
    beyond = last_four(address);
  const auto within = [&](const ProbeNetwork& network) {
    return network.contains(address) || (beyond && network.contains(*beyond));
  };
  const auto found = std::find_if(deny.begin(), deny.end(), within);
  if (found == deny.end() || std::any_of(allow.begin(), allow.end(), within)) return nullptr;
  return &*found;
}

}  // namespace hotswapd
