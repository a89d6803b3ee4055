// The interface of a probe: one attempt against one target, whatever the protocol.
#pragma once

#include <memory>
#include <string>

#include "core/probe_result.hpp"
#include "core/service_spec.hpp"
#include "core/time.hpp"
#include "net/awaitable.hpp"

namespace hotswapd {

// What one target is: where to connect, and how to judge what comes back.
struct TargetSpec {
  std::string address;  // canonical address, or a host name
  MonitorSpec monitor;
  std::string service;  // the service's fqdn: the default for Host and SNI
  bool operator==(const TargetSpec&) const = default;
};

// Belongs to one shard: made, run and destroyed on its thread. run() is not started again before it
// has ended.
class Prober {
 public:
  virtual ~Prober() = default;

  // One attempt that has ended by `deadline`, whatever the target does. Never throws; errors are in
  // the result. Cancelled (terminal): ends soon with Verdict::inconclusive, class local, reason
  // "stopped".
  virtual awaitable<ProbeResult> run(TimePoint deadline) = 0;
};

}  // namespace hotswapd
