// Messages on their way to people: kept in order per service and sink, retried, told once, never in
// the loop's way.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "core/error.hpp"
#include "core/time.hpp"
#include "net/task_group.hpp"
#include "notifiers/notifier.hpp"
#include "notifiers/outbox_queue.hpp"

namespace hotswapd {

struct OutboxMessage {
  std::int64_t id = 0;  // of its row; 0: ephemeral, never stored
  std::string service;  // order is kept within it
  std::string sink;     // "syslog:udp:192.0.2.9:514"
  std::string body;
  WallTime
      expires;  // looked at when the message comes in; later jumps of the wall clock play no part
};

// What is worth a line in the log. A sink that fails is told of once, and once more when it works
// again.
struct OutboxReport {
  enum class Kind { sink_fails, sink_works, dropped } kind = Kind::dropped;
  std::string sink;
  std::string text;
};

struct OutboxStats {
  std::size_t queued = 0;
  std::uint64_t delivered = 0;
  std::uint64_t retries = 0;
  std::uint64_t expired = 0;
  std::uint64_t refused = 0;
  std::uint64_t overflowed = 0;
  std::uint64_t dropped() const { return expired + refused + overflowed; }
};

// How the outbox reaches the rest of the program; all are called on its executor, and none may call
// back into it.
struct OutboxHooks {
  std::function<Fallible<std::unique_ptr<Notifier>>(const std::string& sink)> make_notifier;
  // Begun right after the send; the sink's next message waits until it ends.
  std::function<awaitable<void>(std::int64_t id)> sent;
  std::function<void(std::int64_t id)>
      finished;  // the row is done with (delivered or dropped): delete it
  std::function<void(const OutboxReport&)> report;
};

// Lives on one executor (shard 0); every function is called there. Destroy it after join().
class Outbox {
 public:
  Outbox(asio::any_io_executor executor, OutboxHooks hooks, OutboxLimits limits,
         TaskGroup::ExceptionSink on_exception);
  ~Outbox();

  // Of each sink, from now on; what waits already stays (OutboxLimits::messages).
  void set_limit(std::size_t messages);

  // A durable message comes before its row is committed, and waits for mark_ready() or
  // mark_failed(); an ephemeral one (id 0) goes when it is its turn.
  void enqueue(OutboxMessage message, WallTime now);
  // The row is on the disk, or is not waited for any longer. Only the first word on a row counts.
  void mark_ready(std::int64_t id);
  void mark_failed(std::int64_t id);  // it is not, and never will be: what it tells did not happen
  void restore(OutboxMessage message, WallTime now);  // a row found at start: ready

  // Tries everything that is ready at once, and what gets ready meanwhile; returns when all is
  // delivered, when each sink that has some left has failed since, or at the deadline. What is left
  // stays in the store. Drops that no
  // report has counted yet are reported at once; so does request_stop().
  awaitable<void> flush(TimePoint deadline);

  void request_stop();
  awaitable<void> join();

  OutboxStats stats() const;

 private:
  struct Sink;

  Sink& sink_of(const std::string& name);
  void push(OutboxMessage message, WallTime now, bool ready);
  void settle_drops(Sink& sink, const std::string& refusal = {});
  void report_drops(Sink& sink);
  void report_all_drops();
  bool flushed() const;
  awaitable<void> run(Sink& sink);
  awaitable<Fallible<void>> deliver(Sink& sink, std::string body);
  std::int64_t conclude(Sink& sink, const Fallible<void>& result);
  void report(OutboxReport::Kind kind, const Sink& sink, std::string text);

  asio::any_io_executor executor_;
  OutboxHooks hooks_;
  OutboxLimits limits_;
  OutboxStats stats_;
  std::uint64_t random_;
  std::map<std::string, std::unique_ptr<Sink>> sinks_;
  std::unordered_map<std::int64_t, Sink*>
      uncommitted_;  // nullptr: dropped before its row was committed
  struct Flush;
  std::unique_ptr<Flush> flush_;
  TaskGroup tasks_;
};

}  // namespace hotswapd
