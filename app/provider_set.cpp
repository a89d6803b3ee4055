#include "app/provider_set.hpp"

#include "app/provider_factory.hpp"
#include "app/unbuilt_provider.hpp"

namespace hotswapd {
namespace {

std::string identity(const ProviderConfig& provider) {
  const auto* const kind = find_provider_kind(provider);
  return provider.name + " " + provider.type_name() + " " +
         (kind == nullptr ? "" : kind->identity(provider));
}

}  // namespace

void ProviderSet::reconfigure(const Config& config) {
  for (const auto& [name, provider] : config.providers) {
    const auto* const kind = find_provider_kind(provider);
    if (kind == nullptr) continue;
    const auto found = made_.find(identity(provider));
    if (found != made_.end()) kind->reconfigure(*found->second, world_, config, provider);
  }
}

Provider* ProviderSet::find(const Config& config, const std::string& name) {
  const auto found = config.providers.find(name);
  if (found == config.providers.end()) return nullptr;
  const auto& provider = found->second;
  if (provider.embedded()) return &embedded_;
  auto& made = made_[identity(provider)];
  if (made) return made.get();
  if (const auto* const kind = find_provider_kind(provider)) {
    made = kind->make(world_, config, provider);
  } else {
    made = std::make_unique<UnbuiltProvider>(provider.type_name());
  }
  return made.get();
}

}  // namespace hotswapd
