#include "net/deadline_wheel.hpp"

#include <algorithm>

namespace hotswapd {
namespace {

std::int64_t floor_tick(TimePoint at) noexcept {
  return at.time_since_epoch() / DeadlineWheel::grid;
}

std::int64_t ceil_tick(TimePoint at) noexcept {
  const auto tick = floor_tick(at);
  return at.time_since_epoch() % DeadlineWheel::grid == Clock::duration::zero() ? tick : tick + 1;
}

TimePoint time_of(std::int64_t tick) noexcept {
  return TimePoint(tick * DeadlineWheel::grid);
}

}  // namespace

DeadlineWheel::DeadlineWheel() noexcept {
  for (auto& head : heads_) head.prev = head.next = &head;
  due_.prev = due_.next = &due_;
}

TimePoint DeadlineWheel::grid_point(TimePoint at) noexcept {
  return time_of(ceil_tick(at));
}

void DeadlineWheel::link(Node& head, Node& node) noexcept {
  node.prev = head.prev;
  node.next = &head;
  head.prev->next = &node;
  head.prev = &node;
}

void DeadlineWheel::add(Node& node, TimePoint at) noexcept {
  node.tick = ceil_tick(at);
  ++size_;
  if (node.tick <= swept_) {
    link(due_, node);
  } else {
    link(heads_[static_cast<std::size_t>(node.tick) % buckets], node);
  }
}

void DeadlineWheel::remove(Node& node) noexcept {
  if (!node.linked()) return;
  node.prev->next = node.next;
  node.next->prev = node.prev;
  node.prev = node.next = nullptr;
  --size_;
}

DeadlineWheel::Node* DeadlineWheel::pop(TimePoint now) noexcept {
  const auto until = floor_tick(now);
  while (due_.next == &due_ && swept_ < until && size_ != 0) {
    // After a long pause one turn visits everything.
    const auto from = std::max(swept_ + 1, until - static_cast<std::int64_t>(buckets) + 1);
    auto& head = heads_[static_cast<std::size_t>(from) % buckets];
    for (Node* node = head.next; node != &head;) {
      Node* const following = node->next;
      if (node->tick <= until) {
        node->prev->next = node->next;
        node->next->prev = node->prev;
        link(due_, *node);
      }
      node = following;
    }
    swept_ = from;
  }
  if (due_.next == &due_) return nullptr;
  Node* const node = due_.next;
  remove(*node);
  return node;
}

std::optional<TimePoint> DeadlineWheel::next(TimePoint now) const noexcept {
  if (size_ == 0) return std::nullopt;
  if (due_.next != &due_) return now;
  for (std::int64_t tick = swept_ + 1; tick <= swept_ + static_cast<std::int64_t>(buckets);
       ++tick) {
    const auto& head = heads_[static_cast<std::size_t>(tick) % buckets];
    for (const Node* node = head.next; node != &head; node = node->next) {
      if (node->tick == tick) return std::max(now, time_of(tick));
    }
  }
  // Everything is more than a turn away.
  return std::max(now, time_of(swept_ + static_cast<std::int64_t>(buckets)));
}

}  // namespace hotswapd
