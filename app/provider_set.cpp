#include "app/provider_set.hpp"

#include "app/provider_factory.hpp"

namespace hotswapd {
namespace {

std::string identity(const ProviderKind& kind, const ProviderConfig& provider) {
  return provider.name + " " + provider.type_name() + " " + kind.identity(provider);
}

}  // namespace

void ProviderSet::reconfigure(const Config& config) {
  for (const auto& [name, provider] : config.providers) {
    const auto* const kind = find_provider_kind(provider);
    if (kind == nullptr) continue;  // embedded
    const auto found = made_.find(identity(*kind, provider));
    if (found != made_.end()) kind->reconfigure(*found->second, world_, config, provider);
  }
}

Provider* ProviderSet::find(const Config& config, const std::string& name) {
  const auto found = config.providers.find(name);
  if (found == config.providers.end()) return nullptr;
  const auto& provider = found->second;
  if (provider.embedded()) return &embedded_;
  const auto* const kind = find_provider_kind(provider);
  if (kind == nullptr) return nullptr;
  auto& made = made_[identity(*kind, provider)];
  if (!made) made = kind->make(world_, config, provider);
  return made.get();
}

awaitable<void> ProviderSet::leave(TimePoint deadline) {
  for (const auto& [name, provider] : made_) co_await provider->leave(deadline);
}

}  // namespace hotswapd
