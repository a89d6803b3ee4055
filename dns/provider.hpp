// The interface of a DNS provider: reads one record, changes it by compare-and-set, and has the
// name servers asked.
#pragma once

#include <cstddef>
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
  // Calls of read() and apply() in a second, never more in any second (below 1: in any ten seconds,
  // ten times as many); 0: no limit. At most a
  // quarter of what the other side publishes (S13), and less where one call makes several requests.
  // prove() asks name servers and is not counted: whom, it finds out once for all names of a zone.
  double rate = 0;
  // So many calls of read() and apply() at a time, and so many swaps.
  std::size_t at_once = 16;
  // How long after apply() returned without an answer its write may still be done, where there is
  // no compare-and-set on a generation to fence it off (S19). Waited out before such a write is
  // taken for not done.
  Millis write_life{60'000};
  // What one call may take. A write that hangs holds up a place and a decision; more only where one
  // change is several requests, or somebody else's program.
  Millis read_time{5'000};
  Millis write_time{4'000};
};

// Lives on shard 0; every call is made there and completes there. Nothing throws. Each call ends by
// its deadline.
class Provider {
 public:
  virtual ~Provider() = default;

  virtual ProviderCapabilities capabilities() const = 0;

  // What the provider itself says is there now (not through any cache). errc::conflict: the name is
  // readable, but what stands there could never be a service's record (an A and an AAAA, a mark
  // that is not ours): that is drift, and the text says what it is. errc::refused: credentials,
  // permission, zone; it is tried once a minute. Everything else is asked again with backoff. The
  // hint says of a clock or a throttle.
  virtual awaitable<Fallible<LiveRecord>> read(RecordKey key, TimePoint deadline) = 0;

  // The other side asked to be left alone until then: prove() does not ask it anything meanwhile.
  virtual void leave_alone(TimePoint) {}

  // One change, atomic where capabilities() says so. See SwapOutcome for what may and may not be
  // concluded.
  virtual awaitable<ApplyResult> apply(SwapPlan plan, TimePoint deadline) = 0;

  // Asks every authoritative name server once, side by side, whether it serves `want`. Never empty.
  virtual awaitable<std::vector<ServerEvidence>> prove(RecordKey key, RecordSet want,
                                                       TimePoint deadline) = 0;

  // Gives back what the other side keeps for us, by the deadline. The last call: nothing comes
  // after it.
  virtual awaitable<void> leave(TimePoint) { co_return; }
};

}  // namespace hotswapd
