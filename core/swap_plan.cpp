#include "core/swap_plan.hpp"

namespace hotswapd {

const char* to_string(SwapOutcome outcome) noexcept {
  switch (outcome) {
    case SwapOutcome::applied:
      return "applied";
    case SwapOutcome::already:
      return "already";
    case SwapOutcome::conflict:
      return "conflict";
    case SwapOutcome::refused:
      return "refused";
    case SwapOutcome::failed:
      return "failed";
    case SwapOutcome::unknown:
      break;
  }
  return "unknown";
}

Hurdle hurdle_of(const ApplyResult& result) noexcept {
  if (result.hint.hurdle != Hurdle::none) return result.hint.hurdle;
  return result.outcome == SwapOutcome::refused ? Hurdle::configuration : Hurdle::none;
}

}  // namespace hotswapd
