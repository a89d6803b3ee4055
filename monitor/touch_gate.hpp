// Lets writes that move no traffic take turns: so many at a time, the others wait in the order in
// which they came.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>

namespace hotswapd {

class FailoverService;

// A first record, a TTL or a generation can wait, and after a first start every service has one to
// write at the same instant: tens of thousands of swaps under way, each with its plan, its evidence
// and its rows for the journal, would fill the memory and the store's queue. A write that moves
// traffic never asks here, and finds no more than these few before it in the store's queue.
//
// Lives on shard 0.
class TouchGate {
 public:
  explicit TouchGate(std::size_t places) : free_(places) {}

  // Whether `service` may begin; it has to leave() then. Otherwise its take_turn() is called when a
  // place is free: it asks again, or has nothing to write any more.
  bool enter(const std::shared_ptr<FailoverService>& service);
  void leave();

  void close();  // nobody begins any more

 private:
  std::size_t free_;
  std::deque<std::weak_ptr<FailoverService>> waiting_;
  bool closed_ = false;
};

}  // namespace hotswapd
