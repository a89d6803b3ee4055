// Says which service is due when: at a fixed rate, spread by a stable hash, late slots skipped and
// counted. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/ids.hpp"
#include "core/time.hpp"

namespace hotswapd {

// Slots of a service lie at offset + k * interval on the clock's own axis: no drift however late a
// round began, and the same place after a restart of the process with the same services. The key's
// hash names a few places in the interval, and the service takes the one with the fewest
// neighbours: a hash alone would make the fullest second a quarter fuller than the mean. Wake-ups
// fall on a grid of 10 ms, or 100 ms where the interval is 5 s and more, so that what is due
// together costs one wake-up.
class DueQueue {
 public:
  struct Due {
    ServiceId service;
    TimePoint slot;             // when it should have begun
    std::uint64_t skipped = 0;  // slots before this one that passed unused since the last pop
    bool at_once = false;       // not a slot of the grid: `slot` is when it was asked for
  };

  // Adds the service or replaces its timing. `at_once`: due now, the stable slots follow; else at
  // its next slot.
  void upsert(ServiceId service, std::string_view key, Millis interval, Millis recheck,
              bool at_once, TimePoint now);
  void remove(ServiceId service);

  // While pending the next round comes `recheck` after the last one; then the stable slots are
  // taken up again.
  void set_pending(ServiceId service, bool pending, TimePoint now);

  // One service whose slot has come; its next slot is set. What is later than half its interval (5
  // s at most) is not made good for: after a pause of the process the slots missed are skipped, and
  // nothing comes in a bunch.
  std::optional<Due> pop(TimePoint now);

  // The earliest grid point at which pop() has something; absent when there is nothing to wait for.
  std::optional<TimePoint> next() const;

  std::size_t size() const noexcept { return entries_.size(); }

  // Counts up the slots that were skipped by pop() without a round, since the start.
  std::uint64_t skipped() const noexcept { return skipped_; }

 private:
  struct Entry {
    std::uint64_t hash = 0;
    std::int64_t place = 0;  // of the interval's grid
    Clock::duration interval{};
    Clock::duration recheck{};
    TimePoint last;           // the slot before
    TimePoint slot;           // the next one
    TimePoint wake;           // the grid point at which it comes up: a key of wakes_
    std::uint32_t index = 0;  // its place there
    std::uint64_t skipped = 0;
    bool pending = false;
    bool at_once = false;  // the next slot is not of the grid, and waits as long as it must
  };
  using Node = std::pair<const ServiceId, Entry>;  // stays where it is in entries_

  // Who comes up at one grid point, in the order in which they were put there. There are few grid
  // points and many services: a heap of services would be sifted through cold memory.
  struct Crop {
    std::vector<Node*> nodes;  // null: has left
    std::uint32_t first = 0;   // those before have left
    std::uint32_t size = 0;    // who has not left; never 0 in wakes_
  };

  // How many services of one interval have their slot in each second and at each grid point of it.
  struct Crowd {
    std::vector<std::uint32_t> seconds;
    std::vector<std::uint32_t> places;
  };

  static Clock::duration grid_of(Clock::duration interval);
  Crowd* crowd_of(Clock::duration interval);
  void settle(Entry& entry);
  void leave(const Entry& entry);
  static TimePoint stable_slot_after(const Entry& entry, TimePoint time);
  void schedule(Node& node, TimePoint slot);
  void wake_at(Node& node, TimePoint at);
  void sleep(Entry& entry);

  std::unordered_map<ServiceId, Entry> entries_;
  std::map<Clock::duration, Crowd> crowds_;
  std::map<TimePoint, Crop> wakes_;  // every service once
  std::uint64_t skipped_ = 0;
};

}  // namespace hotswapd
