// What systemd (or another supervisor that speaks its protocol) is told: readiness, reload, stop,
// and signs of life.
#pragma once

#include <optional>
#include <string>

#include "core/time.hpp"

namespace hotswapd {

// Every function is harmless without a NOTIFY_SOCKET.
class ServiceManager {
 public:
  ServiceManager();

  void ready(const std::string& status);
  void reloading();
  void stopping();
  void alive();  // WATCHDOG=1

  // How often alive() is wanted; nullopt: no watchdog. A third of what the manager allows.
  std::optional<Millis> watchdog_interval() const noexcept { return watchdog_; }

 private:
  std::optional<Millis> watchdog_;
};

}  // namespace hotswapd
