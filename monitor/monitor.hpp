// All services of one daemon: starts them from what was stored, hands out rounds and commands,
// follows a reload.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "monitor/alarms.hpp"
#include "monitor/blindness.hpp"
#include "monitor/correlated_loss.hpp"
#include "monitor/failover_service.hpp"
#include "monitor/witness.hpp"

namespace hotswapd {

// What Monitor gets from the composition root; everything outlives it. Lives on shard 0.
struct MonitorParts {
  asio::any_io_executor executor;
  StateStore& store;
  Teller& teller;
  Rounds& rounds;
  Logger& log;
  Alarms& alarms;
  Clocks clocks;
  std::function<Provider*(const std::string& name)> provider;
  std::function<void(const WatchEvent&)> watch;
};

class Monitor {
 public:
  explicit Monitor(MonitorParts parts);
  ~Monitor();

  // Once: every service, as it was left, or new.
  void start(const std::vector<Shared<ServiceSpec>>& services, std::optional<WitnessSpec> witness,
             const StoredState& stored);

  // The new configuration's services; what is equal is not touched. Providers were changed before.
  void reconfigure(const std::vector<Shared<ServiceSpec>>& services,
                   std::optional<WitnessSpec> witness = std::nullopt);

  void on_round(RoundResult round);  // on shard 0

  Fallible<std::string> command(const std::string& fqdn, const Command& command);

  // No more decisions; swaps under way get until `deadline` to end, then they are left to the
  // journal.
  // False: something still hangs (in the disk) and is left behind.
  awaitable<bool> stop(TimePoint deadline);

  // Nothing may be written while this says why.
  void block_writes(std::optional<std::string> why) { blocked_ = std::move(why); }
  const std::optional<std::string>& writes_blocked() const noexcept { return blocked_; }

  // Once a second: what removed services still owe to the disk.
  void look_after_the_ended();

  // One small write, to find out whether the disk takes writes again.
  void try_disk();

  const FailoverService* find(
      const std::string& fqdn) const;                    // with or without final dot, any case
  std::vector<const FailoverService*> services() const;  // in the order of the configuration
  // What every decision of this service has to know of the others.
  Surroundings around(ServiceId service) const;
  const SwapFigures& swap_figures() const noexcept { return swap_figures_; }
  bool ready() const;  // every active service has had a round (or its probing is off)

 private:
  std::shared_ptr<FailoverService> add(const Shared<ServiceSpec>& spec);
  awaitable<void> begin_all(std::vector<std::shared_ptr<FailoverService>> services);
  awaitable<void> tick();
  void advance_clocks();
  void watch_witness(std::optional<WitnessSpec> witness);
  void witness_heard(const RoundResult& round);
  void release_parked();
  void deliver(FailoverService& service, RoundResult round);
  void primary_changed(ServiceId service, Health after);
  void tell_blind(const std::string& line);
  void ask_witness();
  void ask_witness_now();
  awaitable<void> ask_witness_in(Millis gap);
  std::size_t decided(TimePoint now);
  void tell_loss(bool stood);
  bool link_proved(ServiceId but) const;

  // By fqdn, and where zones share one, by zone. The names are the services' own: there may be tens
  // of thousands.
  struct ByName {
    using is_transparent = void;
    static const RecordKey& key(const FailoverService* service) {
      return service->model().spec().key;
    }
    static auto order(const RecordKey& key) { return std::tie(key.fqdn, key.zone); }
    bool operator()(const FailoverService* a, const FailoverService* b) const {
      return order(key(a)) < order(key(b));
    }
    bool operator()(const FailoverService* a, const RecordKey& b) const {
      return order(key(a)) < order(b);
    }
    bool operator()(const RecordKey& a, const FailoverService* b) const {
      return order(a) < order(key(b));
    }
  };

  FailoverService* named(std::string_view fqdn) const;

  MonitorParts parts_;
  TaskGroup tasks_;
  ProviderGate gate_;
  ProviderTroubles troubles_;
  SwapFigures swap_figures_;
  ServiceContext context_;
  std::vector<std::shared_ptr<FailoverService>> ordered_;
  std::unordered_map<ServiceId, std::shared_ptr<FailoverService>> by_id_;
  std::set<FailoverService*, ByName> by_name_;
  std::uint32_t next_id_ = 1;
  std::set<ServiceId> timed_;  // the few for which a time runs out: nobody else is looked at
  std::optional<std::string> blocked_;
  std::vector<std::shared_ptr<FailoverService>> ending_;  // removed with a swap under way
  // Of services that are not configured (any more): it is finished when they are, again.
  std::map<RecordKey, IntentRow> orphans_;
  std::map<RecordKey, SwapBudget> budgets_;
  bool stopping_ = false;

  // Whose target answered lately: two services suffice to answer "another than this one".
  struct Answered {
    ServiceId service;
    TimePoint at;
  };
  std::vector<Answered> answered_;
  Millis longest_interval_{0};
  Witness witness_;
  std::optional<TimePoint> witness_asked_at_;
  bool witness_asked_soon_ = false;
  Blindness blindness_;
  std::uint64_t witness_epoch_ = 0;
  CorrelatedLoss loss_;
  std::size_t decided_ = 0;  // services whose primary is known to be up or down
  TimePoint counted_at_{};
};

}  // namespace hotswapd
