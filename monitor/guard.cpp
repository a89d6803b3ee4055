#include "monitor/guard.hpp"

#include <algorithm>

#include "core/timestamp.hpp"

namespace hotswapd {
namespace {

constexpr auto window = std::chrono::hours(1);

bool counts(TimePoint at, TimePoint now) {
  return at > now - window;
}

}  // namespace

void SwapBudget::add(TimePoint at) {
  swaps_.push_back(at);
}

void SwapBudget::remember(WallTime at, const Moment& now) {
  swaps_.push_back(std::min(now.steady_at(at), now.steady));
}

void SwapBudget::forget_older_than_an_hour(TimePoint now) {
  std::erase_if(swaps_, [now](TimePoint at) { return !counts(at, now); });
}

int SwapBudget::used(TimePoint now) const {
  return static_cast<int>(
      std::count_if(swaps_.begin(), swaps_.end(), [now](TimePoint at) { return counts(at, now); }));
}

std::optional<TimePoint> SwapBudget::oldest(TimePoint now) const {
  std::optional<TimePoint> found;
  for (const auto at : swaps_) {
    if (counts(at, now) && (!found || at < *found)) found = at;
  }
  return found;
}

GuardCheck check_correlated_loss(const std::optional<std::string>& loss) {
  if (!loss) return {"correlated-loss", true, "no loss of many services at once"};
  return {"correlated-loss", false, *loss};
}

GuardCheck check_maintenance(const std::vector<MaintenanceWindow>& windows, WallTime now) {
  for (const auto& w : windows) {
    if (now >= w.from && now < w.to && !w.swaps) {
      return {"maintenance", false, "in a maintenance window until " + to_rfc3339(w.to)};
    }
  }
  return {"maintenance", true, "not in a maintenance window"};
}

GuardCheck check_budget(const SwapBudget& budget, int max_per_hour, const Moment& now) {
  const int used = budget.used(now.steady);
  const auto text = std::to_string(used) + " of " + std::to_string(max_per_hour) +
                    " automatic swaps used in the last hour";
  if (used < max_per_hour) return {"swap-limit", true, text};
  const auto oldest = budget.oldest(now.steady);
  return {"swap-limit", false,
          oldest ? text + "; the next is allowed at " + to_rfc3339(now.wall_at(*oldest + window))
                 : text};
}

GuardCheck check_hold_down(std::optional<Millis> since_swap, std::uint32_t ttl) {
  const Millis need = Seconds(ttl);
  if (!since_swap || *since_swap >= need)
    return {"hold-down", true, "the last swap is older than the TTL"};
  return {"hold-down", false,
          "the last swap is younger than the TTL of " + std::to_string(ttl) + " s"};
}

bool evidence_expired(TimePoint evidence, TimePoint now, Millis interval, Millis timeout) {
  return now - evidence > 2 * interval + timeout;
}

}  // namespace hotswapd
