// The zones of an embedded provider and their name servers, and whether each of these has an
// address.
#include <algorithm>

#include "config/read.hpp"
#include "core/record.hpp"

namespace hotswapd::config {
namespace {

// What is noted for one list of name servers: `zone` is empty for `default_ns`.
struct Owner {
  const std::string& provider;
  std::string zone;
  UnaddressedServers& servers;
};

void read_name_servers(Object& o, std::string_view key, const Owner& owner,
                       std::vector<NameServerConfig>& out) {
  const Type name_type = simple(Kind::host_name);
  o.items(key, [&](const Node& node, const Path& where) {
    NameServerConfig server;
    if (node.kind != NodeKind::mapping) {
      auto name = o.reader().scalar(name_type, node, where);
      if (!name) return;
      server.host = std::move(name->text);
      owner.servers.push_back({&node, where.text(), owner.provider, owner.zone, server.host});
    } else {
      const std::size_t before = o.reader().errors();
      Object entry(o.reader(), node, *o.type(key).of->object(), where);
      entry.take("host", server.host);
      server.addresses = entry.texts("addresses");
      for (const auto& address : server.addresses) {
        if (const char* what = never_reachable(address)) {
          entry.error("addresses", "hold " + address + ", " + what +
                                       ", which nobody can reach; give the address of one machine");
        }
      }
      if (o.reader().errors() != before) return;
      if (!owner.zone.empty() && !inside(server.host, owner.zone)) {
        entry.warning("addresses", "have no effect: " + server.host + " is not inside the zone " +
                                       owner.zone + ", its own zone says its addresses");
      }
    }
    out.push_back(std::move(server));
  });
}

void read_zones(Object& o, const std::string& provider, EmbeddedProviderConfig& embedded,
                UnaddressedServers& servers) {
  const Node* node = o.raw("zones");
  if (node == nullptr || node->kind == NodeKind::null) return;
  Reader& reader = o.reader();
  const Path path = o.path("zones");
  Type name_type;
  name_type.kind = Kind::host_name;
  std::set<std::string> seen;
  const auto add = [&](EmbeddedZone zone, const Node& at, const Path& where) {
    const bool twice = !seen.insert(zone.name).second;
    if (twice) return reader.error(at, where, "is a zone of this provider already");
    if (zone.rname.empty()) zone.rname = "hostmaster@" + zone.name;
    embedded.zones.push_back(std::move(zone));
  };
  const Source& source = reader.source();
  if (node->kind == NodeKind::sequence) {
    long index = 0;
    for (const Node* item = source.first_child(*node); item != nullptr;
         item = source.next_sibling(*item)) {
      const Path where{&path, {}, index++};
      if (auto name = reader.scalar(name_type, source.resolve(*item), where)) {
        add({std::move(name->text), {}, {}}, source.resolve(*item), where);
      }
    }
    return;
  }
  if (node->kind != NodeKind::mapping) {
    return reader.error(
        *node, path,
        "is " + describe(*node) + "; give a mapping of zones, or a list of their names");
  }
  each_pair(reader, *node, path, [&](std::string_view name, const Node& key, const Node& value) {
    const Path where{&path, name, -1};
    EmbeddedZone zone;
    if (!canonical_name(name, zone.name)) {
      return reader.error(key, where, "is not the name of a zone; give one such as example.com");
    }
    if (value.kind != NodeKind::null) {
      Object entry(reader, value, *o.type("zones").of->object(), where);
      if (!entry.valid()) return;
      read_name_servers(entry, "ns", {provider, zone.name, servers}, zone.ns);
      entry.take("rname", zone.rname);
    }
    add(std::move(zone), key, where);
  });
}

// The zones in which the host serves: all that say nothing themselves, for one of `default_ns`.
std::set<std::string> zones_of(const UnaddressedServer& server, const Config& config,
                               const EmbeddedProviderConfig& embedded) {
  if (!server.zone.empty()) return {server.zone};
  std::set<std::string> out;
  for (const ServiceSpec& service : config.services) {
    if (service.provider == server.provider) out.insert(service.key.zone);
  }
  for (const auto& zone : embedded.zones) {
    if (zone.ns.empty()) {
      out.insert(zone.name);
    } else {
      out.erase(zone.name);
    }
  }
  return out;
}

bool wildcard(const AddressPort& listen) {
  return listen.address == "0.0.0.0" || listen.address == "::";
}

bool has_service(const Config& config, const UnaddressedServer& server, const std::string& zone) {
  return std::any_of(config.services.begin(), config.services.end(), [&](const ServiceSpec& s) {
    return s.provider == server.provider && s.key.zone == zone && s.key.fqdn == server.host &&
           canonical_address(s.address).has_value();
  });
}

}  // namespace

EmbeddedProviderConfig read_embedded(Object& o, ProviderConfig& provider,
                                     UnaddressedServers& servers) {
  EmbeddedProviderConfig out;
  read_zones(o, provider.name, out, servers);
  for (const auto& zone : out.zones) provider.zones.push_back(zone.name);
  read_name_servers(o, "default_ns", {provider.name, {}, servers}, out.default_ns);
  return out;
}

void check_name_servers(Reader& reader, const UnaddressedServers& servers, const Config& config) {
  if (!std::all_of(config.dns_listen.begin(), config.dns_listen.end(), wildcard)) return;
  for (const auto& server : servers) {
    const auto provider = config.providers.find(server.provider);
    if (provider == config.providers.end() || !provider->second.embedded()) continue;
    const auto& embedded = std::get<EmbeddedProviderConfig>(provider->second.kind);
    for (const auto& zone : zones_of(server, config, embedded)) {
      if (!inside(server.host, zone) || has_service(config, server, zone)) continue;
      reader.error(*server.at, {nullptr, server.path, -1},
                   server.host + " lies in the zone " + zone +
                       ", but nothing says its address: dns_listen has none but wildcards; write "
                       "{host: " +
                       server.host +
                       ", addresses: [ADDRESS]}, or add its address to dns_listen, or add a "
                       "service of that name with an IP address");
      break;
    }
  }
}

}  // namespace hotswapd::config
