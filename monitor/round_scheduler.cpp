#include "monitor/round_scheduler.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "monitor/round_lane.hpp"

namespace hotswapd {
struct RoundScheduler::Impl {
  Impl(ProberFactory f, RoundSink s) : factory(std::move(f)), sink(std::move(s)) {}

  RoundLane& lane_of(ServiceId service) { return *lanes[service.value % lanes.size()]; }

  const ProberFactory factory;
  const RoundSink sink;
  std::vector<std::unique_ptr<RoundLane>> lanes;
};

RoundScheduler::RoundScheduler(std::vector<Shard*> shards, ProberFactory factory, RoundSink sink)
    : impl_(std::make_unique<Impl>(std::move(factory), std::move(sink))) {
  for (Shard* const shard : shards) {
    impl_->lanes.push_back(
        std::make_unique<RoundLane>(*shard, shards.size(), impl_->factory, impl_->sink));
  }
}

RoundScheduler::~RoundScheduler() = default;

void RoundScheduler::upsert(RoundSpec spec, FirstRound first) {
  auto& lane = impl_->lane_of(spec.service);
  asio::post(lane.context(), [&lane, spec = std::move(spec), first]() mutable {
    lane.upsert(std::move(spec), first);
  });
}

void RoundScheduler::remove(ServiceId service) {
  auto& lane = impl_->lane_of(service);
  asio::post(lane.context(), [&lane, service] { lane.remove(service); });
}

void RoundScheduler::set_pending(ServiceId service, bool pending) {
  auto& lane = impl_->lane_of(service);
  asio::post(lane.context(), [&lane, service, pending] { lane.set_pending(service, pending); });
}

void RoundScheduler::run_now(ServiceId service) {
  auto& lane = impl_->lane_of(service);
  asio::post(lane.context(), [&lane, service] { lane.run_now(service); });
}

ProbeFigures RoundScheduler::probe_figures() const {
  ProbeFigures sum;
  for (const auto& lane : impl_->lanes) lane->counters.probes.add_to(sum);
  return sum;
}

RoundScheduler::Figures RoundScheduler::figures() const {
  Figures sum;
  for (const auto& lane : impl_->lanes) {
    const auto& counters = lane->counters;
    sum.rounds += counters.rounds.load(std::memory_order_relaxed);
    sum.attempts += counters.attempts.load(std::memory_order_relaxed);
    sum.skipped_slots += counters.skipped.load(std::memory_order_relaxed);
    sum.in_flight += counters.in_flight.load(std::memory_order_relaxed);
    sum.stalls += counters.stalls.load(std::memory_order_relaxed);
    const Micros late(lane->counters.worst_lateness.exchange(0, std::memory_order_relaxed));
    sum.worst_lateness = std::max(sum.worst_lateness, late);
  }
  return sum;
}

}  // namespace hotswapd
