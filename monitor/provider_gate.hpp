// Who may turn to a provider now: swaps take places, calls take turns, in the order in which they
// were wanted; a provider that asks to be left alone is, and no other waits for it.
#pragma once

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "core/time.hpp"
#include "dns/provider.hpp"
#include "monitor/call_window.hpp"
#include "monitor/clocks.hpp"
#include "net/task_group.hpp"

namespace hotswapd {

class FailoverService;

// What moves traffic goes before what does not, that before a look at what stands there.
enum class CallRank : std::uint8_t { moves, writes, looks };

// A first record, a TTL or a generation can wait, and after a first start every service has one to
// write at the same instant: tens of thousands of swaps under way, each with its plan, its evidence
// and its rows for the journal, would fill the memory and the store's queue. What moves traffic
// waits only where the provider bears just so many calls; while it waits nothing is journalled, and
// it is decided anew when its turn comes. A swap that backs off gives its place away and keeps its
// rank.
//
// Lives on shard 0, as long as the tasks that call.
class ProviderGate {
 public:
  ProviderGate(asio::any_io_executor executor, Clocks clocks, TaskGroup& tasks);

  // Whether a swap may begin now: it has a place, and has to leave() it then. If not, its
  // take_turn() is called when there is room; it asks again, or has nothing to write any more.
  bool enter(const Provider& provider, const std::shared_ptr<FailoverService>& service,
             CallRank rank, std::uint64_t ticket);
  void leave(const Provider& provider, CallRank rank);
  // It does not want to any more.
  void forget(const Provider& provider, CallRank rank, std::uint64_t ticket);
  // So many wait before it.
  std::size_t ahead(const Provider& provider, CallRank rank, std::uint64_t ticket) const;
  std::uint64_t ticket() { return ++tickets_; }  // rises: the order in which things were wanted

  // One call of read() or apply(): waits for its turn. True: it may be made now, and called() must
  // follow. False: we are stopping, and it would have to wait; or it is not `patient`, and the
  // provider asks to be left alone.
  awaitable<bool> turn(const Provider& provider, CallRank rank, std::uint64_t ticket,
                       bool patient = true);
  void called(const Provider& provider);
  // A call that waits for its turn is not patient any more.
  void hurry(const Provider& provider, CallRank rank, std::uint64_t ticket);

  // The provider asked to be left alone for so long; 0: it did not say. Returns until when it is.
  TimePoint throttled(const Provider& provider, Millis retry_after);
  void not_throttled(const Provider& provider);  // it answered something else
  // Until when nobody may ask it; nullopt: it did not ask for that, or the time is over.
  std::optional<TimePoint> left_alone_until(const Provider& provider) const;

  void close();  // nobody begins any more, and nobody waits
  bool closed() const noexcept { return closed_; }

 private:
  using Key = std::pair<CallRank, std::uint64_t>;
  struct Places {
    std::size_t taken = 0;
    std::map<std::uint64_t, std::weak_ptr<FailoverService>> waiting;  // by ticket
  };
  struct Call {
    std::function<void(bool)> go;
    bool patient = true;
  };
  struct Lane {
    ProviderCapabilities can;
    std::array<Places, 2> places;  // of what moves, and of what else is written
    const FailoverService* turn = nullptr;
    CallWindow window;
    std::size_t calling = 0;
    std::multimap<Key, Call> waiting;
    TimePoint not_before{};
    int throttles = 0;  // in a row
    std::optional<TimePoint> wakes_at;
  };

  Lane& lane_of(const Provider& provider);
  static std::size_t places(const Lane& lane);
  // nullopt: when a call is over.
  std::optional<TimePoint> next_call(const Lane& lane, CallRank rank, TimePoint now) const;
  void admit(const Provider* provider);
  void send_away(Lane& lane);
  void admit_swaps(const Provider* provider);
  void wake_at(const Provider* provider, Lane& lane, TimePoint when);
  awaitable<void> wake(const Provider* provider, TimePoint when);

  asio::any_io_executor executor_;
  Clocks clocks_;
  TaskGroup& tasks_;
  std::map<const Provider*, Lane> lanes_;  // of those who were ever asked: there are few
  std::uint64_t tickets_ = 0;
  bool closed_ = false;
};

}  // namespace hotswapd
