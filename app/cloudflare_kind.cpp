// The provider `cloudflare` out of its configuration.
#include "dns/cloudflare.hpp"

#include <utility>

#include "app/provider_kind.hpp"
#include "app/wall_clock.hpp"

namespace hotswapd {
namespace {

const CloudflareProviderConfig& config_of(const ProviderConfig& provider) {
  return std::get<CloudflareProviderConfig>(provider.kind);
}

std::string identity(const ProviderConfig& provider) {
  const auto& config = config_of(provider);
  return config.url + " " + config.zone_id;
}

CloudflareOptions options_of(const ProviderWorld& world, const ProviderConfig& provider) {
  const auto& config = config_of(provider);
  CloudflareOptions options;
  options.api = {config.url, config.zone_id, std::string(config.api_token.reveal())};
  options.send = world.http.sender(config.ca_file);
  options.name_servers = proof_servers(provider);
  options.proof_deadline = provider.proof_deadline;
  return options;
}

std::unique_ptr<Provider> make(const ProviderWorld& world, const Config&,
                               const ProviderConfig& provider) {
  CloudflareProvider::Surroundings around{look_up_by(world), wall_now};
  return std::make_unique<CloudflareProvider>(std::move(around), options_of(world, provider));
}

void reconfigure(Provider& provider, const ProviderWorld& world, const Config&,
                 const ProviderConfig& config) {
  static_cast<CloudflareProvider&>(provider).reconfigure(options_of(world, config));
}

}  // namespace

const ProviderKind cloudflare_kind{identity, make, reconfigure};

}  // namespace hotswapd
