#include "app/trust_setup.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "aws/account.hpp"

namespace hotswapd {
namespace {

constexpr Seconds wait_for_one{1};
constexpr Seconds wait_for_all{5};

// Whom a provider's API is verified by. nullopt: it speaks no TLS.
std::optional<std::string> ca_file_of(const ProviderConfig& provider) {
  std::optional<std::string> out;
  const auto seen = [&](const std::string& url, const std::string& ca_file) {
    if (url.starts_with("https:")) out = ca_file;
  };
  if (const auto* powerdns = std::get_if<PowerdnsProviderConfig>(&provider.kind))
    seen(powerdns->url, powerdns->ca_file);
  if (const auto* cloudflare = std::get_if<CloudflareProviderConfig>(&provider.kind))
    seen(cloudflare->url, cloudflare->ca_file);
  if (const auto* dyn = std::get_if<DynProviderConfig>(&provider.kind))
    seen(dyn->url, dyn->ca_file);
  if (std::holds_alternative<Route53ProviderConfig>(provider.kind))
    out = aws::process_environment()("AWS_CA_BUNDLE").value_or("");
  return out;
}

}  // namespace

Diagnostics read_trust(TlsContexts& contexts, const Config& config,
                       const std::string& config_file) {
  const auto& services = config.services;
  Diagnostics troubles;
  std::set<TlsPolicy> seen;
  const TimePoint over = Clock::now() + wait_for_all;
  const auto load = [&](const TlsPolicy& policy, const std::string& path) {
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
  const auto read = [&](const MonitorSpec& monitor, const std::string& path) {
    const bool https = monitor.protocol == Protocol::https;
    const bool may_become =
        monitor.protocol == Protocol::http && monitor.redirects == Redirects::follow;
    if (https || may_become) load({monitor.tls.verify, monitor.tls.ca_file}, path);
  };
  for (const auto& [name, provider] : config.providers) {
    if (const auto ca_file = ca_file_of(provider))
      load({true, *ca_file}, "providers." + name + ".ca_file");
  }
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
