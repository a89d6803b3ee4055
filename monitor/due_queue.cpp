#include "monitor/due_queue.hpp"

#include <algorithm>
#include <utility>

#include "core/hash.hpp"

namespace hotswapd {
namespace {

constexpr Clock::duration fine_grid = Millis(10);
constexpr Clock::duration coarse_grid = Millis(100);
constexpr Clock::duration coarse_from = Seconds(5);
constexpr Clock::duration always_allowed = Millis(100);
constexpr Clock::duration latest =
    Seconds(5);  // a round that begins later than this is not worth its burst

// Beyond this many grid points (15 minutes) an interval is long enough for chance.
constexpr std::int64_t most_places = 9'000;
// Places that a hash offers: with four, the fullest second has one or two above the mean.
constexpr int choices = 4;

TimePoint round_up(TimePoint time, Clock::duration grid) {
  const auto over = time.time_since_epoch() % grid;
  return over == Clock::duration::zero() ? time : time + (grid - over);
}

}  // namespace

Clock::duration DueQueue::grid_of(Clock::duration interval) {
  return interval >= coarse_from ? coarse_grid : fine_grid;
}

// Absent where it would not be worth its room.
DueQueue::Crowd* DueQueue::crowd_of(Clock::duration interval) {
  const auto places = std::max<std::int64_t>(1, interval / grid_of(interval));
  if (places > most_places) return nullptr;
  auto& crowd = crowds_[interval];
  if (crowd.places.empty()) {
    crowd.places.resize(static_cast<std::size_t>(places));
    crowd.seconds.resize(static_cast<std::size_t>(interval / Seconds(1)) + 1);
  }
  return &crowd;
}

void DueQueue::settle(Entry& entry) {
  const auto grid = grid_of(entry.interval);
  const auto places = static_cast<std::uint64_t>(std::max<std::int64_t>(1, entry.interval / grid));
  auto* crowd = crowd_of(entry.interval);
  std::uint64_t hash = entry.hash;
  std::uint64_t best = hash % places;
  const auto crowding = [&](std::uint64_t place) {
    const auto second = static_cast<std::int64_t>(place) * grid / Seconds(1);
    return std::pair(crowd->seconds[static_cast<std::size_t>(second)], crowd->places[place]);
  };
  for (int i = 1; i < choices && crowd != nullptr; ++i) {
    hash = mixed(hash + 1);
    if (crowding(hash % places) < crowding(best)) best = hash % places;
  }
  entry.place = static_cast<std::int64_t>(best);
  if (crowd == nullptr) return;
  ++crowd->places[best];
  ++crowd->seconds[static_cast<std::size_t>(entry.place * grid / Seconds(1))];
}

void DueQueue::leave(const Entry& entry) {
  auto* crowd = crowd_of(entry.interval);
  if (crowd == nullptr) return;
  --crowd->places[static_cast<std::size_t>(entry.place)];
  --crowd->seconds[static_cast<std::size_t>(entry.place * grid_of(entry.interval) / Seconds(1))];
}

TimePoint DueQueue::stable_slot_after(const Entry& entry, TimePoint time) {
  const auto offset = entry.place * grid_of(entry.interval);
  const auto since = time.time_since_epoch() - offset;
  auto turns = since / entry.interval;
  if (since < Clock::duration::zero()) --turns;
  return TimePoint(offset + (turns + 1) * entry.interval);
}

void DueQueue::schedule(Node& node, TimePoint slot) {
  Entry& entry = node.second;
  entry.slot = slot;
  entry.at_once = false;
  wake_at(node, round_up(slot, grid_of(entry.pending ? entry.recheck : entry.interval)));
}

// For one that sleeps.
void DueQueue::wake_at(Node& node, TimePoint at) {
  Crop& crop = wakes_[at];
  // Who left stays as a gap: keep gaps from piling up under changes without end.
  if (crop.nodes.size() > 2 * std::size_t{crop.size} + 64) {
    std::erase(crop.nodes, nullptr);
    crop.first = 0;
    for (std::uint32_t i = 0; i < crop.nodes.size(); ++i) crop.nodes[i]->second.index = i;
  }
  node.second.wake = at;
  node.second.index = static_cast<std::uint32_t>(crop.nodes.size());
  crop.nodes.push_back(&node);
  ++crop.size;
}

void DueQueue::sleep(Entry& entry) {
  const auto at = wakes_.find(entry.wake);
  Crop& crop = at->second;
  crop.nodes[entry.index] = nullptr;
  if (--crop.size == 0) wakes_.erase(at);
}

void DueQueue::upsert(ServiceId service, std::string_view key, Millis interval, Millis recheck,
                      bool at_once, TimePoint now) {
  const auto [it, fresh] = entries_.try_emplace(service);
  auto& entry = it->second;
  const auto hash = stable_hash(key);
  const auto every = std::max<Clock::duration>(interval, fine_grid);
  if (!fresh) sleep(entry);
  if (fresh || entry.hash != hash || entry.interval != every) {
    if (!fresh) leave(entry);
    entry.hash = hash;
    entry.interval = every;
    settle(entry);
  }
  entry.recheck = std::clamp<Clock::duration>(recheck, fine_grid, entry.interval);
  entry.last = now;
  if (at_once) {
    // At this very moment, not at the grid point after it; the caller paces a crowd.
    entry.slot = now;
    entry.at_once = true;
    wake_at(*it, now);
  } else {
    schedule(*it, entry.pending ? now + entry.recheck : stable_slot_after(entry, now));
  }
}

void DueQueue::remove(ServiceId service) {
  const auto it = entries_.find(service);
  if (it == entries_.end()) return;
  leave(it->second);
  sleep(it->second);
  entries_.erase(it);
}

void DueQueue::set_pending(ServiceId service, bool pending, TimePoint now) {
  const auto it = entries_.find(service);
  if (it == entries_.end() || it->second.pending == pending) return;
  auto& entry = it->second;
  entry.pending = pending;
  if (entry.slot <= now) return;  // due already: the slot after it will follow the new rule
  // Never farther from the last round than the interval that now holds.
  const TimePoint slot =
      pending ? entry.last + entry.recheck : stable_slot_after(entry, entry.last);
  if (pending && slot >= entry.slot) return;
  sleep(entry);
  schedule(*it, std::max(now, slot));
}

std::optional<DueQueue::Due> DueQueue::pop(TimePoint now) {
  while (!wakes_.empty() && wakes_.begin()->first <= now) {
    Crop& crop = wakes_.begin()->second;
    while (crop.nodes[crop.first] == nullptr) ++crop.first;
    Node& node = *crop.nodes[crop.first];
    auto& [service, entry] = node;
    sleep(entry);
    const auto period = entry.pending ? entry.recheck : entry.interval;
    if (std::exchange(entry.at_once, false)) {
      const TimePoint asked = entry.slot;
      entry.last = now;
      schedule(node, entry.pending ? now + period : stable_slot_after(entry, now));
      return Due{service, asked, std::exchange(entry.skipped, 0), true};
    }
    // Slots that came after this one and are over too.
    const auto late = now - entry.slot;
    const auto passed = late / period;
    const TimePoint newest = entry.slot + passed * period;
    const bool too_late = late > std::max(std::min(period / 2, latest), always_allowed);
    const auto missed = static_cast<std::uint64_t>(passed) + (too_late ? 1 : 0);
    entry.skipped += missed;
    skipped_ += missed;
    entry.last = newest;
    // From the slot, not from now: no drift.
    schedule(node, entry.pending ? newest + period : stable_slot_after(entry, newest));
    if (!too_late) return Due{service, newest, std::exchange(entry.skipped, 0), false};
  }
  return std::nullopt;
}

std::optional<TimePoint> DueQueue::next() const {
  if (wakes_.empty()) return std::nullopt;
  return wakes_.begin()->first;
}

}  // namespace hotswapd
