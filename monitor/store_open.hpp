// How the store is opened with other limits than the product's own: for tests and tools. See
// state_store.hpp.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "monitor/state_store.hpp"
#include "monitor/store_rows.hpp"

namespace hotswapd {

struct StoreOptions {
  std::size_t queue_limit = 20'000;  // batches waiting
  std::size_t group_limit = 1'000;   // batches that share one transaction
  std::uint64_t reserve_bytes = 8u << 20;
  // open() waits so long for the disk to take writes; then the daemon begins with what was read.
  Millis open_may_take{1'200};
  Millis retry{
      1'000};  // between attempts to get a failing disk back, and to make the reserve again
  Millis reopen{
      2'000};  // between attempts to open for writing what could only be read at the start
  Millis retention_every{3'600'000};
  RetentionLimits retention;
};

Fallible<std::unique_ptr<StateStore>> open_state_store(const std::string& dir, WallTime now,
                                                       const StoreOptions& options);

}  // namespace hotswapd
