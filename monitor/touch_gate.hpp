// Lets writes that move no traffic take turns: so many at a time for each provider, the others wait
// in the order in which they came.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>

namespace hotswapd {

class FailoverService;
class Provider;

// A first record, a TTL or a generation can wait, and after a first start every service has one to
// write at the same instant: tens of thousands of swaps under way, each with its plan, its evidence
// and its rows for the journal, would fill the memory and the store's queue. A write that moves
// traffic never asks here, and finds no more than these few before it in the store's queue.
//
// Lives on shard 0.
class TouchGate {
 public:
  explicit TouchGate(std::size_t places) : places_(places) {}

  // Whether `service` may write to `provider` now; it has to leave() then. Otherwise its
  // take_turn() is called when a place is free: it asks again, or has nothing to write any more.
  bool enter(const Provider& provider, const std::shared_ptr<FailoverService>& service);
  void leave(const Provider& provider);

  void close();  // nobody begins any more

 private:
  struct Lane {
    std::size_t taken = 0;
    std::deque<std::weak_ptr<FailoverService>> waiting;
  };

  const std::size_t places_;
  std::map<const Provider*, Lane> lanes_;  // of those who ever wrote: there are few
  bool closed_ = false;
};

}  // namespace hotswapd
