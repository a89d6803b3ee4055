// The provider `route53` out of its configuration.
#include <utility>

#include "app/provider_kind.hpp"
#include "dns/route53.hpp"

namespace hotswapd {
namespace {

const Route53ProviderConfig& config_of(const ProviderConfig& provider) {
  return std::get<Route53ProviderConfig>(provider.kind);
}

Route53Options options_of(const ProviderConfig& provider) {
  Route53Options options;
  options.zone_id = config_of(provider).hosted_zone_id;
  options.name_servers = proof_servers(provider);
  options.proof_deadline = provider.proof_deadline;
  return options;
}

std::string identity(const ProviderConfig& provider) {
  const auto& config = config_of(provider);
  return config.account + " " + config.hosted_zone_id;
}

std::unique_ptr<Provider> make(const ProviderWorld& world, const Config& config,
                               const ProviderConfig& provider) {
  auto* account = &world.aws.account(config, config_of(provider).account);
  Route53Provider::Surroundings around;
  around.call = [account](aws::Operation operation, TimePoint deadline) {
    return account->call(std::move(operation), deadline);
  };
  around.lookup = look_up_by(world);
  return std::make_unique<Route53Provider>(std::move(around), options_of(provider));
}

void reconfigure(Provider& provider, const ProviderWorld& world, const Config& config,
                 const ProviderConfig& provider_config) {
  world.aws.account(config, config_of(provider_config).account);
  static_cast<Route53Provider&>(provider).reconfigure(options_of(provider_config));
}

}  // namespace

const ProviderKind route53_kind{identity, make, reconfigure};

}  // namespace hotswapd
