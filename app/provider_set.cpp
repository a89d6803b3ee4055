#include "app/provider_set.hpp"

#include <utility>
#include <vector>

#include "app/unbuilt_provider.hpp"
#include "app/wall_clock.hpp"
#include "core/base64.hpp"
#include "core/text.hpp"
#include "dns/rfc2136.hpp"
#include "net/resolver.hpp"

namespace hotswapd {
namespace {

using Addresses = Fallible<std::vector<std::string>>;

awaitable<Addresses> look_up(asio::io_context& loop, std::string host, TimePoint deadline) {
  auto found = co_await Resolver::of(loop).resolve(host, deadline);
  if (!found.addresses.empty()) co_return std::move(found.addresses);
  const auto& trouble = found.trouble;
  co_return Error{errc::unavailable, trouble.empty() ? "the name has no address" : trouble};
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

Rfc2136Options rfc2136_options(const ProviderConfig& provider) {
  const auto& config = std::get<Rfc2136ProviderConfig>(provider.kind);
  Rfc2136Options options;
  for (const auto& server : config.servers)
    options.servers.push_back({server.address, server.port});
  if (config.tsig) options.key = tsig_key(*config.tsig);
  options.by_udp = config.transport == UpdateTransport::udp;
  options.guard = config.guard == UpdateGuard::value ? WriteGuard::value : WriteGuard::generation;
  for (const auto& server : provider.name_servers) {
    if (const auto at = DnsEndpoint::parse(to_string(server))) options.name_servers.push_back(*at);
  }
  options.proof_deadline = provider.proof_deadline;
  return options;
}

// What tells one provider from another: where it writes, and what its records look like.
std::string identity(const ProviderConfig& provider) {
  std::string out = provider.name + " " + provider.type_name();
  if (const auto* config = std::get_if<Rfc2136ProviderConfig>(&provider.kind)) {
    for (const auto& server : config->servers) out += " " + to_string(server);
    out += config->guard == UpdateGuard::value ? " value" : " generation";
  }
  return out;
}

}  // namespace

void ProviderSet::reconfigure(const Config& config) {
  for (const auto& [name, provider] : config.providers) {
    if (!std::holds_alternative<Rfc2136ProviderConfig>(provider.kind)) continue;
    const auto found = made_.find(identity(provider));
    if (found == made_.end()) continue;
    static_cast<Rfc2136Provider&>(*found->second).reconfigure(rfc2136_options(provider));
  }
}

Provider* ProviderSet::find(const Config& config, const std::string& name) {
  const auto found = config.providers.find(name);
  if (found == config.providers.end()) return nullptr;
  const auto& provider = found->second;
  if (provider.embedded()) return &embedded_;
  auto& made = made_[identity(provider)];
  if (made) return made.get();
  if (std::holds_alternative<Rfc2136ProviderConfig>(provider.kind)) {
    auto& loop = loop_;
    Rfc2136Provider::Surroundings around{loop.get_executor(), wall_now,
                                         [&loop](std::string host, TimePoint deadline) {
                                           return look_up(loop, std::move(host), deadline);
                                         }};
    made = std::make_unique<Rfc2136Provider>(std::move(around), rfc2136_options(provider));
  } else {
    made = std::make_unique<UnbuiltProvider>(provider.type_name());
  }
  return made.get();
}

}  // namespace hotswapd
