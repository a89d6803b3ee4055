// The table of the DNS providers that this build has: one line for each type.
#pragma once

#include "app/provider_kind.hpp"

namespace hotswapd {

// nullptr: `embedded`, which is made with the DNS server.
const ProviderKind* find_provider_kind(const ProviderConfig& provider) noexcept;

}  // namespace hotswapd
