#include "app/trust_setup.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

namespace hotswapd {
namespace {

constexpr Seconds wait_for_one{1};
constexpr Seconds wait_for_all{5};

}  // namespace

Diagnostics read_trust(TlsContexts& contexts, const std::vector<Shared<ServiceSpec>>& services,
                       const std::string& config_file) {
  Diagnostics troubles;
  std::set<TlsPolicy> seen;
  const TimePoint over = Clock::now() + wait_for_all;
  const auto read = [&](const MonitorSpec& monitor, const std::string& path) {
    const bool https = monitor.protocol == Protocol::https;
    const bool may_become =
        monitor.protocol == Protocol::http && monitor.redirects == Redirects::follow;
    if (!https && !may_become) return;
    const TlsPolicy policy{monitor.tls.verify, monitor.tls.ca_file};
    if (!seen.insert(policy).second) return;
    const TimePoint now = Clock::now();
    const auto loaded = contexts.get(policy, now, std::min(now + wait_for_one, over));
    std::string text;
    if (!loaded) {
      text = loaded.error().text;
    } else if (loaded->outdated) {
      text = loaded->outdated->text + "; the certificates read before go on";
    }
    if (text.empty()) return;
    troubles.push_back({config_file, 1, 1, Severity::warning, path, std::move(text)});
  };
  for (std::size_t i = 0; i < services.size(); ++i) {
    const ServiceSpec& service = services[i];
    const std::string path = "services[" + std::to_string(i) + "]";
    read(service.monitor, path + ".monitor.tls");
    for (std::size_t b = 0; b < service.backups.size(); ++b) {
      if (service.backups[b].monitor)
        read(*service.backups[b].monitor, path + ".backups[" + std::to_string(b) + "].monitor.tls");
    }
  }
  return troubles;
}

}  // namespace hotswapd
