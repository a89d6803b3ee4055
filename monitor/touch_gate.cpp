#include "monitor/touch_gate.hpp"

#include "monitor/failover_service.hpp"

namespace hotswapd {

bool TouchGate::enter(const Provider& provider, const std::shared_ptr<FailoverService>& service) {
  if (closed_) return false;
  auto& lane = lanes_[&provider];
  if (lane.taken == places_) {
    lane.waiting.push_back(service);
    return false;
  }
  ++lane.taken;
  return true;
}

void TouchGate::leave(const Provider& provider) {
  auto& lane = lanes_[&provider];
  --lane.taken;
  while (lane.taken < places_ && !lane.waiting.empty()) {
    const auto next = lane.waiting.front().lock();
    lane.waiting.pop_front();
    if (next) next->take_turn();
  }
}

void TouchGate::close() {
  closed_ = true;
  for (auto& [provider, lane] : lanes_) lane.waiting.clear();
}

}  // namespace hotswapd
