// What is shown and told of a target that answers: slowness, and a certificate near its end. It
// never moves traffic. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "core/probe_result.hpp"
#include "core/service_spec.hpp"
#include "core/time.hpp"

namespace hotswapd {

struct TargetQuality {
  bool degraded = false;
  std::uint8_t quick_rounds = 0;  // in sequence, while degraded
  MaybeTime<WallTime> certificate_ends;
  MaybeTime<WallTime> expiry_told;
};

// What a round brought that is to be told.
struct QualityNews {
  bool slow_begins = false;
  bool slow_ends = false;
  bool expiry = false;  // the certificate ends within `warn_expiry`; once a day at most
  Micros latency{0};    // of the attempt that passed
};

// Slow from the first round whose answer took longer than `degraded_above`, until three rounds in
// sequence did not: a target at the very limit is no news each minute. A round that fails ends it
// without a word: that the target is down says more.
inline constexpr int quick_rounds_needed = 3;
inline constexpr std::chrono::hours tell_expiry_every{24};

QualityNews observe_quality(TargetQuality& quality, const TargetRound& round,
                            const MonitorSpec& monitor, WallTime now);

bool expires_soon(const TargetQuality& quality, const MonitorSpec& monitor, WallTime now);

}  // namespace hotswapd
