// Words the monitor's events for syslog and hands them to the outbox: durable changes by way of
// state.db, repetitions as they come.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/log.hpp"
#include "monitor/alarms.hpp"
#include "monitor/teller.hpp"
#include "notifiers/mark_writer.hpp"
#include "notifiers/outbox.hpp"
#include "notifiers/syslog_format.hpp"

namespace hotswapd {

// Lives on shard 0. A message waits for its row no longer than `row_may_take`: a disk that gives no
// answer at all silences nobody (rule S12). It leaves as if the row were there and is marked as
// told; the deletion of its row is queued behind the row, should that land later. What was told is
// noted by another thread: the next message of its sink waits for that, for `mark_may_take`.
class OutboxTeller final : public Teller {
 public:
  OutboxTeller(asio::any_io_executor executor, StateStore& store, DeliveryMark marks, Logger& log,
               Alarms& alarms, SyslogSite site, std::string host,
               Millis row_may_take = Millis(2'000), Millis mark_may_take = Millis(2'000));
  ~OutboxTeller() override;

  // Makes room for what so many services can have to say while the disk is waited for. Before
  // restore(), and when the configuration changes.
  void set_services(std::size_t services);
  // What an earlier run left to tell; what it had told already is deleted.
  void restore(const std::vector<OutboxRow>& rows);
  void set_site(SyslogSite site) { site_ = std::move(site); }

  std::vector<std::int64_t> prepare(const ServiceSpec& service,
                                    const std::vector<MonitorEvent>& events, Batch& batch) override;
  void durable(const std::vector<std::int64_t>& ids) override;
  void not_durable(const std::vector<std::int64_t>& ids) override;

  OutboxStats stats() const { return outbox_.stats(); }

  // Tells what can be told by then. Afterwards a disk that does not answer may cost 0.2 s more.
  awaitable<void> stop(TimePoint deadline);

 private:
  struct Awaited {
    std::vector<std::int64_t> ids;
    TimePoint until;
  };
  void release_overdue();
  awaitable<void> note(std::int64_t id);
  void noted(std::uint64_t number, const Fallible<void>& result);
  void finished(std::int64_t id);
  void forget_after(Millis pause);
  void forget_delivered();

  asio::any_io_executor executor_;
  StateStore& store_;
  Logger& log_;
  Alarms& alarms_;
  SyslogSite site_;
  std::string host_;
  std::uint64_t given_ = 0;  // number of the last mark
  std::uint64_t noted_ = 0;  // the marks that have been dealt with
  bool marks_hang_ = false;
  std::set<asio::steady_timer*> noting_;
  std::unordered_map<std::int64_t, std::int64_t>
      rowless_;  // row -> its event's mark, until it lands
  std::vector<std::int64_t> delivered_;
  asio::steady_timer forget_timer_;
  bool forget_armed_ = false;
  Millis row_may_take_;
  Millis mark_may_take_;
  std::deque<Awaited> awaited_;  // answered or not, oldest first
  asio::steady_timer release_timer_;
  bool release_armed_ = false;
  bool stopped_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  Outbox outbox_;
  MarkWriter marks_;
};

}  // namespace hotswapd
