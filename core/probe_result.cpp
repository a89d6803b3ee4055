#include "core/probe_result.hpp"

#include <algorithm>

namespace hotswapd {

Verdict verdict_of(const std::vector<ProbeResult>& attempts) noexcept {
  if (attempts.empty()) return Verdict::inconclusive;
  if (attempts.back().verdict == Verdict::pass) return Verdict::pass;
  const bool doubtful = std::any_of(
      attempts.begin(), attempts.end(),
      [](const ProbeResult& attempt) { return attempt.verdict == Verdict::inconclusive; });
  return doubtful ? Verdict::inconclusive : Verdict::fail;
}

const ProbeResult* TargetRound::telling() const noexcept {
  const ProbeResult* best = nullptr;
  for (const auto& attempt : attempts) {
    if (attempt.verdict == Verdict::pass) return &attempt;
    if (best == nullptr || attempt.verdict == Verdict::inconclusive ||
        best->verdict != Verdict::inconclusive) {
      best = &attempt;
    }
  }
  return best;
}

const char* to_string(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::pass:
      return "pass";
    case Verdict::fail:
      return "fail";
    case Verdict::inconclusive:
      break;
  }
  return "inconclusive";
}

const char* to_string(FailureClass failure) noexcept {
  switch (failure) {
    case FailureClass::none:
      return "none";
    case FailureClass::resolve:
      return "resolve";
    case FailureClass::connect:
      return "connect";
    case FailureClass::tls:
      return "tls";
    case FailureClass::protocol:
      return "protocol";
    case FailureClass::content:
      return "content";
    case FailureClass::timeout:
      return "timeout";
    case FailureClass::local:
      break;
  }
  return "local";
}

const char* to_string(Phase phase) noexcept {
  switch (phase) {
    case Phase::none:
      return "none";
    case Phase::resolve:
      return "resolve";
    case Phase::connect:
      return "connect";
    case Phase::tls:
      return "tls";
    case Phase::exchange:
      break;
  }
  return "exchange";
}

}  // namespace hotswapd
