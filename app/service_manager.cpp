#include "app/service_manager.hpp"

#include <systemd/sd-daemon.h>
#include <time.h>

#include <cstdint>

namespace hotswapd {

ServiceManager::ServiceManager() {
  std::uint64_t micros = 0;
  if (sd_watchdog_enabled(0, &micros) > 0 && micros > 0) {
    watchdog_ = std::chrono::duration_cast<Millis>(Micros(micros) / 3);
  }
}

void ServiceManager::ready(const std::string& status) {
  sd_notifyf(0, "READY=1\nSTATUS=%s", status.c_str());
}

void ServiceManager::reloading() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const auto micros = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000u +
                      static_cast<std::uint64_t>(now.tv_nsec) / 1000u;
  sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu", static_cast<unsigned long long>(micros));
}

void ServiceManager::stopping() {
  sd_notify(0, "STOPPING=1\nSTATUS=stopping");
}

void ServiceManager::alive() {
  sd_notify(0, "WATCHDOG=1");
}

}  // namespace hotswapd
