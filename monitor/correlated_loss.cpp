#include "monitor/correlated_loss.hpp"

#include <algorithm>

namespace hotswapd {
namespace {

constexpr std::size_t enough_to_judge = 10;

}  // namespace

void CorrelatedLoss::drop_old(TimePoint now) {
  while (!oldest_first_.empty() && now - oldest_first_.begin()->first > window_) {
    down_.erase(oldest_first_.begin()->second);
    oldest_first_.erase(oldest_first_.begin());
  }
}

void CorrelatedLoss::up_again(ServiceId service) {
  const auto it = down_.find(service);
  if (it == down_.end()) return;
  oldest_first_.erase({it->second, service});
  down_.erase(it);
}

void CorrelatedLoss::went_down(ServiceId service, std::size_t decided, Millis window,
                               TimePoint now) {
  window_ = window;
  drop_old(now);
  // The loss before this one is over when few enough are left of it.
  if (!since_ && down_.size() * 4 <= decided) armed_ = true;
  up_again(service);
  down_.emplace(service, now);
  oldest_first_.emplace(now, service);
  if (!armed_ || since_ || decided < enough_to_judge || down_.size() * 2 <= decided) return;
  since_ = now;
  armed_ = false;
  decided_ = decided;
  lost_ = down_.size();
  other_ = witness_ = false;
}

void CorrelatedLoss::other_answered(TimePoint when) {
  if (!since_ || when < *since_) return;
  other_ = true;
  judge();
}

void CorrelatedLoss::witness_answered(TimePoint asked) {
  if (!since_ || asked < *since_) return;
  witness_ = true;
  judge();
}

void CorrelatedLoss::judge() {
  if (other_ && (witness_ || !has_witness_)) since_.reset();
}

std::optional<std::string> CorrelatedLoss::holds() const {
  if (!since_) return std::nullopt;
  std::string waits = other_ ? "" : "another target";
  if (has_witness_ && !witness_) waits += waits.empty() ? "the witness" : " and the witness";
  return std::to_string(lost_) + " of " + std::to_string(decided_) +
         " services went down inside one interval, which may be our own trouble: waiting for " +
         waits + " to answer";
}

}  // namespace hotswapd
