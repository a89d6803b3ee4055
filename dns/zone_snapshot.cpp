// One immutable version of all zones, and the place where readers find the latest.
#include "dns/zone_snapshot.hpp"

#include <utility>

namespace hotswapd {

ZoneSnapshot::Enclosing ZoneSnapshot::enclosing_zone(const wire::LookupName& name) const noexcept {
  for (std::size_t label = 0; label <= name.labels; ++label) {
    const auto* node = tree_.find(name, label);
    if (node != nullptr && node->apex) return {node->apex.get(), label};
  }
  return {};
}

void SnapshotHolder::publish(std::shared_ptr<const ZoneSnapshot> next) {
  {
    const std::lock_guard lock(mutex_);
    current_.swap(next);
    version_.fetch_add(1, std::memory_order_release);
  }
  // The old version, if this was its last owner, is taken apart here, outside the lock.
}

void SnapshotHolder::refresh(std::shared_ptr<const ZoneSnapshot>& mine, std::uint64_t& seen) const {
  if (version() == seen) return;
  auto old = std::move(mine);
  const std::lock_guard lock(mutex_);
  mine = current_;
  seen = version_.load(std::memory_order_relaxed);
}

}  // namespace hotswapd
