// Which addresses may be probed: `probe_policy` of the configuration, judged on the address that is
// really connected to. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hotswapd {

// An IP address, in the form in which the kernel treats it: an IPv4-mapped IPv6 address is the IPv4
// address, and "unspecified" is this host, as connect() has it.
struct PlainAddress {
  bool ipv6 = false;
  std::array<std::uint8_t, 16> bytes{};  // IPv4: the first four

  static PlainAddress from(std::span<const std::uint8_t> raw);  // 4 or 16 bytes
  static std::optional<PlainAddress> parse(std::string_view text);
  bool operator==(const PlainAddress&) const = default;
};

class ProbeNetwork {
 public:
  // nullopt: no network. Bits behind the prefix mean nothing.
  static std::optional<ProbeNetwork> parse(std::string_view address, int prefix);

  bool contains(const PlainAddress& address) const noexcept;
  const std::string& text() const noexcept { return text_; }  // as written: "169.254.0.0/16"
  bool operator==(const ProbeNetwork&) const = default;

 private:
  PlainAddress base_;
  unsigned bits_ = 0;
  std::string text_;
};

// `allow` wins over `deny`; what neither names is allowed.
struct AddressPolicy {
  std::vector<ProbeNetwork> deny;
  std::vector<ProbeNetwork> allow;

  // The network for which the address is denied; null: it may be probed.
  const ProbeNetwork* denies(const PlainAddress& address) const noexcept;
  bool operator==(const AddressPolicy&) const = default;
};

}  // namespace hotswapd
