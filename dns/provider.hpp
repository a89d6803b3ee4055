// The interface of a DNS provider: reads one record, changes it by compare-and-set, and has the
// name servers asked.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/record.hpp"
#include "core/swap_plan.hpp"
#include "core/time.hpp"
#include "net/awaitable.hpp"

namespace hotswapd {

struct ProviderCapabilities {
  bool compare_and_set = false;     // apply() refuses by itself when value or generation differ
  bool atomic_type_change = false;  // A <-> CNAME in one step
  bool keeps_generation = false;    // LiveRecord::generation is stored with the record
  // A write whose answer was lost can still take effect afterwards. False only when apply() is a
  // local act that is over when it returns: then a read-back is final and no fence is needed (S19).
  bool late_effects = true;
  // How long the name servers may take to serve a change before it is told as not proved.
  Millis proof_deadline{30'000};
};

// Lives on shard 0; every call is made there and completes there. Nothing throws. Each call ends by
// its deadline.
class Provider {
 public:
  virtual ~Provider() = default;

  virtual ProviderCapabilities capabilities() const = 0;

  // What the provider itself says is there now (not through any cache).
  virtual awaitable<Fallible<LiveRecord>> read(RecordKey key, TimePoint deadline) = 0;

  // One change, atomic where capabilities() says so. See SwapOutcome for what may and may not be
  // concluded.
  virtual awaitable<ApplyResult> apply(SwapPlan plan, TimePoint deadline) = 0;

  // Asks every authoritative name server once, side by side, whether it serves `want`. Never empty.
  virtual awaitable<std::vector<ServerEvidence>> prove(RecordKey key, RecordSet want,
                                                       TimePoint deadline) = 0;
};

}  // namespace hotswapd
