#include "monitor/provider_gate.hpp"

#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <cmath>

#include "monitor/failover_service.hpp"
#include "net/sleep.hpp"

namespace hotswapd {
namespace {

constexpr std::size_t fewest_places = 4;
// A look is no hurry: so much of a limited rate stays for what is written.
constexpr double share_of_looks = 0.5;
constexpr Millis first_throttle{1'000};
constexpr Millis longest_throttle{60'000};
constexpr Millis longest_retry_after{3'600'000};

std::size_t index(CallRank rank) {
  return rank == CallRank::moves ? 0 : 1;
}

}  // namespace

ProviderGate::ProviderGate(asio::any_io_executor executor, Clocks clocks, TaskGroup& tasks)
    : executor_(std::move(executor)), clocks_(std::move(clocks)), tasks_(tasks) {}

ProviderGate::Lane& ProviderGate::lane_of(const Provider& provider) {
  auto& lane = lanes_[&provider];
  lane.can = provider.capabilities();
  lane.window.limit(lane.can.rate);
  return lane;
}

// As many swaps as keep the provider busy: what has begun and then waits for its call could have
// been decided anew instead.
std::size_t ProviderGate::places(const Lane& lane) {
  if (lane.can.rate <= 0) return lane.can.at_once;
  const auto useful = static_cast<std::size_t>(std::ceil(lane.can.rate));
  return std::min(lane.can.at_once, std::max(fewest_places, useful));
}

bool ProviderGate::enter(const Provider& provider, const std::shared_ptr<FailoverService>& service,
                         CallRank rank, std::uint64_t ticket) {
  if (closed_) return false;
  auto& lane = lane_of(provider);
  const bool held = lane.not_before > clocks_.steady();
  auto& row = lane.places[index(rank)];
  const bool room = row.taken < places(lane) && !held;
  if (room && (row.waiting.empty() || lane.turn == service.get())) {
    ++row.taken;
    return true;
  }
  row.waiting.emplace(ticket, service);
  if (held) wake_at(&provider, lane, lane.not_before);
  return false;
}

void ProviderGate::leave(const Provider& provider, CallRank rank) {
  auto& lane = lanes_[&provider];
  --lane.places[index(rank)].taken;
  admit_swaps(&provider);
}

void ProviderGate::forget(const Provider& provider, CallRank rank, std::uint64_t ticket) {
  lanes_[&provider].places[index(rank)].waiting.erase(ticket);
}

std::size_t ProviderGate::ahead(const Provider& provider, CallRank rank,
                                std::uint64_t ticket) const {
  const auto lane = lanes_.find(&provider);
  if (lane == lanes_.end()) return 0;
  const auto& waiting = lane->second.places[index(rank)].waiting;
  return static_cast<std::size_t>(std::distance(waiting.begin(), waiting.lower_bound(ticket)));
}

void ProviderGate::admit_swaps(const Provider* provider) {
  auto& lane = lanes_[provider];
  for (const auto rank : {CallRank::moves, CallRank::writes}) {
    auto& row = lane.places[index(rank)];
    while (!closed_ && !row.waiting.empty() && row.taken < places(lane) &&
           lane.not_before <= clocks_.steady()) {
      const auto next = row.waiting.begin()->second.lock();
      row.waiting.erase(row.waiting.begin());
      if (!next) continue;
      lane.turn = next.get();
      next->take_turn();
      lane.turn = nullptr;
    }
    if (!row.waiting.empty() && lane.not_before > clocks_.steady())
      wake_at(provider, lane, lane.not_before);
  }
}

std::optional<TimePoint> ProviderGate::next_call(const Lane& lane, CallRank rank,
                                                 TimePoint now) const {
  if (lane.calling >= lane.can.at_once) return std::nullopt;
  const auto at = lane.window.next(now, rank == CallRank::looks ? share_of_looks : 1);
  return std::max(at, lane.not_before);
}

awaitable<bool> ProviderGate::turn(const Provider& provider, CallRank rank, std::uint64_t ticket,
                                   bool patient) {
  auto& lane = lane_of(provider);
  const auto now = clocks_.steady();
  const Key key{rank, ticket};
  const bool first = lane.waiting.empty() || key < lane.waiting.begin()->first;
  const auto at = next_call(lane, rank, now);
  if (first && at && *at <= now) {
    ++lane.calling;
    lane.window.called(now);
    co_return true;
  }
  if (closed_ || (!patient && lane.not_before > now)) co_return false;
  auto initiate = [patient](auto handler, ProviderGate* gate, asio::any_io_executor executor,
                            const Provider* whose, Key place) {
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    Call call;
    call.go = [shared, executor](bool may) {
      asio::post(executor, [shared, may]() mutable { std::move (*shared)(may); });
    };
    call.patient = patient;
    gate->lanes_[whose].waiting.emplace(place, std::move(call));
    gate->admit(whose);
  };
  auto executor = executor_;
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(bool)>(
      initiate, asio::use_awaitable, this, std::move(executor), &provider, key);
}

void ProviderGate::called(const Provider& provider) {
  --lanes_[&provider].calling;
  admit(&provider);
}

void ProviderGate::hurry(const Provider& provider, CallRank rank, std::uint64_t ticket) {
  auto& lane = lanes_[&provider];
  const auto [from, to] = lane.waiting.equal_range(Key{rank, ticket});
  for (auto call = from; call != to; ++call) call->second.patient = false;
  send_away(lane);
}

// Who does not wait until a throttle is over.
void ProviderGate::send_away(Lane& lane) {
  if (lane.not_before <= clocks_.steady()) return;
  for (auto call = lane.waiting.begin(); call != lane.waiting.end();) {
    if (call->second.patient) {
      ++call;
      continue;
    }
    const auto go = std::move(call->second.go);
    call = lane.waiting.erase(call);
    go(false);
  }
}

void ProviderGate::admit(const Provider* provider) {
  auto& lane = lanes_[provider];
  while (!lane.waiting.empty()) {
    const auto now = clocks_.steady();
    const auto first = lane.waiting.begin();
    const auto at = next_call(lane, first->first.first, now);
    if (!at) return;
    if (*at > now) return wake_at(provider, lane, *at);
    const auto go = std::move(first->second.go);
    lane.waiting.erase(first);
    ++lane.calling;
    lane.window.called(now);
    go(true);
  }
}

void ProviderGate::wake_at(const Provider* provider, Lane& lane, TimePoint when) {
  if (lane.wakes_at && *lane.wakes_at <= when) return;
  lane.wakes_at = when;
  tasks_.spawn("turns of a provider", wake(provider, when));
}

awaitable<void> ProviderGate::wake(const Provider* provider, TimePoint when) {
  const auto sleep = clocks_.sleep;
  const auto pause = std::chrono::ceil<Millis>(when - clocks_.steady());
  co_await sleep(std::max(pause, Millis(1)));
  if (co_await being_stopped()) co_return;
  auto& lane = lanes_[provider];
  if (lane.wakes_at == when) lane.wakes_at.reset();
  admit(provider);
  admit_swaps(provider);
}

TimePoint ProviderGate::throttled(const Provider& provider, Millis retry_after) {
  auto& lane = lanes_[&provider];
  const auto own = std::min(longest_throttle, first_throttle * (1 << std::min(lane.throttles, 10)));
  ++lane.throttles;
  const auto pause = retry_after > Millis(0) ? std::min(retry_after, longest_retry_after) : own;
  lane.not_before = std::max(lane.not_before, clocks_.steady() + pause);
  send_away(lane);
  admit_swaps(&provider);  // nobody may, but somebody has to be woken
  return lane.not_before;
}

void ProviderGate::not_throttled(const Provider& provider) {
  lanes_[&provider].throttles = 0;
}

std::optional<TimePoint> ProviderGate::left_alone_until(const Provider& provider) const {
  const auto lane = lanes_.find(&provider);
  if (lane == lanes_.end() || lane->second.not_before <= clocks_.steady()) return std::nullopt;
  return lane->second.not_before;
}

void ProviderGate::close() {
  closed_ = true;
  for (auto& [provider, lane] : lanes_) {
    for (auto& row : lane.places) row.waiting.clear();
    for (auto& [key, call] : std::exchange(lane.waiting, {})) call.go(false);
  }
}

}  // namespace hotswapd
