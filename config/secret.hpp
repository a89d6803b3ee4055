// Secrets from files whose mode is checked.
#pragma once

#include <optional>
#include <string>

#include "core/error.hpp"
#include "core/secret.hpp"

namespace hotswapd {

// Reads `path` under the rules of docs/configuration.md, "Secrets": a regular file of 1 .. 64 KiB
// owned by root or us, not readable by the world, readable by no group but ours, writable by nobody
// but its owner. Files below $CREDENTIALS_DIRECTORY are systemd's own and exempt from the mode
// rules. One final newline is cut. `daemon_group` names the group the daemon runs in, for a check
// that is made by root. The error says what to do.
Fallible<Secret> read_secret_file(const std::string& path,
                                  const std::optional<std::string>& credentials_directory,
                                  const std::string& daemon_group);

}  // namespace hotswapd
