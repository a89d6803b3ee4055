// What /metrics says, from plain figures: names, labels and bounds are docs/metrics.md's. Pure but
// for what it costs.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dns/dns_counters.hpp"
#include "monitor/figures.hpp"
#include "monitor/round_scheduler.hpp"
#include "notifiers/outbox.hpp"

namespace hotswapd {

// One series a service, up to so many; of more only the sums are shown.
constexpr std::size_t most_service_series = 10'000;

struct ProcessFigures {
  std::optional<std::uint64_t> open_descriptors;
  std::optional<std::uint64_t> most_descriptors;
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  double cpu_seconds = 0;
  double started = 0;  // seconds since 1970
};

struct MetricsInput {
  struct Service {
    std::string zone;
    std::string fqdn;
    int status = 0;  // as ServiceStatus counts: unk, ok, trouble, failover
  };

  std::string version;
  std::string commit;
  bool ready = false;
  std::map<std::string, std::size_t> alarms;  // by id
  RoundScheduler::Figures rounds;
  ProbeFigures probes;
  std::array<std::size_t, 4> by_status{};
  std::vector<Service> services;
  std::size_t services_left_out = 0;
  SwapFigures swaps;
  OutboxStats outbox;
  std::size_t store_queued = 0;
  std::uint64_t store_dropped = 0;
  std::optional<DnsFigures> dns;
  std::vector<std::pair<std::string, Micros>> loops;
  std::size_t event_clients = 0;
  std::uint64_t events_dropped = 0;
  ProcessFigures process;
};

std::string metrics_text(const MetricsInput& input);

}  // namespace hotswapd
