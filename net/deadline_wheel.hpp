// A wheel of deadlines on a 10 ms grid: adding and removing cost a few instructions, however many
// there are. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/time.hpp"

namespace hotswapd {

// Deadlines are rounded up to the grid: none is reported early, none later than its grid point plus
// the caller's delay.
class DeadlineWheel {
 public:
  static constexpr Millis grid{10};

  // Embedded in what has the deadline; it must be removed from the wheel before it is destroyed.
  struct Node {
    Node() = default;
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;
    bool linked() const noexcept { return next != nullptr; }

    Node* prev = nullptr;
    Node* next = nullptr;
    std::int64_t tick = 0;
  };

  DeadlineWheel() noexcept;
  DeadlineWheel(const DeadlineWheel&) = delete;
  DeadlineWheel& operator=(const DeadlineWheel&) = delete;

  void add(Node& node, TimePoint at) noexcept;  // the node is in no wheel
  void remove(Node& node) noexcept;             // nothing when it is in none

  // Takes out one node whose deadline has passed by `now`; nullptr when there is none. Call it
  // until it says so.
  Node* pop(TimePoint now) noexcept;

  // When a deadline is seen to have passed: the first grid point that is not before it.
  static TimePoint grid_point(TimePoint at) noexcept;

  // A time at which it is worth calling pop() again: never later than the earliest deadline's grid
  // point, and not before `now`. Absent when the wheel is empty. Looks through the wheel: for after
  // pop(), not for each add().
  std::optional<TimePoint> next(TimePoint now) const noexcept;

  std::size_t size() const noexcept { return size_; }

 private:
  static constexpr std::size_t buckets =
      2048;  // 20.48 s in one turn; farther deadlines come by more than once

  static void link(Node& head, Node& node) noexcept;

  std::array<Node, buckets> heads_;
  Node due_;                 // found by the sweep, not popped yet
  std::int64_t swept_ = -1;  // every bucket up to this tick was visited; -1: nothing was ever added
  std::size_t size_ = 0;
};

}  // namespace hotswapd
