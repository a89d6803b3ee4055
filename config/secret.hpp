// A secret that does not leak by accident: prints as ***, wipes its memory, and comes from a file
// whose mode is checked.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"

namespace hotswapd {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view value);
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept;
  Secret& operator=(const Secret& other);
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();

  // The only way to the value. Do not copy it into something that lives longer than the call it is
  // for.
  std::string_view reveal() const noexcept { return {bytes_.data(), bytes_.size()}; }
  bool empty() const noexcept { return bytes_.empty(); }

  // Takes the same time wherever two values of one length differ.
  bool operator==(const Secret& other) const noexcept;

 private:
  void wipe() noexcept;
  std::vector<char> bytes_;
};

std::ostream& operator<<(std::ostream& out, const Secret& secret);  // ***

// Overwrites memory in a way the compiler may not remove.
void wipe_memory(void* data, std::size_t size) noexcept;

// Reads `path` under the rules of docs/configuration.md, "Secrets": a regular file of 1 .. 64 KiB
// owned by root or us, not readable by the world, readable by no group but ours, writable by nobody
// but its owner. Files below $CREDENTIALS_DIRECTORY are systemd's own and exempt from the mode
// rules. One final newline is cut. `daemon_group` names the group the daemon runs in, for a check
// that is made by root. The error says what to do.
Fallible<Secret> read_secret_file(const std::string& path,
                                  const std::optional<std::string>& credentials_directory,
                                  const std::string& daemon_group);

}  // namespace hotswapd
