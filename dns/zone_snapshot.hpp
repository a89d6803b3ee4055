// What the embedded DNS serves: one immutable version of all zones, and the place where readers
// find the latest.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "dns/zone_tree.hpp"

namespace hotswapd {

inline constexpr std::uint32_t zone_data_ttl =
    3600;  // of SOA, NS and the addresses of name servers
inline constexpr std::uint32_t max_negative_ttl = 30;  // no cache may remember a gap for longer

// Any number of threads may read one version.
class ZoneSnapshot {
 public:
  ZoneSnapshot() = default;
  explicit ZoneSnapshot(ZoneTree tree) : tree_(std::move(tree)) {}

  // nullptr: the name does not exist, or is not ours.
  const ZoneNode* find(const wire::LookupName& name) const noexcept { return tree_.find(name); }

  struct Enclosing {
    const ZoneApex* apex = nullptr;  // of the closest zone; nullptr: the name is not ours
    std::size_t label = 0;           // the label of the name where that zone begins
  };
  Enclosing enclosing_zone(const wire::LookupName& name) const noexcept;

 private:
  ZoneTree tree_;
};

// Hands versions from the thread that makes them to the readers. A reader keeps its own copy and
// looks at version() (one atomic load) before it uses it; the lock is taken only when there is
// something new.
class SnapshotHolder {
 public:
  SnapshotHolder() : current_(std::make_shared<const ZoneSnapshot>()) {}

  void publish(std::shared_ptr<const ZoneSnapshot> next);
  std::uint64_t version() const noexcept { return version_.load(std::memory_order_acquire); }

  // Brings `mine` up to date; `seen` is the version of `mine`, 0 at first.
  void refresh(std::shared_ptr<const ZoneSnapshot>& mine, std::uint64_t& seen) const;

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const ZoneSnapshot> current_;  // under mutex_
  std::atomic<std::uint64_t> version_{1};
};

}  // namespace hotswapd
