#include "notifiers/outbox_queue.hpp"

#include <algorithm>
#include <utility>

namespace hotswapd {

void OutboxQueue::enlist(Lane& lane) {
  if (&lane == on_its_way_ || lane.entries.empty() || !lane.entries.front().ready) return;
  const Entry& first = lane.entries.front();
  runnable_.emplace(Rank{first.tries, first.number}, &lane);
}

void OutboxQueue::delist(const Lane& lane) {
  if (lane.entries.empty()) return;
  const Entry& first = lane.entries.front();
  runnable_.erase(Rank{first.tries, first.number});
}

void OutboxQueue::erase(Lane& lane, std::uint64_t number, std::optional<Drop> why) {
  delist(lane);
  const auto found = std::find_if(lane.entries.begin(), lane.entries.end(),
                                  [number](const Entry& entry) { return entry.number == number; });
  if (found != lane.entries.end()) {
    index_of(*found).erase(number);
    if (found->id != 0) by_id_.erase(found->id);
    if (why) dropped_.push_back({found->id, *why, found->ready});
    lane.entries.erase(found);
    --size_;
  }
  if (lane.entries.empty() && &lane != on_its_way_) {
    lanes_.erase(lanes_.find(lane.service));
  } else {
    enlist(lane);
  }
}

void OutboxQueue::make_room() {
  auto& victims = ephemeral_.empty() ? durable_ : ephemeral_;
  if (victims.empty()) return;
  const auto [number, lane] = *victims.begin();
  erase(*lane, number, Drop::overflow);
}

void OutboxQueue::push(std::int64_t id, const std::string& service, std::string body,
                       TimePoint expires, bool ready) {
  if (size_ >= limits_.messages) make_room();
  Lane& lane = lanes_[service];
  if (lane.entries.empty()) lane.service = service;
  Entry entry;
  entry.number = next_number_++;
  entry.id = id;
  entry.body = std::move(body);
  entry.expires = expires;
  entry.ready = ready || id == 0;
  index_of(entry).emplace(entry.number, &lane);
  if (id != 0) by_id_.emplace(id, std::pair(&lane, entry.number));
  lane.entries.push_back(std::move(entry));
  ++size_;
  if (lane.entries.size() == 1) enlist(lane);
}

bool OutboxQueue::mark_ready(std::int64_t id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return false;
  auto& [lane, number] = found->second;
  for (auto& entry : lane->entries) {
    if (entry.number == number) entry.ready = true;
  }
  enlist(*lane);  // does nothing unless it is the first, and nothing twice
  return true;
}

bool OutboxQueue::remove(std::int64_t id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return false;
  const auto [lane, number] = found->second;
  if (lane == on_its_way_ && lane->entries.front().number == number) return false;
  erase(*lane, number, std::nullopt);
  return true;
}

OutboxQueue::Next OutboxQueue::next(TimePoint now) {
  Next out;
  while (!runnable_.empty()) {
    Lane& lane = *runnable_.begin()->second;
    Entry& first = lane.entries.front();
    if (first.expires <= now) {
      erase(lane, first.number, Drop::expired);
      continue;
    }
    if (now < pause_until_) {
      out.step = Step::wait;
      out.until = pause_until_;
      return out;
    }
    delist(lane);
    index_of(first).erase(first.number);
    on_its_way_ = &lane;
    out.step = Step::deliver;
    out.body = first.body;
    return out;
  }
  return out;
}

std::int64_t OutboxQueue::delivered() {
  Lane& lane = *std::exchange(on_its_way_, nullptr);
  const std::int64_t id = lane.entries.front().id;
  failures_ = 0;
  pause_until_ = {};
  erase(lane, lane.entries.front().number, std::nullopt);
  return id;
}

void OutboxQueue::failed(TimePoint now, double jitter) {
  Lane& lane = *std::exchange(on_its_way_, nullptr);
  Entry& first = lane.entries.front();
  ++first.tries;
  index_of(first).emplace(first.number, &lane);
  enlist(lane);
  Millis delay = limits_.first_retry;
  for (int i = 0; i < failures_ && delay < limits_.longest_retry; ++i) delay *= 2;
  delay = std::min(delay, limits_.longest_retry);
  const auto extra = static_cast<Millis::rep>(static_cast<double>(delay.count()) / 4 * jitter);
  pause_until_ = now + delay + Millis(extra);
  ++failures_;
}

void OutboxQueue::refused() {
  Lane& lane = *std::exchange(on_its_way_, nullptr);
  failures_ = 0;
  pause_until_ = {};
  erase(lane, lane.entries.front().number, Drop::refused);
}

void OutboxQueue::hurry() {
  pause_until_ = {};
}

std::vector<OutboxQueue::Dropped> OutboxQueue::take_dropped() {
  return std::exchange(dropped_, {});
}

}  // namespace hotswapd
