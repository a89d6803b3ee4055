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

// Swaps by decision in the last hour, both ways (operator commands are not counted).
class SwapBudget {
 public:
  void add(TimePoint at);
  // One of an earlier run, by its stamp; a clock that was set back meanwhile makes it young, never
  // younger than now.
  void remember(WallTime at, const Moment& now);
  void forget_older_than_an_hour(TimePoint now);
  int used(TimePoint now) const;
  std::optional<TimePoint> oldest(TimePoint now) const;
  const std::vector<TimePoint>& entries() const noexcept { return swaps_; }

 private:
  std::vector<TimePoint> swaps_;
};

// What a service's decision needs to know of everything around it.
struct Surroundings {
  bool link_proved = false;  // another target or the witness answered in the last interval
  std::optional<std::string> correlated_loss;  // why rule S10 holds swaps now
};

GuardCheck check_correlated_loss(const std::optional<std::string>& loss);
GuardCheck check_maintenance(const std::vector<MaintenanceWindow>& windows, WallTime now);
GuardCheck check_budget(const SwapBudget& budget, int max_per_hour, const Moment& now);

// S9: after a swap no reverse before the TTL has passed. `since_swap` absent: none is remembered.
GuardCheck check_hold_down(std::optional<Millis> since_swap, std::uint32_t ttl);

// S5: the evidence of a plan is good for two rounds and an attempt's time-out.
bool evidence_expired(TimePoint evidence, TimePoint now, Millis interval, Millis timeout);

}  // namespace hotswapd
