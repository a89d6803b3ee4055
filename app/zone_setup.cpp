#include "app/zone_setup.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "net/endpoint.hpp"

namespace hotswapd {
namespace {

bool in_zone(const std::string& name, const std::string& zone) {
  return name == zone || (name.size() > zone.size() && name.ends_with(zone) &&
                          name[name.size() - zone.size() - 1] == '.');
}

// A name server inside its own zone is us: without addresses of its own it has those that we listen
// on, but for wildcards.
std::vector<std::string> listen_addresses(const Config& config) {
  std::vector<std::string> addresses;
  for (const auto& listen : config.dns_listen) {
    const auto endpoint = DnsEndpoint::parse(to_string(listen));
    if (!endpoint || endpoint->is_any()) continue;
    const auto text = endpoint->address_text();
    if (std::find(addresses.begin(), addresses.end(), text) == addresses.end())
      addresses.push_back(text);
  }
  return addresses;
}

ZoneSpec zone_spec(const EmbeddedZone& zone, const EmbeddedProviderConfig& provider,
                   const std::string& host_name, const std::vector<std::string>& addresses) {
  ZoneSpec spec;
  spec.name = zone.name;
  spec.rname = zone.rname.empty() ? "hostmaster@" + zone.name : zone.rname;
  auto hosts = zone.ns.empty() ? provider.default_ns : zone.ns;
  if (hosts.empty()) hosts.push_back({host_name, {}});
  for (auto& server : hosts) {
    if (!in_zone(server.host, zone.name)) server.addresses.clear();
    if (in_zone(server.host, zone.name) && server.addresses.empty()) server.addresses = addresses;
    spec.name_servers.push_back({std::move(server.host), std::move(server.addresses)});
  }
  return spec;
}

}  // namespace

EmbeddedZones::Config embedded_content(const Config& config, const std::string& host_name) {
  EmbeddedZones::Config content;
  const auto addresses = listen_addresses(config);
  std::map<std::string, ZoneSpec> zones;
  for (const auto& [name, provider] : config.providers) {
    if (const auto* embedded = std::get_if<EmbeddedProviderConfig>(&provider.kind)) {
      for (const auto& zone : embedded->zones)
        zones[zone.name] = zone_spec(zone, *embedded, host_name, addresses);
    }
  }
  for (const ServiceSpec& service : config.services) {
    const auto provider = config.providers.find(service.provider);
    if (provider == config.providers.end() || !provider->second.embedded()) continue;
    const auto& embedded = std::get<EmbeddedProviderConfig>(provider->second.kind);
    if (!zones.contains(service.key.zone)) {
      zones[service.key.zone] =
          zone_spec({service.key.zone, {}, {}}, embedded, host_name, addresses);
    }
    content.names.push_back({service.key, record_for(service.address, service.ttl)});
  }
  for (auto& [name, zone] : zones) content.zones.push_back(std::move(zone));
  return content;
}

std::vector<std::string> zone_warnings(const EmbeddedZones::Config& content) {
  std::vector<std::string> warnings;
  for (const auto& zone : content.zones) {
    for (const auto& server : zone.name_servers) {
      if (!in_zone(server.host, zone.name) || !server.addresses.empty()) continue;
      warnings.push_back("zone " + zone.name + ": its name server " + server.host +
                         " has no address, since dns_listen names none; say `ns` or `default_ns` "
                         "with addresses");
    }
  }
  return warnings;
}

}  // namespace hotswapd
