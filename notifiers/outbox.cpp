#include "notifiers/outbox.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <exception>
#include <utility>

#include "core/text.hpp"

namespace hotswapd {
namespace {

constexpr int burst = 32;  // deliveries in sequence before others on the loop get their turn

bool worth_a_retry(errc code) {
  return code == errc::unavailable || code == errc::timed_out || code == errc::unknown_fate;
}

// xorshift64*: spreads retries, nothing more.
double jitter(std::uint64_t& state) {
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return static_cast<double>((state * 0x2545f4914f6cdd1du) >> 11) / 9007199254740992.0;
}

}  // namespace

struct Outbox::Sink {
  Sink(std::string n, const asio::any_io_executor& executor, const OutboxLimits& limits)
      : name(std::move(n)), queue(limits), wake(executor) {}

  std::string name;
  OutboxQueue queue;
  std::unique_ptr<Notifier> notifier;
  asio::steady_timer wake;  // cancelled when there may be something to do
  bool noting = false;      // the last message is told, and that is being noted
  bool failed_since_flush = false;
  bool told_failing = false;
  std::uint64_t untold_drops = 0;
  std::string drop_reason;  // of the last one
  TimePoint next_drop_report{};
};

struct Outbox::Flush {
  explicit Flush(const asio::any_io_executor& executor) : changed(executor) {}
  asio::steady_timer changed;  // cancelled when a delivery ended
};

Outbox::Outbox(asio::any_io_executor executor, OutboxHooks hooks, OutboxLimits limits,
               TaskGroup::ExceptionSink on_exception)
    : executor_(std::move(executor)),
      hooks_(std::move(hooks)),
      limits_(limits),
      random_(static_cast<std::uint64_t>(Clock::now().time_since_epoch().count()) | 1u),
      flush_(std::make_unique<Flush>(executor_)),
      tasks_(executor_, std::move(on_exception)) {}

Outbox::~Outbox() = default;

Outbox::Sink& Outbox::sink_of(const std::string& name) {
  auto& sink = sinks_[name];
  if (!sink) {
    sink = std::make_unique<Sink>(name, executor_, limits_);
    tasks_.spawn("outbox " + name, run(*sink));
  }
  return *sink;
}

void Outbox::push(OutboxMessage message, WallTime now, bool ready) {
  Sink& sink = sink_of(message.sink);
  const Millis life = std::clamp<Millis>(message.expires - now, Millis(0), limits_.life);
  if (!ready && message.id != 0) uncommitted_[message.id] = &sink;
  sink.queue.push(message.id, message.service, std::move(message.body), Clock::now() + life, ready);
  settle_drops(sink);
  sink.wake.cancel();
}

void Outbox::set_limit(std::size_t messages) {
  limits_.messages = messages;
  for (auto& [name, sink] : sinks_) sink->queue.set_limit(messages);
}

void Outbox::enqueue(OutboxMessage message, WallTime now) {
  push(std::move(message), now, false);
}
void Outbox::restore(OutboxMessage message, WallTime now) {
  push(std::move(message), now, true);
}

void Outbox::mark_ready(std::int64_t id) {
  const auto found = uncommitted_.find(id);
  if (found == uncommitted_.end()) return;
  Sink* sink = found->second;
  uncommitted_.erase(found);
  if (sink == nullptr) {
    hooks_.finished(id);
    return;
  }
  sink->queue.mark_ready(id);
  sink->wake.cancel();
}

void Outbox::mark_failed(std::int64_t id) {
  const auto found = uncommitted_.find(id);
  if (found == uncommitted_.end()) return;
  Sink* sink = found->second;
  uncommitted_.erase(found);
  if (sink == nullptr) return;
  sink->queue.remove(id);
  sink->wake.cancel();  // what waited behind it may go
}

void Outbox::report(OutboxReport::Kind kind, const Sink& sink, std::string text) {
  if (hooks_.report) hooks_.report({kind, sink.name, std::move(text)});
}

void Outbox::settle_drops(Sink& sink, const std::string& refusal) {
  for (const auto& drop : sink.queue.take_dropped()) {
    ++sink.untold_drops;
    switch (drop.why) {
      case OutboxQueue::Drop::expired:
        ++stats_.expired;
        sink.drop_reason = "not delivered in time";
        break;
      case OutboxQueue::Drop::refused:
        ++stats_.refused;
        sink.drop_reason = clean(refusal);
        break;
      case OutboxQueue::Drop::overflow:
        ++stats_.overflowed;
        sink.drop_reason = "too many are waiting";
        break;
    }
    if (drop.id == 0) continue;
    if (drop.ready) {
      hooks_.finished(drop.id);
    } else {
      uncommitted_[drop.id] = nullptr;
    }
  }
  if (Clock::now() >= sink.next_drop_report) report_drops(sink);
}

void Outbox::report_drops(Sink& sink) {
  if (sink.untold_drops == 0) return;
  const auto count = std::exchange(sink.untold_drops, 0);
  sink.next_drop_report = Clock::now() + limits_.drop_reports;
  report(OutboxReport::Kind::dropped, sink,
         std::to_string(count) + (count == 1 ? " message dropped: " : " messages dropped: ") +
             sink.drop_reason);
}

void Outbox::report_all_drops() {
  for (auto& [name, sink] : sinks_) {
    settle_drops(*sink);
    report_drops(*sink);
  }
}

awaitable<Fallible<void>> Outbox::deliver(Sink& sink, std::string body) {
  // An exception is a defect of the notifier; it must not silence the sink for ever.
  std::string defect;
  try {
    if (!sink.notifier) {
      auto made = hooks_.make_notifier(sink.name);
      if (!made) co_return made.error();
      sink.notifier = std::move(*made);
    }
    Fallible<void> result =
        co_await sink.notifier->deliver(std::move(body), Clock::now() + limits_.delivery);
    co_return result;
  } catch (const std::exception& e) {
    defect = e.what();
  }
  const Error error{errc::unavailable, "defect in the notifier: " + clean(defect)};
  co_return error;
}

// The id of a message that is told now and has a row; 0 when there is none.
std::int64_t Outbox::conclude(Sink& sink, const Fallible<void>& result) {
  std::int64_t told = 0;
  if (result) {
    told = sink.queue.delivered();
    ++stats_.delivered;
    if (std::exchange(sink.told_failing, false))
      report(OutboxReport::Kind::sink_works, sink, "delivers again");
  } else if (worth_a_retry(result.error().code)) {
    ++stats_.retries;
    sink.failed_since_flush = true;
    sink.queue.failed(Clock::now(), jitter(random_));
    if (!std::exchange(sink.told_failing, true)) {
      report(OutboxReport::Kind::sink_fails, sink, clean(result.error().text));
    }
  } else {
    sink.queue.refused();
    settle_drops(sink, result.error().text);
  }
  settle_drops(sink);
  return told;
}

awaitable<void> Outbox::run(Sink& sink) {
  int sent_in_sequence = 0;
  while ((co_await asio::this_coro::cancellation_state).cancelled() ==
         asio::cancellation_type::none) {
    auto next = sink.queue.next(Clock::now());
    settle_drops(sink);
    if (next.step == OutboxQueue::Step::deliver) {
      Fallible<void> result = co_await deliver(sink, std::move(next.body));
      const std::int64_t told = conclude(sink, result);
      if (told != 0) {
        sink.noting = true;
        co_await hooks_.sent(told);
        sink.noting = false;
        hooks_.finished(told);
      }
      flush_->changed.cancel();
      if (++sent_in_sequence % burst == 0) co_await asio::post(nothrow);
      continue;
    }
    flush_->changed.cancel();
    TimePoint until =
        next.step == OutboxQueue::Step::wait ? next.until : Clock::now() + limits_.idle;
    // Drops are counted to the last one, and nothing else may ever wake us again.
    if (sink.untold_drops > 0) until = std::min(until, sink.next_drop_report);
    sink.wake.expires_at(until);
    auto [ec] = co_await sink.wake.async_wait(nothrow);
    if (!ec && next.step == OutboxQueue::Step::idle && sink.queue.size() == 0 &&
        sink.untold_drops == 0) {
      const std::string name = sink.name;
      sinks_.erase(name);  // made again when it is wanted
      co_return;
    }
  }
}

bool Outbox::flushed() const {
  return std::all_of(sinks_.begin(), sinks_.end(), [](const auto& entry) {
    const Sink& sink = *entry.second;
    return (sink.queue.size() == 0 && !sink.noting) || sink.failed_since_flush;
  });
}

awaitable<void> Outbox::flush(TimePoint deadline) {
  report_all_drops();
  for (auto& [name, sink] : sinks_) {
    sink->failed_since_flush = false;
    sink->queue.hurry();
    sink->wake.cancel();
  }
  while (!flushed() && Clock::now() < deadline) {
    flush_->changed.expires_at(deadline);
    co_await flush_->changed.async_wait(nothrow);
    if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none)
      co_return;
  }
}

void Outbox::request_stop() {
  report_all_drops();
  tasks_.request_stop();
}

awaitable<void> Outbox::join() {
  return tasks_.join();
}

OutboxStats Outbox::stats() const {
  OutboxStats out = stats_;
  for (const auto& [name, sink] : sinks_) out.queued += sink->queue.size();
  return out;
}

}  // namespace hotswapd
