#include "config/schema.hpp"

#include <array>

namespace hotswapd {

std::string to_string(const AddressPort& value) {
  const bool v6 = value.address.find(':') != std::string::npos;
  return (v6 ? "[" + value.address + "]" : value.address) + ':' + std::to_string(value.port);
}

const char* ProviderConfig::type_name() const noexcept {
  static constexpr std::array<const char*, 7> names{"embedded",   "rfc2136", "powerdns", "route53",
                                                    "cloudflare", "dyn",     "exec"};
  return names[kind.index()];
}

}  // namespace hotswapd
