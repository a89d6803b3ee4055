// Makes the versions of what the embedded DNS serves.
#include "dns/zone_editor.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/text.hpp"

namespace hotswapd {
namespace {

using wire::Name;

Error bad(std::string text) {
  return {errc::invalid_argument, std::move(text)};
}

std::string_view bytes_of(const Name& name) {
  return {reinterpret_cast<const char*>(name.wire().data()), name.size()};
}

Name name_from(std::string_view wire) {
  Name name;
  const std::span bytes(reinterpret_cast<const std::uint8_t*>(wire.data()), wire.size());
  for (std::size_t at = 0; at < bytes.size() && bytes[at] != 0; at += 1 + bytes[at])
    name.append(bytes.subspan(at + 1, bytes[at]));
  return name;
}

}  // namespace

const ZoneNode* ZoneEditor::peek(const Name& name) const {
  const auto lower = name.lowered();
  return tree_.find(wire::hash_name(lower.wire()), lower.wire());
}

ZoneNode ZoneEditor::node_at(const Name& name) const {
  if (const auto* node = peek(name)) return *node;
  ZoneNode fresh;
  fresh.records = NameRrsets(bytes_of(name.lowered()));
  return fresh;
}

void ZoneEditor::store(const Name& name, ZoneNode node) {
  const auto lower = name.lowered();
  auto shared = node.exists() ? std::make_shared<const ZoneNode>(std::move(node)) : nullptr;
  tree_.set(lower.wire(), std::move(shared), epoch_);
}

std::optional<Name> ZoneEditor::zone_above(const Name& name) const {
  auto up = name.parent();
  for (; up; up = up->parent()) {
    const auto* node = peek(*up);
    if (node != nullptr && node->apex) break;
  }
  return up;
}

// A name came to exist: so do the names above it, up to the apex (empty non-terminals). A zone that
// no other zone encloses has nobody to tell.
void ZoneEditor::link(Name name) {
  if (!zone_above(name)) return;
  for (;;) {
    name = *name.parent();
    auto node = node_at(name);
    const bool was_there = node.exists();
    ++node.children;
    store(name, std::move(node));
    if (was_there) return;
  }
}

void ZoneEditor::unlink(Name name) {
  if (!zone_above(name)) return;
  for (;;) {
    name = *name.parent();
    auto node = node_at(name);
    if (node.children > 0) --node.children;
    const bool stays = node.exists();
    store(name, std::move(node));
    if (stays) return;
  }
}

void ZoneEditor::set_rrsets(const Name& name, const Rrsets& rrsets, std::uint32_t owner) {
  auto node = node_at(name);
  const bool was_there = node.exists();
  node.records = NameRrsets(node.records.name(), rrsets.a, rrsets.aaaa, rrsets.cname);
  node.owner = owner;
  const bool is_there = node.exists();
  store(name, std::move(node));
  if (is_there && !was_there) link(name);
  if (was_there && !is_there) unlink(name);
}

// The addresses of a name server that the zone was given for its own host.
ZoneEditor::Rrsets ZoneEditor::host_rrsets(const Zone& zone, const Name& name) const {
  Rrsets out;
  for (const auto& server : zone.spec.name_servers) {
    const auto host = Name::from_text(server.host);
    if (!host || !(*host == name) || !host->is_under(zone.name)) continue;
    for (const auto& address : server.addresses) {
      auto set = record_for(address, zone_data_ttl);
      auto& to = set.type == RecordType::a ? out.a : out.aaaa;
      if (auto encoded = encode_rrset(set)) {
        to.wire += encoded->wire;
        to.count = static_cast<std::uint16_t>(to.count + encoded->count);
      }
    }
  }
  return out;
}

// Sets what the hosts of `hosts` answer to what the zone says now, but for names that belong to
// services.
void ZoneEditor::refresh_hosts(const Zone& zone, const ZoneSpec& hosts) {
  for (const auto& server : hosts.name_servers) {
    const auto host = Name::from_text(server.host);
    if (!host || !host->is_under(zone.name)) continue;
    const auto* node = peek(*host);
    if (node != nullptr && node->owner != 0) continue;
    set_rrsets(*host, host_rrsets(zone, *host), 0);
  }
}

// Zones that have this one, and no other, above them: they come to stand in it, or on their own
// again.
void ZoneEditor::link_zones_below(const Name& name, bool add) {
  for (const auto& [text, other] : zones_) {
    if (other.name == name || !other.name.is_under(name)) continue;
    const auto above = zone_above(other.name);
    if (!above || !(*above == name)) continue;
    if (add) {
      link(other.name);
    } else {
      unlink(other.name);
    }
  }
}

Fallible<void> ZoneEditor::put_zone(const ZoneSpec& spec, std::uint32_t serial) {
  const auto name = Name::from_text(spec.name);
  if (!name || name->is_root())
    return bad("\"" + clean(spec.name) + "\" is not the name of a zone");
  if (spec.name_servers.empty())
    return bad("zone " + spec.name + " needs at least one name server (ns)");
  if (spec.name_servers.size() > 16)
    return bad("zone " + spec.name + " has more than 16 name servers");
  for (const auto& server : spec.name_servers) {
    const auto host = Name::from_text(server.host);
    if (!host || host->is_root()) {
      return bad("zone " + spec.name + ": name server \"" + clean(server.host) +
                 "\" is not a host name");
    }
    for (const auto& address : server.addresses) {
      if (!canonical_address(address)) {
        return bad("zone " + spec.name + ": \"" + clean(address) + "\" is not an IP address (of " +
                   clean(server.host) + ")");
      }
    }
  }
  if (!mailbox_name(spec.rname)) {
    return bad("zone " + spec.name + ": rname \"" + clean(spec.rname) +
               "\" is not a mailbox (like hostmaster@example.com)");
  }

  const auto* there = peek(*name);
  if (there != nullptr && !there->records.cname().empty()) {
    return bad("zone " + spec.name +
               ": the zone above serves a CNAME at that name, and an apex cannot be one");
  }

  const bool fresh = !zones_.contains(spec.name);
  auto& zone = zones_[spec.name];
  const ZoneSpec before = std::exchange(zone.spec, spec);
  zone.name = *name;
  zone.serial = std::max(zone.serial, serial);
  if (fresh) {
    zone.id = ++last_id_;
    auto node = node_at(*name);
    const bool was_there = node.exists();  // as a name, or an empty non-terminal, of the zone above
    node.apex = apex_of(zone);
    store(*name, std::move(node));
    if (!was_there) link(*name);
    if (!zone_above(*name)) link_zones_below(*name, true);
  }
  refresh_hosts(zone, before);
  refresh_hosts(zone, zone.spec);
  mark(zone);
  return {};
}

void ZoneEditor::remove_zone(const std::string& zone_name) {
  const auto found = zones_.find(zone_name);
  if (found == zones_.end()) return;
  auto& zone = found->second;
  std::vector<Name> names;
  tree_.for_each([&](const ZoneNode& node) {
    if (node.owner == zone.id) names.push_back(name_from(node.records.name()));
  });
  for (const auto& name : names) remove_record(zone, name);
  const ZoneSpec before = std::exchange(zone.spec, ZoneSpec{});
  refresh_hosts(zone, before);

  const Name name = zone.name;
  if (!zone_above(name)) link_zones_below(name, false);
  auto node = node_at(name);
  node.apex = nullptr;
  const bool stays = node.exists();
  store(name, std::move(node));
  if (!stays) unlink(name);
  zones_.erase(found);
}

const ZoneSpec* ZoneEditor::zone(const std::string& zone) const {
  const auto found = zones_.find(zone);
  return found == zones_.end() ? nullptr : &found->second.spec;
}

std::vector<std::string> ZoneEditor::zones() const {
  std::vector<std::string> out;
  for (const auto& [name, zone] : zones_) out.push_back(name);
  return out;
}

Fallible<void> ZoneEditor::check_record(const RecordKey& key, const RecordSet& set) const {
  const auto zone = zones_.find(key.zone);
  if (zone == zones_.end()) {
    return Error{errc::not_found, "zone " + clean(key.zone) + " is not served here"};
  }
  const auto name = Name::from_text(key.fqdn);
  if (!name || !name->is_under(zone->second.name)) {
    return bad(clean(key.fqdn) + " is not a name in zone " + key.zone);
  }
  const auto* node = peek(*name);
  for (const auto& [other, its] : zones_) {
    if (node == nullptr || node->owner == 0 || node->owner == zone->second.id) break;
    if (its.id == node->owner)
      return Error{errc::already_exists, key.fqdn + " is served in zone " + other + " already"};
  }
  if (set.values.empty()) return bad(key.fqdn + ": an empty record set is never served");
  if (set.type == RecordType::cname) {
    if (set.values.size() != 1) return bad(key.fqdn + ": a CNAME has exactly one value");
    if (node != nullptr && node->apex) {
      return bad(key.fqdn + " is the apex of a zone: a CNAME cannot stand there (RFC 1034 3.6.2)");
    }
  }
  if (set.ttl > 0x7fffffffU) return bad(key.fqdn + ": the TTL is above 2147483647");
  if (!encode_rrset(set))
    return bad(key.fqdn + ": " + clean(to_string(set)) + " cannot be encoded");
  return {};
}

Fallible<void> ZoneEditor::put_record(const RecordKey& key, const RecordSet& set) {
  if (auto ok = check_record(key, set); !ok) return ok.error();
  auto& zone = zones_.at(key.zone);
  Rrsets rrsets;
  auto& slot = set.type == RecordType::a      ? rrsets.a
               : set.type == RecordType::aaaa ? rrsets.aaaa
                                              : rrsets.cname;
  slot = *encode_rrset(set);
  const auto name = *Name::from_text(key.fqdn);
  forget_ttl(zone, name);
  set_rrsets(name, rrsets, zone.id);
  ++zone.ttls[set.ttl];
  mark(zone);
  return {};
}

void ZoneEditor::remove_record(const RecordKey& key) {
  const auto zone = zones_.find(key.zone);
  const auto name = Name::from_text(key.fqdn);
  if (zone != zones_.end() && name) remove_record(zone->second, *name);
}

void ZoneEditor::remove_record(Zone& zone, const Name& name) {
  if (!owns(zone, name)) return;
  forget_ttl(zone, name);
  set_rrsets(name, host_rrsets(zone, name), 0);
  mark(zone);
}

bool ZoneEditor::owns(const Zone& zone, const Name& name) const {
  const auto* node = peek(name);
  return node != nullptr && node->owner == zone.id;
}

void ZoneEditor::forget_ttl(Zone& zone, const Name& name) {
  if (!owns(zone, name)) return;
  const auto count = zone.ttls.find(peek(name)->records.ttl());
  if (--count->second == 0) zone.ttls.erase(count);
}

void ZoneEditor::raise_serial(const std::string& zone, std::uint32_t serial) {
  const auto found = zones_.find(zone);
  if (found == zones_.end() || found->second.serial >= serial) return;
  found->second.serial = serial;
  mark(found->second);
}

std::uint32_t ZoneEditor::serial(const std::string& zone) const {
  const auto found = zones_.find(zone);
  return found == zones_.end() ? 0 : found->second.serial;
}

void ZoneEditor::mark(Zone& zone) {
  if (!zone.changed) changed_zones_.push_back(zone.spec.name);
  zone.changed = true;
}

std::shared_ptr<const ZoneApex> ZoneEditor::apex_of(const Zone& zone) {
  std::optional<std::uint32_t> lowest_ttl;
  if (!zone.ttls.empty()) lowest_ttl = zone.ttls.begin()->first;
  return encode_apex(zone.spec, zone.serial, lowest_ttl);
}

std::shared_ptr<const ZoneSnapshot> ZoneEditor::publish() {
  for (const auto& name : std::exchange(changed_zones_, {})) {
    const auto zone = zones_.find(name);
    if (zone == zones_.end() || !zone->second.changed) continue;
    zone->second.changed = false;
    auto node = node_at(zone->second.name);
    node.apex = apex_of(zone->second);
    store(zone->second.name, std::move(node));
  }
  ++epoch_;
  return std::make_shared<const ZoneSnapshot>(tree_);
}

}  // namespace hotswapd
