// Strong identifiers: small values that name things inside one process.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace hotswapd {

// Names a service for the life of the process; never reused, never stored.
struct ServiceId {
  std::uint32_t value = 0;
  auto operator<=>(const ServiceId&) const = default;
};

}  // namespace hotswapd

template <>
struct std::hash<hotswapd::ServiceId> {
  std::size_t operator()(hotswapd::ServiceId id) const noexcept { return id.value; }
};
