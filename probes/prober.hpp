// The interface of a probe: one attempt against one target, whatever the protocol.
#pragma once

#include <memory>
#include <string>

#include "core/probe_result.hpp"
#include "core/target_spec.hpp"
#include "core/time.hpp"
#include "net/awaitable.hpp"

namespace hotswapd {

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
