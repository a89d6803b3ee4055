// Makes the versions of what the embedded DNS serves: zones and names in, encoded and linked
// snapshots out.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/record.hpp"
#include "dns/zone_encoding.hpp"
#include "dns/zone_snapshot.hpp"

namespace hotswapd {

// Lives on one thread; nothing is seen by readers before publish(). Names are in lower case,
// without final dot. A call that is refused has changed nothing.
class ZoneEditor {
 public:
  // Adds the zone, or replaces name servers and rname of one that is there. `serial`: see
  // raise_serial().
  Fallible<void> put_zone(const ZoneSpec& spec, std::uint32_t serial);
  void remove_zone(const std::string& zone);  // its names go with it
  bool has_zone(const std::string& zone) const { return zones_.contains(zone); }
  const ZoneSpec* zone(const std::string& zone) const;
  std::vector<std::string> zones() const;

  // From now on exactly this set is at the name: A, AAAA and CNAME replace each other. Never an
  // empty set (S4).
  Fallible<void> put_record(const RecordKey& key, const RecordSet& set);
  Fallible<void> check_record(const RecordKey& key,
                              const RecordSet& set) const;  // what put_record() would say
  void remove_record(const RecordKey& key);

  // The serial of the zone's SOA; it is never set back.
  void raise_serial(const std::string& zone, std::uint32_t serial);
  std::uint32_t serial(const std::string& zone) const;  // 0: no such zone

  // All changes since the last call, as the next version.
  std::shared_ptr<const ZoneSnapshot> publish();

 private:
  struct Rrsets {
    WireRrset a, aaaa, cname;
  };
  struct Zone {
    ZoneSpec spec;
    wire::Name name;
    std::uint32_t id = 0;  // as ZoneNode::owner
    std::uint32_t serial = 1;
    std::map<std::uint32_t, std::size_t> ttls;  // how many names of services have which
    bool changed = false;                       // the apex is to be encoded at publish()
  };

  const ZoneNode* peek(const wire::Name& name) const;
  ZoneNode node_at(const wire::Name& name) const;     // a copy to change; empty when there is none
  void store(const wire::Name& name, ZoneNode node);  // removes it when nothing is left of it
  void set_rrsets(const wire::Name& name, const Rrsets& rrsets, std::uint32_t owner);
  Rrsets host_rrsets(const Zone& zone, const wire::Name& name) const;
  void refresh_hosts(const Zone& zone, const ZoneSpec& hosts);
  std::optional<wire::Name> zone_above(
      const wire::Name& name) const;  // the closest, strictly above
  void link(wire::Name name);
  void unlink(wire::Name name);
  void link_zones_below(const wire::Name& name, bool add);
  void remove_record(Zone& zone, const wire::Name& name);
  bool owns(const Zone& zone, const wire::Name& name) const;
  void forget_ttl(Zone& zone, const wire::Name& name);
  void mark(Zone& zone);
  static std::shared_ptr<const ZoneApex> apex_of(const Zone& zone);

  std::map<std::string, Zone> zones_;
  std::uint32_t last_id_ = 0;
  std::vector<std::string> changed_zones_;
  ZoneTree tree_;
  std::uint64_t epoch_ = 1;
};

}  // namespace hotswapd
