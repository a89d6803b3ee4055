// The provider `dyn` out of its configuration.
#include <utility>

#include "app/provider_kind.hpp"
#include "app/wall_clock.hpp"
#include "dns/dyn.hpp"

namespace hotswapd {
namespace {

const DynProviderConfig& config_of(const ProviderConfig& provider) {
  return std::get<DynProviderConfig>(provider.kind);
}

DynOptions options_of(const ProviderWorld& world, const ProviderConfig& provider) {
  const auto& config = config_of(provider);
  DynOptions options;
  options.account.url = config.url;
  while (options.account.url.ends_with('/')) options.account.url.pop_back();
  options.account.customer = config.customer;
  options.account.user = config.user;
  options.account.password = std::string(config.password.reveal());
  options.keeps_generation = config.guard == UpdateGuard::generation;
  options.name_servers = proof_servers(provider);
  options.proof_deadline = provider.proof_deadline;
  options.send = world.http.sender(config.ca_file);
  return options;
}

std::string identity(const ProviderConfig& provider) {
  const auto& config = config_of(provider);
  const std::string guard = config.guard == UpdateGuard::value ? "value " : "generation ";
  return guard + config.url + " " + config.customer;
}

std::unique_ptr<Provider> make(const ProviderWorld& world, const Config&,
                               const ProviderConfig& provider) {
  DynProvider::Surroundings around{world.loop.get_executor(), wall_now, zone_server_sources(world)};
  return std::make_unique<DynProvider>(std::move(around), options_of(world, provider));
}

void reconfigure(Provider& provider, const ProviderWorld& world, const Config&,
                 const ProviderConfig& config) {
  static_cast<DynProvider&>(provider).reconfigure(options_of(world, config));
}

}  // namespace

const ProviderKind dyn_kind{identity, make, reconfigure};

}  // namespace hotswapd
