// What one probe attempt and one round found out. Plain data: made on a probe shard, handed over by
// value.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "core/ids.hpp"
#include "core/kept_text.hpp"
#include "core/time.hpp"

namespace hotswapd {

// `inconclusive` is our own trouble, never the target's: it counts neither for nor
// against.
enum class Verdict : std::uint8_t { pass, fail, inconclusive };

// Why an attempt did not pass. `none` with Verdict::pass only.
enum class FailureClass : std::uint8_t {
  none,
  resolve,
  connect,
  tls,
  protocol,
  content,
  timeout,
  local
};

// How far an attempt came.
enum class Phase : std::uint8_t { none, resolve, connect, tls, exchange };

// A time that may be absent, in four bytes: every target keeps those of its last round. No attempt
// takes longer than the 35 minutes that it can say.
class PhaseTime {
 public:
  PhaseTime() = default;
  PhaseTime(Micros time) noexcept
      : micros_(static_cast<std::int32_t>(std::min(time, most).count())) {}
  PhaseTime(std::optional<Micros> time) noexcept {
    if (time) *this = *time;
  }
  explicit operator bool() const noexcept { return micros_ >= 0; }
  Micros operator*() const noexcept { return Micros(micros_); }
  // That much later; what is absent stays so.
  PhaseTime& operator+=(Micros by) noexcept {
    if (*this) *this = **this + by;
    return *this;
  }
  operator std::optional<Micros>() const noexcept {
    return micros_ >= 0 ? std::optional(Micros(micros_)) : std::nullopt;
  }

 private:
  static constexpr Micros most{std::numeric_limits<std::int32_t>::max()};
  std::int32_t micros_ = -1;
};

// Time since the attempt began at which each phase ended; absent when the phase was not reached or
// not needed.
struct PhaseTimes {
  PhaseTime resolve;
  PhaseTime connect;
  PhaseTime tls;
  PhaseTime first_byte;
  Micros total{0};
};

struct ProbeResult {
  Verdict verdict = Verdict::inconclusive;
  FailureClass failure = FailureClass::none;
  Phase phase = Phase::none;
  bool stale = false;  // see `address`
  std::string reason;  // one clean sentence without a final stop, <= 256 bytes; on a pass what was
                       // seen ("HTTP 200")
  PhaseTimes times;
  // Of a target given by a host name: the address that was probed; `stale` when that is only the
  // last one known, because the name servers are ill.
  KeptText address = {};
  // HTTPS, verified: when the certificate that was shown (of several hops, the one that ends first)
  // stops being valid. A resumed session shows none.
  MaybeTime<WallTime> certificate_ends = {};
};

// Of a round's attempts, in the order they were made: see TargetRound.
Verdict verdict_of(const std::vector<ProbeResult>& attempts) noexcept;

// One target's part of a round: attempts in the order they were made (1 .. 1 + retries).
// pass: the last attempt passed. fail: all failed. inconclusive: none passed and one at least was
// inconclusive.
struct TargetRound {
  Verdict verdict = Verdict::inconclusive;
  std::vector<ProbeResult> attempts;

  // The attempt that best tells why: the passing one, else an inconclusive one, else the last.
  const ProbeResult* telling() const noexcept;
};

// One round of a service: primary and backups probed side by side.
struct RoundResult {
  ServiceId service;
  std::uint64_t epoch =
      0;  // of the specification it was made with: results of an older one are dropped
  std::uint64_t number = 0;  // counts the rounds of this process, 1 is the first
  std::uint64_t skipped =
      0;  // slots missed since the round before, because attempts outlasted the interval
  TimePoint started;
  TimePoint finished;
  std::vector<std::optional<TargetRound>>
      targets;  // [0] primary, [1 + i] backup i; nullopt: not probed
};

const char* to_string(Verdict verdict) noexcept;
const char* to_string(FailureClass failure) noexcept;
const char* to_string(Phase phase) noexcept;

}  // namespace hotswapd
