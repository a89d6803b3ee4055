#include "monitor/health_machine.hpp"

namespace hotswapd {

Transition observe(HealthState state, Verdict verdict, const HealthPolicy& policy) noexcept {
  if (verdict == Verdict::inconclusive) return {state, Change::none};
  const Health seen = verdict == Verdict::pass ? Health::up : Health::down;
  if (state.health == Health::unknown) return {{seen, 0}, Change::changed};
  if (seen == state.health) return {{state.health, 0}, Change::none};
  const int need = seen == Health::up ? policy.rise : policy.fall;
  if (state.streak + 1 < need) return {{state.health, state.streak + 1}, Change::pending};
  return {{seen, 0}, Change::changed};
}

const char* to_string(Health health) noexcept {
  switch (health) {
    case Health::up:
      return "up";
    case Health::down:
      return "down";
    case Health::unknown:
      break;
  }
  return "unknown";
}

}  // namespace hotswapd
