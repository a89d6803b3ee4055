// Probes N targets on loopback through the round scheduler on one loop and prints what a probe
// costs in CPU time. probe_loop http|https|tcp|smtp|ping N INTERVAL_MS SECONDS PORT [CA_FILE]:
// targets are 127.1.0.1 upward, one probe each per interval.
#include <time.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "monitor/round_scheduler.hpp"
#include "net/shard.hpp"
#include "probes/factory.hpp"

namespace {

using namespace hotswapd;

double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

std::string address_of(unsigned i) {
  const unsigned value = 0x7f010000u + i;
  return std::to_string(value >> 24) + "." + std::to_string((value >> 16) & 255) + "." +
         std::to_string((value >> 8) & 255) + "." + std::to_string(value & 255);
}

MonitorSpec monitor_of(char** argv, int argc) {
  MonitorSpec monitor;
  const std::string protocol = argv[1];
  monitor.protocol = protocol == "tcp"     ? Protocol::tcp
                     : protocol == "smtp"  ? Protocol::smtp
                     : protocol == "ping"  ? Protocol::ping
                     : protocol == "https" ? Protocol::https
                                           : Protocol::http;
  monitor.interval = Millis(std::atoi(argv[3]));
  monitor.timeout = Millis(2000);
  monitor.port = static_cast<std::uint16_t>(std::atoi(argv[5]));
  monitor.tls.verify = argc > 6;
  if (argc > 6) monitor.tls.ca_file = argv[6];
  monitor.host = "probe.test";
  const bool http = monitor.protocol == Protocol::http || monitor.protocol == Protocol::https;
  if (http) monitor.path = "/";
  return monitor;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) {
    std::fputs("usage: probe_loop http|https|tcp|smtp|ping N INTERVAL_MS SECONDS PORT [CA_FILE]\n",
               stderr);
    return 2;
  }
  const auto count = static_cast<unsigned>(std::atoi(argv[2]));
  const MonitorSpec monitor = monitor_of(argv, argc);
  std::array<std::atomic<std::uint64_t>, 3> verdicts{};
  TlsContexts contexts;
  Shard shard("probes", [](const std::string& task, const std::string& what) {
    std::fprintf(stderr, "%s ended by an exception: %s\n", task.c_str(), what.c_str());
  });
  RoundScheduler scheduler(
      {&shard},
      [&contexts](asio::io_context& context, const TargetSpec& target) {
        return make_prober(context, target, contexts);
      },
      [&verdicts](const std::vector<RoundResult>& rounds) {
        for (const auto& round : rounds)
          ++verdicts[static_cast<std::size_t>(round.targets[0]->verdict)];
      });
  shard.start();
  for (unsigned i = 1; i <= count; ++i) {
    RoundSpec spec;
    spec.service = ServiceId{i};
    spec.grid_key = "example.com/www" + std::to_string(i) + ".example.com";
    spec.interval = spec.recheck = monitor.interval;
    TargetSpec target;
    target.address = address_of(i);
    target.monitor = monitor;
    target.service = "www.example.com";
    spec.targets.emplace_back(std::move(target));
    scheduler.upsert(std::move(spec), FirstRound::on_grid);
  }
  std::this_thread::sleep_for(Seconds(2));
  for (int window = 0; window < 3; ++window) {
    static_cast<void>(scheduler.figures());
    const auto probes_before = verdicts[0] + verdicts[1] + verdicts[2];
    const double cpu_before = cpu_seconds();
    std::this_thread::sleep_for(Seconds(std::atoi(argv[4])));
    const double cpu = cpu_seconds() - cpu_before;
    const auto probes = verdicts[0] + verdicts[1] + verdicts[2] - probes_before;
    const auto late = scheduler.figures().worst_lateness;
    std::printf(
        "%8.1f us/probe  %6.4f core  %8lu probes  late %ld us  pass %lu fail %lu inconclusive "
        "%lu\n",
        cpu * 1e6 / static_cast<double>(probes == 0 ? 1 : probes), cpu / std::atoi(argv[4]), probes,
        late.count(), verdicts[0].load(), verdicts[1].load(), verdicts[2].load());
    std::fflush(stdout);
  }
  shard.stop();
  return 0;
}
