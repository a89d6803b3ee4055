#include "app/outbox_teller.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <utility>

#include "app/wall_clock.hpp"
#include "core/hash.hpp"
#include "net/sleep.hpp"
#include "notifiers/local_time.hpp"
#include "notifiers/syslog_udp.hpp"

namespace hotswapd {
namespace {

constexpr auto message_life = std::chrono::hours(24);
// Deletions of what was told are gathered for so long: the delivery mark answers for them
// meanwhile.
constexpr Millis forget_every{100};
// A disk that refused a deletion is asked again after so long.
constexpr Millis forget_again{2'000};
// Overdue rows are looked for no more often than this, however many wait.
constexpr Millis release_every{100};
// Of one sink: a service can have as many messages waiting before the oldest give way.
constexpr std::size_t messages_per_service = 8;
constexpr std::size_t messages_to_spare = 1'000;
// At the end, for the last marks.
constexpr Millis patience{200};

// What an event is known by when its row is not: below zero, where no row's number is. The next
// version has to find the same.
std::int64_t event_mark(const std::string& event, const std::string& sink) {
  return -1 - static_cast<std::int64_t>(fnv1a(event + "\n" + sink) >> 1);
}

}  // namespace

OutboxTeller::OutboxTeller(asio::any_io_executor executor, StateStore& store, DeliveryMark marks,
                           Logger& log, Alarms& alarms, SyslogSite site, std::string host,
                           Millis row_may_take, Millis mark_may_take)
    : executor_(executor),
      store_(store),
      log_(log),
      alarms_(alarms),
      site_(std::move(site)),
      host_(std::move(host)),
      forget_timer_(executor),
      row_may_take_(row_may_take),
      mark_may_take_(mark_may_take),
      release_timer_(executor),
      outbox_(executor,
              OutboxHooks{[](const std::string& sink) { return make_syslog_notifier(sink); },
                          [this](std::int64_t id) { return note(id); },
                          [this](std::int64_t id) { finished(id); },
                          [this](const OutboxReport& report) {
                            switch (report.kind) {
                              case OutboxReport::Kind::sink_fails:
                                log_.log(LogLevel::warning, "HS1501",
                                         "telling fails sink=" + report.sink + " " + report.text);
                                break;
                              case OutboxReport::Kind::sink_works:
                                log_.log(
                                    LogLevel::info, "HS1502",
                                    "telling works again sink=" + report.sink + " " + report.text);
                                break;
                              case OutboxReport::Kind::dropped:
                                log_.log(LogLevel::error, "HS1503",
                                         "message dropped sink=" + report.sink + " " + report.text);
                                break;
                            }
                          }},
              OutboxLimits{},
              [this](const std::string& task, const std::string& what) {
                log_.log(LogLevel::error, "HS1005",
                         "a task ended by an exception task=\"" + task + "\" " + what);
              }),
      marks_(std::move(marks), [this, alive = std::weak_ptr<bool>(alive_), executor](
                                   std::uint64_t number, const Fallible<void>& result) {
        asio::post(executor, [this, alive, number, result] {
          if (!alive.expired()) noted(number, result);
        });
      }) {}

OutboxTeller::~OutboxTeller() = default;

void OutboxTeller::set_services(std::size_t services) {
  outbox_.set_limit(
      std::max(OutboxLimits{}.messages, messages_per_service * services + messages_to_spare));
}

void OutboxTeller::restore(const std::vector<OutboxRow>& rows) {
  for (const auto& row : rows) {
    if (marks_.knew(row.id)) {
      delivered_.push_back(row.id);
    } else {
      outbox_.restore({row.id, row.service.fqdn, row.sink, row.body, row.expires}, wall_now());
    }
  }
  forget_delivered();
}

std::vector<std::int64_t> OutboxTeller::prepare(const ServiceSpec& service,
                                                const std::vector<MonitorEvent>& events,
                                                Batch& batch) {
  std::vector<std::int64_t> ids;
  if (service.telling->syslog.server.empty()) return ids;
  for (const auto& event : events) {
    if (!syslog_tells(service.telling->syslog, event)) continue;
    OutboxRow row;
    row.event = event.id;
    row.service = service.key;
    row.sink = syslog_sink(service.telling->syslog);
    row.body =
        syslog_frame(event, service.telling->syslog, site_, host_, local_utc_offset(event.at));
    row.due = event.at;
    row.expires = event.at + message_life;
    if (event.change) {
      // An earlier run told it and did not get its row to the disk.
      const auto mark = event_mark(event.id, row.sink);
      if (marks_.knew(mark)) continue;
      row.id = store_.next_outbox_id();
      ids.push_back(row.id);
      rowless_.emplace(row.id, mark);
    }
    outbox_.enqueue({row.id, service.key.fqdn, row.sink, row.body, row.expires}, event.at);
    if (event.change) batch.outbox.push_back(std::move(row));
  }
  if (!ids.empty()) {
    awaited_.push_back({ids, Clock::now() + row_may_take_});
    release_overdue();
  }
  return ids;
}

// The outbox ignores what was answered in time, and an answer that comes after us.
void OutboxTeller::release_overdue() {
  if (release_armed_) return;
  const TimePoint now = Clock::now();
  for (; !awaited_.empty() && awaited_.front().until <= now; awaited_.pop_front())
    not_durable(awaited_.front().ids);
  if (awaited_.empty()) return;
  release_armed_ = true;
  release_timer_.expires_at(std::max(awaited_.front().until, now + release_every));
  release_timer_.async_wait([this, alive = std::weak_ptr<bool>(alive_)](const error_code& ec) {
    if (ec || alive.expired()) return;
    release_armed_ = false;
    release_overdue();
  });
}

void OutboxTeller::durable(const std::vector<std::int64_t>& ids) {
  for (const auto id : ids) {
    rowless_.erase(id);
    outbox_.mark_ready(id);
  }
}

// The row does not exist, the event does: people hear of it although the disk does not (rule S12).
void OutboxTeller::not_durable(const std::vector<std::int64_t>& ids) {
  for (const auto id : ids) outbox_.mark_ready(id);
}

// Without its row an event may come again under another number, by a swap that is taken up again:
// it is then known by itself.
awaitable<void> OutboxTeller::note(std::int64_t id) {
  std::vector<std::int64_t> ids{id};
  if (const auto found = rowless_.find(id); found != rowless_.end()) ids.push_back(found->second);
  const auto number = given_ = marks_.mark(std::move(ids));
  asio::steady_timer timer(executor_, mark_may_take_);
  noting_.insert(&timer);
  while (noted_ < number && !marks_hang_) {
    const auto [ec] = co_await timer.async_wait(nothrow);
    if (!ec && noted_ < number) {
      marks_hang_ = true;
      alarms_.raise("HS1404", LogLevel::warning,
                    "delivery mark not written: the disk has not answered for " +
                        std::to_string(mark_may_take_.count()) + " ms",
                    wall_now());
    }
    if (co_await being_stopped()) break;
  }
  noting_.erase(&timer);
}

void OutboxTeller::noted(std::uint64_t number, const Fallible<void>& result) {
  noted_ = std::max(noted_, number);
  for (auto* timer : noting_) timer->cancel();
  if (!result) {
    alarms_.raise("HS1404", LogLevel::warning, "delivery mark not written: " + result.error().text,
                  wall_now());
  } else if (noted_ == given_) {
    marks_hang_ = false;
    alarms_.clear("HS1404", "HS1402", "delivery marks are written again");
  }
}

void OutboxTeller::finished(std::int64_t id) {
  rowless_.erase(id);
  delivered_.push_back(id);
  forget_after(forget_every);
}

void OutboxTeller::forget_after(Millis pause) {
  if (forget_armed_) return;
  forget_armed_ = true;
  forget_timer_.expires_after(pause);
  forget_timer_.async_wait([this, alive = std::weak_ptr<bool>(alive_)](const error_code& ec) {
    if (ec || alive.expired()) return;
    forget_armed_ = false;
    forget_delivered();
  });
}

void OutboxTeller::forget_delivered() {
  if (delivered_.empty()) return;
  Batch batch;
  batch.delivered = delivered_;
  auto done = [this, ids = std::exchange(delivered_, {}), executor = executor_,
               alive = std::weak_ptr<bool>(alive_)](const Fallible<void>& result) {
    if (result) return;
    // The rows are still there: the mark answers for them, and its ring is finite.
    asio::post(executor, [this, ids, alive] {
      if (alive.expired()) return;
      delivered_.insert(delivered_.end(), ids.begin(), ids.end());
      if (!stopped_) forget_after(forget_again);
    });
  };
  store_.commit(std::move(batch), std::move(done));
}

awaitable<void> OutboxTeller::stop(TimePoint deadline) {
  co_await outbox_.flush(deadline);
  outbox_.request_stop();
  co_await outbox_.join();
  stopped_ = true;
  release_timer_.cancel();
  forget_timer_.cancel();
  forget_delivered();
  marks_.close(Clock::now() + (marks_hang_ ? Millis(0) : patience));
}

}  // namespace hotswapd
