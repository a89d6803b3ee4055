#include "monitor/figures.hpp"

namespace hotswapd {

void ProbeCounters::Durations::add_to(Histogram& histogram) const noexcept {
  for (std::size_t i = 0; i < counts.size(); ++i)
    histogram.counts[i] += counts[i].load(std::memory_order_relaxed);
  histogram.sum += Micros(static_cast<Micros::rep>(sum.load(std::memory_order_relaxed)));
}

void ProbeCounters::add_to(ProbeFigures& sum) const noexcept {
  for (std::size_t p = 0; p < protocol_count; ++p) {
    for (std::size_t v = 0; v < verdict_count; ++v) {
      for (std::size_t c = 0; c < class_count; ++c)
        sum.attempts[p][v][c] += attempts_[p][v][c].load(std::memory_order_relaxed);
    }
    durations_[p].add_to(sum.durations[p]);
  }
  lateness_.add_to(sum.lateness);
}

const char* to_string(SwapFigures::End end) noexcept {
  switch (end) {
    case SwapFigures::End::committed:
      return "committed";
    case SwapFigures::End::fenced:
      return "fenced";
    case SwapFigures::End::abandoned:
      return "abandoned";
    case SwapFigures::End::left_behind:
      return "left behind";
  }
  return "";
}

}  // namespace hotswapd
