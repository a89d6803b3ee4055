// Keeps the resolvers of the loops supplied: name servers from the configuration or the
// system, never our own, and the hosts file.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <vector>

#include "config/schema.hpp"
#include "core/log.hpp"
#include "monitor/alarms.hpp"
#include "net/awaitable.hpp"
#include "net/background.hpp"
#include "net/resolver_settings.hpp"
#include "net/shard.hpp"

namespace hotswapd {

// Lives on shard 0; what it refers to outlives it.
class NameFeed {
 public:
  NameFeed(asio::io_context& main_loop, const std::vector<std::unique_ptr<Shard>>& shards,
           Background& background, Alarms& alarms, Logger& log);

  // Before the loops start: reads the system's files at once. `listeners` are those of the embedded
  // DNS.
  void start(const Config& config, std::vector<DnsEndpoint> listeners);
  // After a reload: for rounds that begin from now on.
  void reconfigure(const Config& config);
  // Sees changes of the system's files within some ten seconds. Until cancelled.
  awaitable<void> run();

 private:
  void take(const Config& config);
  void read();
  void apply();

  asio::io_context& main_loop_;
  const std::vector<std::unique_ptr<Shard>>& shards_;
  Background& background_;
  Alarms& alarms_;
  Logger& log_;
  std::vector<DnsEndpoint> listeners_;
  std::vector<DnsEndpoint> configured_;
  bool needed_ = false;   // something is probed by name, or written to
  bool reading_ = false;  // one read at a time, however slow the disk is
  SystemNames system_;
  std::shared_ptr<const ResolverSettings> settings_;
};

}  // namespace hotswapd
