// What one target of a probe is: where to connect, and how to judge what comes back.
#pragma once

#include <string>

#include "core/service_spec.hpp"

namespace hotswapd {

struct TargetSpec {
  std::string address;  // canonical address, or a host name
  MonitorSpec monitor;
  std::string service;  // the service's fqdn: the default for Host and SNI
  bool operator==(const TargetSpec&) const = default;
};

}  // namespace hotswapd
