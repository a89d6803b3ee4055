// The messages of one sink and which of them goes next: order, retries, expiry and the bound. Pure:
// `now` is given.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/time.hpp"

namespace hotswapd {

struct OutboxLimits {
  std::size_t messages = 10'000;           // of one sink
  Millis first_retry{1'000};               // doubles with each failure of the sink in sequence ...
  Millis longest_retry{60'000};            // ... up to this; jitter adds up to a quarter
  Seconds life = std::chrono::hours(24);   // of a message, at most
  Seconds delivery{10};                    // of one delivery
  Seconds idle = std::chrono::minutes(5);  // an idle sink's connection is kept as long
  Millis drop_reports{60'000};             // between two reports of what one sink dropped
};

// Keeps the order within a service, over durable and ephemeral messages alike; across services the
// oldest goes first. One delivery at a time. A failure puts the whole sink off; what failed more
// often waits behind the others, so that one message that a sink can't stand does not hold up the
// rest. A durable message is not sent before it is ready (its row is on the disk), and the later
// ones of its service wait for it.
class OutboxQueue {
 public:
  enum class Drop { expired, refused, overflow };
  struct Dropped {
    std::int64_t id = 0;  // 0: it was ephemeral
    Drop why = Drop::expired;
    bool ready = true;  // false: its row is not known to be on the disk
  };
  enum class Step { deliver, wait, idle };
  struct Next {
    Step step = Step::idle;
    std::string body;   // deliver
    TimePoint until{};  // wait
  };

  explicit OutboxQueue(OutboxLimits limits = {}) : limits_(limits) {}
  // A lower bound drops nothing that waits: from then on each new message displaces one.
  void set_limit(std::size_t messages) { limits_.messages = messages; }

  // id 0: ephemeral, ready at once. Beyond the bound the oldest ephemeral message goes, then the
  // oldest durable one.
  void push(std::int64_t id, const std::string& service, std::string body, TimePoint expires,
            bool ready);
  bool mark_ready(std::int64_t id);  // false: not here
  bool remove(std::int64_t id);      // false: not here, or on its way

  // What to do now. After `deliver` exactly one of delivered(), failed() and refused() is called
  // before the next next().
  Next next(TimePoint now);
  std::int64_t delivered();  // the id of the message that was on its way; 0: ephemeral
  void failed(TimePoint now, double jitter);  // 0 <= jitter < 1; the message stays
  void refused();                             // the message is dropped: trying again is no use
  void hurry();                               // ends the pause after a failure

  std::vector<Dropped> take_dropped();
  std::size_t size() const noexcept { return size_; }
  bool can_deliver() const noexcept { return on_its_way_ != nullptr || !runnable_.empty(); }
  int failures() const noexcept { return failures_; }  // in sequence

 private:
  struct Entry {
    std::uint64_t number = 0;
    std::int64_t id = 0;
    std::string body;
    TimePoint expires{};
    int tries = 0;
    bool ready = false;
  };
  struct Lane {
    std::string service;
    std::deque<Entry> entries;
  };
  using Rank = std::pair<int, std::uint64_t>;  // tries, then age

  std::map<std::uint64_t, Lane*>& index_of(const Entry& entry) {
    return entry.id == 0 ? ephemeral_ : durable_;
  }
  void enlist(Lane& lane);
  void delist(const Lane& lane);
  void erase(Lane& lane, std::uint64_t number, std::optional<Drop> why);
  void make_room();

  OutboxLimits limits_;
  std::map<std::string, Lane> lanes_;
  std::map<Rank, Lane*> runnable_;            // lanes whose first message may go
  std::map<std::uint64_t, Lane*> ephemeral_;  // by age, without the one that is on its way
  std::map<std::uint64_t, Lane*> durable_;
  std::unordered_map<std::int64_t, std::pair<Lane*, std::uint64_t>> by_id_;
  std::vector<Dropped> dropped_;
  Lane* on_its_way_ = nullptr;  // its first message is
  std::size_t size_ = 0;
  std::uint64_t next_number_ = 1;
  int failures_ = 0;
  TimePoint pause_until_{};
};

}  // namespace hotswapd
