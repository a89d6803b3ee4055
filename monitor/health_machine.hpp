// Rise and fall of one target: when a row of verdicts becomes a decided state. Pure.
#pragma once

#include <cstdint>

#include "core/probe_result.hpp"

namespace hotswapd {

enum class Health : std::uint8_t { unknown, up, down };

struct HealthState {
  Health health = Health::unknown;
  int streak = 0;  // rounds in sequence that say the opposite
  bool operator==(const HealthState&) const = default;
};

// How many rounds in sequence it takes, both at least 1.
struct HealthPolicy {
  int rise = 1;
  int fall = 1;
};

enum class Change : std::uint8_t { none, pending, changed };

struct Transition {
  HealthState state;
  Change change = Change::none;
};

// A first verdict decides at once. `inconclusive` neither counts nor resets (rule S7).
Transition observe(HealthState state, Verdict verdict, const HealthPolicy& policy) noexcept;

const char* to_string(Health health) noexcept;  // "unknown", "up", "down"

}  // namespace hotswapd
