// Reads what the system knows of names; blocks on files, so never on a loop that probes.
#pragma once

#include "net/resolver_settings.hpp"

namespace hotswapd {

// What cannot be read is empty. At most 1 MiB of each file.
SystemNames read_system_names(const std::string& resolv_conf = "/etc/resolv.conf",
                              const std::string& hosts = "/etc/hosts");

}  // namespace hotswapd
