// Pure: what a reload changes, service by service and section by section.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/schema.hpp"

namespace hotswapd {

struct ServiceChange {
  RecordKey key;
  std::vector<std::string> fields;  // names as the file spells them: "monitor.interval", "ttl"
  bool probing = false;             // what, where or how often is probed changed
  bool serving =
      false;  // address, backups, ttl or provider changed: what the DNS may have to serve
};

struct ConfigDiff {
  std::vector<RecordKey> added;
  std::vector<RecordKey> removed;
  std::vector<ServiceChange> changed;
  std::vector<std::string>
      sections;  // top-level keys besides `services` that changed: "providers", "api.tokens"
  std::vector<std::string>
      restart;  // of those, the ones that only a restart can change: "dns_listen"
  bool empty() const noexcept {
    return added.empty() && removed.empty() && changed.empty() && sections.empty();
  }
};

ConfigDiff diff(const Config& before, const Config& after);

// Lets `after` share the services that are equal in both: who holds one of `before` goes on holding
// the very same, and it is in memory once.
void share_equal_services(const Config& before, Config& after);

// A few lines for `hotswapctl plan` and the log. Holds no values, and so no secret.
std::string to_string(const ConfigDiff& diff);

}  // namespace hotswapd
