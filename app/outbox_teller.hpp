// Words the monitor's events for syslog and hands them to the outbox: durable changes by way of
// state.db, repetitions as they come.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <vector>

#include "core/log.hpp"
#include "monitor/teller.hpp"
#include "notifiers/delivery_mark.hpp"
#include "notifiers/outbox.hpp"
#include "notifiers/syslog_format.hpp"

namespace hotswapd {

// Lives on shard 0.
class OutboxTeller final : public Teller {
 public:
  OutboxTeller(asio::any_io_executor executor, StateStore& store, DeliveryMark mark, Logger& log,
               SyslogSite site, std::string host);
  ~OutboxTeller() override;

  // What an earlier run left to tell; what it had told already is deleted.
  void restore(const std::vector<OutboxRow>& rows);
  void set_site(SyslogSite site) { site_ = std::move(site); }

  std::vector<std::int64_t> prepare(const ServiceSpec& service,
                                    const std::vector<MonitorEvent>& events, Batch& batch) override;
  void durable(const std::vector<std::int64_t>& ids) override;
  void not_durable(const std::vector<std::int64_t>& ids) override;

  awaitable<void> stop(TimePoint deadline);  // tells what can be told by then

 private:
  void finished(std::int64_t id);
  void forget_delivered();

  asio::any_io_executor executor_;
  StateStore& store_;
  DeliveryMark mark_;
  Logger& log_;
  SyslogSite site_;
  std::string host_;
  bool mark_told_ = false;
  std::vector<std::int64_t> delivered_;
  asio::steady_timer forget_timer_;
  bool forget_armed_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  Outbox outbox_;
};

}  // namespace hotswapd
