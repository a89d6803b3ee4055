#include "app/daemon.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <csignal>
#include <iterator>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "api/control_server.hpp"
#include "app/allocator.hpp"
#include "app/api_listener.hpp"
#include "app/control_commands.hpp"
#include "app/metrics_source.hpp"
#include "app/name_feed.hpp"
#include "app/outbox_teller.hpp"
#include "app/probe_setup.hpp"
#include "app/provider_set.hpp"
#include "app/reloader.hpp"
#include "app/service_manager.hpp"
#include "app/store_journal.hpp"
#include "app/supervisor.hpp"
#include "app/trust_setup.hpp"
#include "app/wall_clock.hpp"
#include "app/witness_setup.hpp"
#include "app/zone_setup.hpp"
#include "core/timestamp.hpp"
#include "dns/dns_server.hpp"
#include "dns/embedded.hpp"
#include "monitor/alarms.hpp"
#include "monitor/monitor.hpp"
#include "monitor/round_scheduler.hpp"
#include "net/shard.hpp"
#include "net/sleep.hpp"
#include "probes/factory.hpp"

namespace hotswapd {
namespace {

namespace json = boost::json;

// Within ten seconds of SIGTERM: swaps get so long to end, then sessions at providers, then what is
// to be told (longer than a message waits for its row), then the store. Where a disk hangs, each
// part takes some more: 1 s until the services let go, 0.2 s for the delivery marks, 0.2 s of grace
// for the store, 0.5 s for what runs in the background. All in all 9.9 s.
constexpr Millis swaps_may_take{4'300};
constexpr Millis leaving_may_take{500};
constexpr Millis telling_may_take{2'200};
constexpr Millis storing_may_take{1'000};

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

SyslogSite syslog_site(const Config& config) {
  return {config.site.code, config.site.region};
}

std::string counted(std::size_t n, const char* what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

// The hard limit is what the kernel will ever give; probing takes descriptors in bulk.
rlim_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

class Daemon {
 public:
  Daemon(Config config, std::string config_file, BuildInfo build, Logger& log)
      : log_(log),
        config_(std::move(config)),
        config_file_(std::move(config_file)),
        build_(std::move(build)),
        alarms_(log),
        signals_(context_, SIGHUP),
        tasks_(context_.get_executor(), [this](const std::string& task, const std::string& what) {
          task_failed(task, what);
        }) {}

  ~Daemon() {
    // Nothing may post into a part that is gone: first the loops of others, then the store's
    // thread, then the rest.
    for (auto& shard : shards_) shard->stop();
    if (store_) store_->close(Clock::now());
  }

  int run() {
    if (!start()) return 1;
    // What state.db held, which nothing as large will use again. It was allocated on the store's
    // thread, where a question that reads nothing is answered: it gives back its own part.
    give_back_memory();
    store_->intents({}, 0, [](const auto&) { give_back_memory(); });
    context_.run();
    return exit_status_;
  }

 private:
  bool start();
  bool start_dns(StoredState& stored);
  void start_rounds();
  bool start_listeners();
  void save_seeds();
  void warn_of_zones(const EmbeddedZones::Config& content);
  void warn_of_pings();
  json::object view() const;
  MetricsInput figures() const;
  std::string why_not_ready() const;

  void await_signal();
  Fallible<void> apply(Config next);
  awaitable<void> stop();
  void task_failed(const std::string& task, const std::string& what) {
    log_.log(LogLevel::error, "HS1005",
             "a task ended by an exception task=\"" + task + "\" " + what);
  }

  Logger& log_;
  Config config_;
  std::string config_file_;
  BuildInfo build_;
  WallTime started_ = wall_now();
  int exit_status_ = 0;
  bool stopping_ = false;
  Alarms alarms_;
  ServiceManager manager_;

  asio::io_context context_{1};
  asio::signal_set signals_;
  std::unique_ptr<StateStore> store_;
  std::shared_ptr<EmbeddedZones> zones_;
  std::unique_ptr<DnsServer> dns_;
  std::shared_ptr<TlsContexts> tls_ = std::make_shared<TlsContexts>();
  std::vector<std::unique_ptr<Shard>> shards_;
  std::unique_ptr<RoundScheduler> rounds_;
  std::unique_ptr<NameFeed> names_;
  std::unique_ptr<OutboxTeller> teller_;
  std::unique_ptr<StoreJournal> journal_;
  std::unique_ptr<Provider> embedded_;
  std::unique_ptr<CurlPool> curl_;
  std::unique_ptr<AwsAccounts> aws_;
  std::unique_ptr<ProviderSet> providers_;
  std::unique_ptr<Monitor> monitor_;
  std::unique_ptr<ControlCommands> commands_;
  std::unique_ptr<ControlServer> control_;
  std::shared_ptr<NextIdentity> identity_ = std::make_shared<NextIdentity>();
  std::unique_ptr<MetricsSource> metrics_;
  std::unique_ptr<ApiListener> http_;
  std::unique_ptr<Reloader> reloader_;
  std::unique_ptr<Supervisor> supervisor_;
  Background background_{context_.get_executor()};
  TaskGroup tasks_;
};

bool Daemon::start() {
  const auto descriptors = raise_descriptor_limit();
  auto store = StateStore::open(config_.state_dir, wall_now());
  if (!store) {
    log_.log(LogLevel::error, "HS1001", "state not opened: " + store.error().text);
    return false;
  }
  store_ = std::move(*store);
  auto stored = store_->take_loaded();
  if (stored.doubtful) {
    const auto what =
        stored.set_aside.empty() ? "state not loaded" : "state set aside as " + stored.set_aside;
    alarms_.raise("HS1002", LogLevel::error,
                  what + ": " + stored.set_aside_why +
                      "; nothing moves before two fresh rounds agree or an operator speaks",
                  wall_now());
  }
  if (!start_dns(stored)) return false;

  auto mark = DeliveryMark::read(config_.state_dir + "/delivered");
  if (!mark) {
    log_.log(LogLevel::error, "HS1001", "state not opened: " + mark.error().text);
    return false;
  }
  teller_ = std::make_unique<OutboxTeller>(context_.get_executor(), *store_, std::move(*mark), log_,
                                           alarms_, syslog_site(config_), host_name());
  teller_->set_services(config_.services.size());
  teller_->restore(stored.outbox);
  for (const auto& trouble : read_trust(*tls_, config_, config_file_))
    log_.log(LogLevel::warning, "HS1012", trouble.to_string());
  start_rounds();
  names_ = std::make_unique<NameFeed>(context_, shards_, background_, alarms_, log_);
  names_->start(config_, dns_ ? dns_->endpoints() : std::vector<DnsEndpoint>());

  MonitorParts parts{context_.get_executor(),
                     *store_,
                     *teller_,
                     *rounds_,
                     log_,
                     alarms_,
                     Clocks{[] { return Clock::now(); }, wall_now,
                            [this](Millis duration) -> awaitable<void> {
                              return sleep_for(context_.get_executor(), duration);
                            }},
                     [this](const std::string& name) { return providers_->find(config_, name); },
                     [this](const WatchEvent& event) {
                       const auto view = event_view(event);
                       if (commands_) commands_->publish(view);
                       if (http_) http_->events().publish(json::serialize(view));
                     }};
  monitor_ = std::make_unique<Monitor>(std::move(parts));
  reloader_ = std::make_unique<Reloader>(
      context_.get_executor(), config_file_,
      ReloadHooks{[this]() -> const Config& { return config_; },
                  [tls = tls_, identity = identity_, file = config_file_](const Config& next) {
                    auto troubles = identity->read(next, file);
                    tls->reload();
                    auto more = read_trust(*tls, next, file);
                    std::move(more.begin(), more.end(), std::back_inserter(troubles));
                    return troubles;
                  },
                  [this](Config next) { return apply(std::move(next)); },
                  [this] { manager_.reloading(); },
                  [this] { manager_.ready(counted(config_.services.size(), "service")); }},
      log_);
  supervisor_ = std::make_unique<Supervisor>(Watched{context_.get_executor(), *store_, *monitor_,
                                                     *reloader_, manager_, shards_, alarms_, log_});
  if (!start_listeners()) return false;
  monitor_->start(config_.services, witness_spec(config_.witness), stored);
  for (auto& shard : shards_) shard->start();

  tasks_.spawn("supervise", supervisor_->run());
  tasks_.spawn("name servers", names_->run());
  if (const auto interval = manager_.watchdog_interval())
    tasks_.spawn("heartbeat", supervisor_->heartbeat(*interval));
  // Not before: where reading the state or a certificate hangs there is no loop yet that could
  // follow a signal, and its default is what ends us. (SIGHUP, whose default would too, waits.)
  signals_.add(SIGTERM);
  signals_.add(SIGINT);
  await_signal();
  const auto summary =
      counted(config_.services.size(), "service") + ", " + counted(shards_.size(), "probe loop");
  log_.log(LogLevel::info, "HS1000",
           "started version=" + build_.version + " commit=" + build_.commit + " config=" +
               config_file_ + " " + summary + " descriptors=" + std::to_string(descriptors));
  manager_.ready(summary);
  return true;
}

// What was served before is answered before anything else begins.
bool Daemon::start_dns(StoredState& stored) {
  // Seconds since 1970 where the serials were lost: a zone of ours is not written once a second for
  // years.
  const auto seconds = std::chrono::floor<Seconds>(wall_now()).time_since_epoch().count();
  zones_ = std::make_shared<EmbeddedZones>(
      stored_records(stored.records), stored.doubtful ? static_cast<std::uint32_t>(seconds) : 1);
  const auto content = embedded_content(config_, host_name());
  const auto configured = zones_->configure(content);
  warn_of_zones(content);
  if (!configured) {
    log_.log(LogLevel::error, "HS1003", "embedded DNS not started: " + configured.error().text);
    return false;
  }
  std::vector<DnsEndpoint> listen;
  if (!config_.dns_listen.empty()) {
    DnsServerOptions options;
    for (const auto& address : config_.dns_listen) options.listen.push_back(to_string(address));
    auto server = DnsServer::start(options, zones_->snapshots());
    if (!server) {
      log_.log(LogLevel::error, "HS1003", "embedded DNS not started: " + server.error().text);
      return false;
    }
    dns_ = std::move(*server);
    listen = dns_->endpoints();
    std::string text;
    for (const auto& endpoint : listen) text += " " + endpoint.text();
    log_.log(LogLevel::info, "HS1007", "embedded DNS answers on" + text);
  }
  save_seeds();
  journal_ = std::make_unique<StoreJournal>(*store_, context_.get_executor());
  embedded_ =
      std::make_unique<EmbeddedProvider>(context_.get_executor(), zones_, *journal_, listen);
  curl_ = std::make_unique<CurlPool>(context_, *tls_);
  aws_ = std::make_unique<AwsAccounts>(context_, *tls_, *curl_, log_);
  providers_ = std::make_unique<ProviderSet>(ProviderWorld{context_, *curl_, *aws_}, *embedded_);
  return true;
}

void Daemon::warn_of_zones(const EmbeddedZones::Config& content) {
  for (const auto& warning : zone_warnings(content)) log_.log(LogLevel::warning, "HS1022", warning);
}

// The probes say so too, round by round; here it is said before anybody waits for them.
void Daemon::warn_of_pings() {
  for (const auto& trouble : ping_warnings(config_))
    log_.log(LogLevel::warning, "HS1023", "PING targets cannot be judged: " + trouble);
}

// Queued before any write of these names can be; what the disk refuses is tried at the next reload.
void Daemon::save_seeds() {
  auto seeds = zones_->unsaved_seeds();
  if (seeds.empty()) return;
  Batch batch;
  for (const auto& s : seeds) batch.records.push_back({s.key, s.set, 0, s.op, s.zone_serial});
  store_->commit(std::move(batch), [this, seeds = std::move(seeds)](Fallible<void> done) {
    if (done) asio::post(context_, [zones = zones_, seeds] { zones->seeds_saved(seeds); });
  });
}

void Daemon::start_rounds() {
  const auto cores = std::max(1u, std::thread::hardware_concurrency());
  const auto count = config_.shards > 0 ? static_cast<unsigned>(config_.shards) : cores;
  std::vector<Shard*> shards;
  for (unsigned i = 0; i < count; ++i) {
    shards_.push_back(std::make_unique<Shard>(
        "probes-" + std::to_string(i),
        [this](const std::string& task, const std::string& what) { task_failed(task, what); }));
    shards.push_back(shards_.back().get());
  }
  set_probe_policy(config_.probe_policy, shards_);
  warn_of_pings();
  rounds_ = std::make_unique<RoundScheduler>(
      shards,
      [this](asio::io_context& context, const TargetSpec& target) {
        return make_prober(context, target, *tls_);
      },
      [this](std::vector<RoundResult> results) {
        asio::post(context_, [this, results = std::move(results)]() mutable {
          if (!monitor_) return;
          for (auto& result : results) monitor_->on_round(std::move(result));
        });
      });
}

bool Daemon::start_listeners() {
  const auto failed = [this](const std::string& task, const std::string& what) {
    task_failed(task, what);
  };
  commands_ = std::make_unique<ControlCommands>(ControlBackend{
      *monitor_, *store_, context_.get_executor(),
      Clocks{[] { return Clock::now(); }, wall_now, {}}, [this] { return view(); },
      [this](ControlResponder responder) { reloader_->reload(std::move(responder)); },
      [this](std::string file, std::string text, ControlResponder responder) {
        reloader_->plan(std::move(file), std::move(text), std::move(responder));
      },
      [this](ControlResponder responder) { reloader_->check(std::move(responder)); }});
  ControlServerOptions options;
  options.path = config_.control_socket;
  options.group = config_.control_group;
  auto control = ControlServer::open(context_.get_executor(), options, *commands_, failed);
  if (!control) {
    log_.log(LogLevel::error, "HS1008", "control socket not opened: " + control.error().text);
    return false;
  }
  control_ = std::move(*control);
  for (const auto& warning : control_->warnings()) log_.log(LogLevel::warning, "HS1009", warning);
  control_->start();

  if (!config_.api) return true;
  metrics_ = std::make_unique<MetricsSource>(context_.get_executor(), shards_,
                                             [this] { return figures(); });
  ApiParts parts{context_.get_executor(), *commands_, [this] { return why_not_ready(); },
                 [this] { return metrics_->page(); }};
  auto http = ApiListener::open(std::move(parts), *config_.api, failed);
  if (!http) {
    log_.log(LogLevel::error, "HS1010", "api.listen not opened: " + http.error().text);
    return false;
  }
  http_ = *std::move(http);
  http_->access().users().on_limited([this](const std::string& from) {
    log_.log(LogLevel::warning, "HS1024",
             "too many failed log-ins: none is looked at until the minute is over address=" + from);
  });
  http_->start();
  return true;
}

json::object Daemon::view() const {
  return {{"version", build_.version},        {"commit", build_.commit},
          {"started", to_rfc3339(started_)},  {"config_file", config_file_},
          {"ready", why_not_ready().empty()}, {"alarms", alarms_.view()}};
}

MetricsInput Daemon::figures() const {
  MetricsInput in;
  in.version = build_.version;
  in.commit = build_.commit;
  in.ready = why_not_ready().empty();
  in.alarms = alarms_.standing();
  in.rounds = rounds_->figures();
  in.probes = rounds_->probe_figures();
  for (const auto* service : monitor_->services()) {
    const auto& model = service->model();
    const auto status = static_cast<std::size_t>(model.status());
    ++in.by_status[status];
    if (in.services.size() < most_service_series) {
      const auto& key = model.spec().key;
      in.services.push_back({key.zone, key.fqdn, static_cast<int>(status)});
    } else {
      ++in.services_left_out;
    }
  }
  in.swaps = monitor_->swap_figures();
  in.outbox = teller_->stats();
  const auto store = store_->health();
  in.store_queued = store.queued;
  in.store_dropped = store.dropped;
  if (dns_) in.dns = dns_->figures();
  in.event_clients = http_->events().clients();
  in.events_dropped = http_->events().dropped();
  in.process.started = std::chrono::duration<double>(started_.time_since_epoch()).count();
  return in;
}

std::string Daemon::why_not_ready() const {
  if (stopping_) return "stopping";
  return monitor_->ready() ? "" : "not every service has had its first round yet";
}

void Daemon::await_signal() {
  signals_.async_wait([this](const error_code& ec, int signal) {
    if (ec) return;
    if (signal == SIGHUP) {
      reloader_->reload();
    } else if (stopping_) {
      // The journal is complete at every instant: there is nothing that waiting would save.
      log_.log(LogLevel::warning, "HS1014", "stopped at once by a second signal");
      std::_Exit(0);
    } else {
      stopping_ = true;
      tasks_.spawn("stop", stop());
    }
    await_signal();
  });
}

Fallible<void> Daemon::apply(Config next) {
  // What only a restart can change stays as it is, so that what is shown is what runs.
  next.state_dir = config_.state_dir;
  next.control_socket = config_.control_socket;
  next.control_group = config_.control_group;
  next.dns_listen = config_.dns_listen;
  next.shards = config_.shards;
  if (next.api && config_.api) {
    next.api->listen = config_.api->listen;
    next.api->tls = config_.api->tls;
    next.api->insecure = config_.api->insecure;
  } else {
    next.api = config_.api;
  }
  const auto content = embedded_content(next, host_name());
  if (const auto configured = zones_->configure(content); !configured) return configured.error();
  warn_of_zones(content);
  save_seeds();
  share_equal_services(config_, next);
  config_ = std::move(next);
  teller_->set_site(syslog_site(config_));
  teller_->set_services(config_.services.size());
  names_->reconfigure(config_);
  providers_->reconfigure(config_);
  set_probe_policy(config_.probe_policy, shards_);
  warn_of_pings();
  if (http_) {
    http_->use(identity_->take());
    http_->reconfigure(*config_.api);
  }
  monitor_->reconfigure(config_.services, witness_spec(config_.witness));
  return {};
}

// API, probes, the swap under way, what is to be told, the store, and the answers last.
awaitable<void> Daemon::stop() {
  const auto began = Clock::now();
  log_.log(LogLevel::info, "HS1017", "stopping");
  manager_.stopping();
  reloader_->stop();
  if (!co_await monitor_->stop(began + swaps_may_take)) {
    log_.log(LogLevel::warning, "HS1019",
             "a swap still waits for the disk; the journal says how far it came");
  }
  co_await providers_->leave(Clock::now() + leaving_may_take);
  if (http_) co_await http_->stop();
  co_await control_->stop();
  co_await teller_->stop(Clock::now() + telling_may_take);
  for (auto& shard : shards_) shard->stop();
  store_->close(Clock::now() + storing_may_take);
  if (dns_) dns_->stop();
  signals_.cancel();
  log_.log(LogLevel::info, "HS1018", "stopped");
  context_.stop();
}

}  // namespace

int run_daemon(Config config, const std::string& config_file, const BuildInfo& build, Logger& log) {
  Daemon daemon(std::move(config), config_file, build, log);
  return daemon.run();
}

}  // namespace hotswapd
