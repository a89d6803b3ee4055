// What is counted for /metrics: plain numbers beside the work, in as much memory for a hundred
// thousand targets as for one.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "core/probe_result.hpp"
#include "core/service_spec.hpp"
#include "core/time.hpp"

namespace hotswapd {

constexpr std::size_t protocol_count = static_cast<std::size_t>(Protocol::tcp) + 1;
constexpr std::size_t verdict_count = static_cast<std::size_t>(Verdict::inconclusive) + 1;
constexpr std::size_t class_count = static_cast<std::size_t>(FailureClass::local) + 1;

// How long things took: counts by upper bound, the last for what is above them all.
struct Histogram {
  static constexpr std::array<std::int64_t, 14> bounds{
      1'000,   2'500,   5'000,    10'000,    25'000,    50'000,     100'000,
      250'000, 500'000, 1000'000, 2'500'000, 5'000'000, 10'000'000, 30'000'000};  // microseconds

  static std::size_t bucket_of(Micros took) {
    return static_cast<std::size_t>(std::lower_bound(bounds.begin(), bounds.end(), took.count()) -
                                    bounds.begin());
  }
  void record(Micros took) {
    ++counts[bucket_of(took)];
    sum += std::max(took, Micros(0));
  }

  std::array<std::uint64_t, bounds.size() + 1> counts{};
  Micros sum{0};
};

struct ProbeFigures {
  // By protocol, verdict and class.
  std::array<std::array<std::array<std::uint64_t, class_count>, verdict_count>, protocol_count>
      attempts{};
  std::array<Histogram, protocol_count> durations{};  // of attempts that passed
  Histogram lateness;                                 // of rounds on the grid
};

// Of one loop: written by its thread, with plain adds; read by any.
class ProbeCounters {
 public:
  void attempt(Protocol protocol, const ProbeResult& result) noexcept {
    const auto p = static_cast<std::size_t>(protocol);
    add(attempts_[p][static_cast<std::size_t>(result.verdict)]
                 [static_cast<std::size_t>(result.failure)]);
    if (result.verdict == Verdict::pass) durations_[p].record(result.times.total);
  }
  void late(Micros by) noexcept { lateness_.record(by); }
  void add_to(ProbeFigures& sum) const noexcept;

 private:
  using Counter = std::atomic<std::uint64_t>;
  // One writer: no locked instruction is needed.
  static void add(Counter& counter, std::uint64_t n = 1) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  struct Durations {
    std::array<Counter, Histogram::bounds.size() + 1> counts{};
    Counter sum{0};
    void record(Micros took) noexcept {
      add(counts[Histogram::bucket_of(took)]);
      add(sum, static_cast<std::uint64_t>(std::max<Micros::rep>(0, took.count())));
    }
    void add_to(Histogram& histogram) const noexcept;
  };

  std::array<std::array<std::array<Counter, class_count>, verdict_count>, protocol_count>
      attempts_{};
  std::array<Durations, protocol_count> durations_{};
  Durations lateness_{};
};

// The swaps of all services, by provider. Lives on shard 0.
struct SwapFigures {
  enum class End : std::uint8_t { committed, fenced, abandoned, left_behind };

  std::map<std::pair<std::string, End>, std::uint64_t> swaps;
  std::map<std::string, std::uint64_t> not_proved;  // whose proof_deadline passed first
  std::map<std::string, Histogram> proofs;          // how long from reading back to the proof
};

const char* to_string(SwapFigures::End end) noexcept;

}  // namespace hotswapd
