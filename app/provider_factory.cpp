#include "app/provider_factory.hpp"

#include <string_view>
#include <utility>

#include "net/resolver.hpp"

namespace hotswapd {
namespace {

struct Row {
  std::string_view type;  // ProviderConfig::type_name()
  const ProviderKind* kind;
};

constexpr Row rows[] = {
    {"cloudflare", &cloudflare_kind}, {"powerdns", &powerdns_kind}, {"rfc2136", &rfc2136_kind},
    {"route53", &route53_kind},       {"dyn", &dyn_kind},           {"exec", &exec_kind},
};

}  // namespace

const ProviderKind* find_provider_kind(const ProviderConfig& provider) noexcept {
  for (const auto& row : rows) {
    if (row.type == provider.type_name()) return row.kind;
  }
  return nullptr;
}

namespace {

awaitable<Fallible<std::vector<std::string>>> look_up(asio::io_context& loop, std::string host,
                                                      TimePoint deadline) {
  auto found = co_await Resolver::of(loop).resolve(host, deadline);
  if (!found.addresses.empty()) co_return std::move(found.addresses);
  const auto& trouble = found.trouble;
  co_return Error{errc::unavailable, trouble.empty() ? "the name has no address" : trouble};
}

}  // namespace

AddressLookup look_up_by(const ProviderWorld& world) {
  auto& loop = world.loop;
  return [&loop](std::string host, TimePoint deadline) {
    return look_up(loop, std::move(host), deadline);
  };
}

std::vector<DnsEndpoint> proof_servers(const ProviderConfig& provider) {
  std::vector<DnsEndpoint> out;
  for (const auto& server : provider.name_servers) {
    if (const auto at = DnsEndpoint::parse(to_string(server))) out.push_back(*at);
  }
  return out;
}

ZoneServerSources zone_server_sources(const ProviderWorld& world) {
  auto& loop = world.loop;
  return {[&loop] { return Resolver::of(loop).servers(); }, look_up_by(world)};
}

}  // namespace hotswapd
