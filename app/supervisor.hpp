// Watches what no event tells: a disk that is stuck or refuses, a reserve that was spent, a reload
// that hangs, a probe loop that stands still.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "app/reloader.hpp"
#include "app/service_manager.hpp"
#include "core/log.hpp"
#include "monitor/alarms.hpp"
#include "monitor/monitor.hpp"
#include "net/awaitable.hpp"
#include "net/shard.hpp"

namespace hotswapd {

// What is watched; everything outlives the Supervisor. Lives on shard 0.
struct Watched {
  asio::any_io_executor executor;
  StateStore& store;
  Monitor& monitor;
  Reloader& reloader;
  ServiceManager& manager;
  const std::vector<std::unique_ptr<Shard>>& shards;
  Alarms& alarms;
  Logger& log;
};

class Supervisor {
 public:
  explicit Supervisor(Watched watched) : watched_(std::move(watched)) {}

  awaitable<void> run();  // until cancelled
  // Tells the service manager that we live, only after every probe loop has shown it. Until
  // cancelled.
  awaitable<void> heartbeat(Millis interval);

 private:
  void look();
  void look_at_disk(const StoreHealth& health);

  Watched watched_;
  std::uint64_t dropped_ = 0;
  TimePoint ill_at_{};
  bool set_aside_told_ = false;
  std::uint64_t beat_ = 0;
  std::size_t beat_missing_ = 0;
};

}  // namespace hotswapd
