// The provider `exec` out of its configuration.
#include "app/provider_kind.hpp"
#include "dns/exec.hpp"

namespace hotswapd {
namespace {

const ExecProviderConfig& config_of(const ProviderConfig& provider) {
  return std::get<ExecProviderConfig>(provider.kind);
}

ExecOptions options_of(const ProviderConfig& provider) {
  const auto& config = config_of(provider);
  ExecOptions options;
  options.command = config.command;
  options.keeps_generation = config.guard == UpdateGuard::generation;
  options.name_servers = proof_servers(provider);
  options.proof_deadline = provider.proof_deadline;
  return options;
}

std::string identity(const ProviderConfig& provider) {
  const auto& config = config_of(provider);
  std::string out = config.guard == UpdateGuard::value ? "value" : "generation";
  for (const auto& word : config.command) out += '\0' + word;
  return out;
}

std::unique_ptr<Provider> make(const ProviderWorld& world, const Config&,
                               const ProviderConfig& provider) {
  return std::make_unique<ExecProvider>(world.loop.get_executor(), zone_server_sources(world),
                                        options_of(provider), exec_environment());
}

void reconfigure(Provider& provider, const ProviderWorld&, const Config&,
                 const ProviderConfig& config) {
  static_cast<ExecProvider&>(provider).reconfigure(options_of(config));
}

}  // namespace

const ProviderKind exec_kind{identity, make, reconfigure};

}  // namespace hotswapd
