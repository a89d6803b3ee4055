// The provider `rfc2136` out of its configuration.
#include <utility>

#include "app/provider_kind.hpp"
#include "app/wall_clock.hpp"
#include "core/base64.hpp"
#include "dns/rfc2136.hpp"

namespace hotswapd {
namespace {

const Rfc2136ProviderConfig& config_of(const ProviderConfig& provider) {
  return std::get<Rfc2136ProviderConfig>(provider.kind);
}

// The file was checked when it was read: names are names, secrets are base64.
tsig::Key tsig_key(const TsigKey& config) {
  tsig::Key key;
  key.name = wire::Name::from_text(config.name).value_or(wire::Name());
  key.algorithm = static_cast<MacAlgorithm>(config.algorithm);
  key.secret = MacKey(decode_base64(config.secret.reveal()).value_or(std::vector<std::byte>()));
  key.fudge = static_cast<std::uint16_t>(config.fudge.count());
  return key;
}
static_assert(static_cast<int>(TsigAlgorithm::hmac_sha1) ==
              static_cast<int>(MacAlgorithm::hmac_sha1));
static_assert(static_cast<int>(TsigAlgorithm::hmac_sha512) ==
              static_cast<int>(MacAlgorithm::hmac_sha512));

Rfc2136Options options_of(const ProviderConfig& provider) {
  const auto& config = config_of(provider);
  Rfc2136Options options;
  for (const auto& server : config.servers)
    options.servers.push_back({server.address, server.port});
  if (config.tsig) options.key = tsig_key(*config.tsig);
  options.by_udp = config.transport == UpdateTransport::udp;
  options.guard = config.guard == UpdateGuard::value ? WriteGuard::value : WriteGuard::generation;
  options.name_servers = proof_servers(provider);
  options.proof_deadline = provider.proof_deadline;
  return options;
}

std::string identity(const ProviderConfig& provider) {
  const auto& config = config_of(provider);
  std::string out = config.guard == UpdateGuard::value ? "value" : "generation";
  for (const auto& server : config.servers) out += " " + to_string(server);
  return out;
}

std::unique_ptr<Provider> make(const ProviderWorld& world, const Config&,
                               const ProviderConfig& provider) {
  Rfc2136Provider::Surroundings around{world.loop.get_executor(), wall_now, look_up_by(world)};
  return std::make_unique<Rfc2136Provider>(std::move(around), options_of(provider));
}

void reconfigure(Provider& provider, const ProviderWorld&, const Config&,
                 const ProviderConfig& config) {
  static_cast<Rfc2136Provider&>(provider).reconfigure(options_of(config));
}

}  // namespace

const ProviderKind rfc2136_kind{identity, make, reconfigure};

}  // namespace hotswapd
