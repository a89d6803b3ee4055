#include "monitor/touch_gate.hpp"

#include "monitor/failover_service.hpp"

namespace hotswapd {

bool TouchGate::enter(const std::shared_ptr<FailoverService>& service) {
  if (closed_) return false;
  if (free_ == 0) {
    waiting_.push_back(service);
    return false;
  }
  --free_;
  return true;
}

void TouchGate::leave() {
  ++free_;
  while (free_ > 0 && !waiting_.empty()) {
    const auto next = waiting_.front().lock();
    waiting_.pop_front();
    if (next) next->take_turn();
  }
}

void TouchGate::close() {
  closed_ = true;
  waiting_.clear();
}

}  // namespace hotswapd
