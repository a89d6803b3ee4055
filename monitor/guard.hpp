// What may hold an automatic move back although health asks for it: each guard says by itself
// whether it holds. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/service_spec.hpp"
#include "core/time.hpp"

namespace hotswapd {

// One guard's word.
struct GuardCheck {
  std::string name;    // "maintenance", "swap-limit", "hold-down"
  bool allows = true;  // false: it holds the move back
  std::string text;    // a sentence for `explain`
};

// Swaps by decision in the last hour, both ways (operator commands are not counted). Wall clock,
// since it must survive a restart; a clock that was set back never gives a swap more than an hour
// of life.
class SwapBudget {
 public:
  void add(WallTime at);
  void forget_older_than_an_hour(WallTime now);
  int used(WallTime now) const;
  std::optional<WallTime> oldest(WallTime now) const;
  const std::vector<WallTime>& entries() const noexcept { return swaps_; }

 private:
  std::vector<WallTime> swaps_;
};

GuardCheck check_maintenance(const std::vector<MaintenanceWindow>& windows, WallTime now);
GuardCheck check_budget(const SwapBudget& budget, int max_per_hour, WallTime now);

// S9: after a swap no reverse before the TTL has passed. `since_swap` absent: none is remembered.
GuardCheck check_hold_down(std::optional<Millis> since_swap, std::uint32_t ttl);

// S5: the evidence of a plan is good for two rounds and an attempt's time-out.
bool evidence_expired(TimePoint evidence, TimePoint now, Millis interval, Millis timeout);

}  // namespace hotswapd
