#include "app/name_feed.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "app/wall_clock.hpp"
#include "core/record.hpp"
#include "net/resolver.hpp"
#include "net/sleep.hpp"
#include "net/system_names.hpp"

namespace hotswapd {
namespace {

constexpr Millis read_every{10'000};

bool probes_a_name(const ServiceSpec& service) {
  if (service.monitor->protocol == Protocol::none) return false;
  const auto& primary = service.probe_address.empty() ? service.address : service.probe_address;
  return !canonical_address(primary) ||
         std::any_of(service.backups.begin(), service.backups.end(), [](const BackupSpec& backup) {
           return backup.monitor && !canonical_address(backup.data);
         });
}

bool writes_to_a_name(const std::pair<const std::string, ProviderConfig>& provider) {
  const auto* config = std::get_if<Rfc2136ProviderConfig>(&provider.second.kind);
  return config != nullptr &&
         std::any_of(config->servers.begin(), config->servers.end(),
                     [](const AddressPort& server) { return !canonical_address(server.address); });
}

}  // namespace

NameFeed::NameFeed(asio::io_context& main_loop, const std::vector<std::unique_ptr<Shard>>& shards,
                   Background& background, Alarms& alarms, Logger& log)
    : main_loop_(main_loop), shards_(shards), background_(background), alarms_(alarms), log_(log) {}

void NameFeed::start(const Config& config, std::vector<DnsEndpoint> listeners) {
  listeners_ = std::move(listeners);
  system_ = read_system_names();
  take(config);
  apply();
}

void NameFeed::reconfigure(const Config& config) {
  take(config);
  apply();
  read();
}

void NameFeed::take(const Config& config) {
  configured_.clear();
  for (const auto& server : config.resolver.servers) {
    if (const auto endpoint = DnsEndpoint::parse(to_string(server)))
      configured_.push_back(*endpoint);
  }
  needed_ = std::any_of(config.services.begin(), config.services.end(), probes_a_name) ||
            std::any_of(config.providers.begin(), config.providers.end(), writes_to_a_name);
}

void NameFeed::read() {
  if (std::exchange(reading_, true)) return;
  background_.run([this]() -> Background::Result {
    return [this, system = read_system_names()] {
      reading_ = false;
      if (system == system_) return;
      system_ = system;
      apply();
    };
  });
}

void NameFeed::apply() {
  auto settings =
      std::make_shared<const ResolverSettings>(make_settings(configured_, system_, listeners_));
  if (needed_ && settings->servers.empty()) {
    alarms_.raise(
        "HS1030", LogLevel::error,
        "host names cannot be resolved: " + settings->trouble +
            "; what is probed by name is inconclusive, and no provider is reached by name",
        wall_now());
  } else {
    alarms_.clear("HS1030", "HS1031", "there are name servers to ask again");
  }
  if (settings_ && *settings_ == *settings) return;
  const bool others = needed_ && !settings->servers.empty();
  const bool told = settings_ && settings_->ourselves == settings->ourselves;
  if (others && !told) {
    for (const auto& server : settings->ourselves)
      log_.log(LogLevel::warning, "HS1032",
               "name server " + server.text() + " is our own dns_listen and is not asked");
  }
  settings_ = std::move(settings);
  Resolver::of(main_loop_).configure(settings_);
  for (const auto& shard : shards_) {
    asio::io_context& context = shard->context();
    asio::post(context,
               [&context, settings = settings_] { Resolver::of(context).configure(settings); });
  }
}

awaitable<void> NameFeed::run() {
  while (!co_await being_stopped()) {
    asio::any_io_executor executor = main_loop_.get_executor();
    co_await sleep_for(executor, read_every);
    read();
  }
}

}  // namespace hotswapd
