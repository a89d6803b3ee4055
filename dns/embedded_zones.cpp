// The records of the embedded zones and the rules by which they change.
#include "dns/embedded_zones.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/text.hpp"

namespace hotswapd {
namespace {

constexpr std::uint64_t max_serial = 0xffffffffU;

std::string describe(const LiveRecord& live) {
  if (!live.set) return "no record";
  std::string text = to_string(*live.set);
  text += live.generation ? ", generation " + std::to_string(*live.generation) : ", no generation";
  return text;
}

bool expected(const LiveRecord& live, const SwapPlan& plan) {
  if (live.generation != plan.expect_generation) return false;
  if (live.set.has_value() != plan.expect.has_value()) return false;
  return !live.set || live.set->same_values(*plan.expect);
}

}  // namespace

EmbeddedZones::EmbeddedZones(std::vector<StoredRecord> stored, std::uint32_t lowest_serial)
    : lowest_serial_(lowest_serial) {
  for (auto& record : stored) {
    auto& serial = serials_[record.key.zone];
    const auto generation = static_cast<std::uint32_t>(std::min(record.generation, max_serial));
    serial = std::max({serial, record.zone_serial, generation});
    auto& known = names_[record.key.zone][relative(record.key)];
    if (record.generation == 0) {
      known.seed = record.set;
      known.seed_stored = true;
    } else {
      known.write(record);
    }
  }
}

void EmbeddedZones::Known::write(const StoredRecord& record) {
  written = record.set;
  generation = record.generation;
  op = record.op;
}

KeptText EmbeddedZones::relative(const RecordKey& key) {
  const std::string_view fqdn = key.fqdn;
  if (fqdn == key.zone) return {};
  if (fqdn.ends_with("." + key.zone)) return fqdn.substr(0, fqdn.size() - key.zone.size() - 1);
  return key.fqdn + ".";
}

RecordKey EmbeddedZones::absolute(const std::string& zone, const KeptText& name) {
  const std::string_view text = name;
  if (text.empty()) return {zone, zone};
  if (text.back() == '.') return {zone, std::string(text.substr(0, text.size() - 1))};
  return {zone, std::string(text) + "." + zone};
}

const EmbeddedZones::Known* EmbeddedZones::known(const RecordKey& key) const {
  const auto zone = names_.find(key.zone);
  if (zone == names_.end()) return nullptr;
  const auto found = zone->second.find(relative(key));
  return found != zone->second.end() ? &found->second : nullptr;
}

const EmbeddedZones::Known* EmbeddedZones::configured(const RecordKey& key) const {
  const auto* found = known(key);
  return found != nullptr && found->configured ? found : nullptr;
}

template <class Visit>
void EmbeddedZones::for_each_known(Visit visit) const {
  for (const auto& [zone, names] : names_) {
    for (const auto& [name, known] : names) visit(absolute(zone, name), known);
  }
}

// What is known of a name only because it is configured goes with it.
template <class Leaves>
void EmbeddedZones::unconfigure(Leaves leaves) {
  for (auto& [zone, names] : names_) {
    for (auto entry = names.begin(); entry != names.end();) {
      auto& [name, its] = *entry;
      if (its.configured && leaves(absolute(zone, name))) its.configured = false;
      entry = its.useless() ? names.erase(entry) : std::next(entry);
    }
  }
}

std::uint32_t EmbeddedZones::known_serial(const std::string& zone) const {
  const auto found = serials_.find(zone);
  return found == serials_.end() ? lowest_serial_ : std::max(lowest_serial_, found->second);
}

// The written record if there is one that can still be served, else the seed.
Fallible<void> EmbeddedZones::place(ZoneEditor& editor, const Name& name) const {
  const auto* its = known(name.key);
  const bool written = its != nullptr && its->written;
  if (written && editor.put_record(name.key, *its->written)) return {};
  return editor.put_record(name.key, name.seed);
}

Fallible<void> EmbeddedZones::configure(const Config& config) {
  ZoneEditor next = editor_;  // tried on a copy: what is served stays as it is when this fails
  std::set<std::string> zones;
  for (const auto& zone : config.zones) zones.insert(zone.name);
  // In order; of two with one key the last.
  std::vector<const Name*> names;
  names.reserve(config.names.size());
  for (const auto& name : config.names) names.push_back(&name);
  // Of one key the first comes first: all are elements of one array.
  const auto by_key = [](const Name* a, const Name* b) {
    if (a->key < b->key) return true;
    return !(b->key < a->key) && a < b;
  };
  std::sort(names.begin(), names.end(), by_key);
  const auto same_key = [](const Name* a, const Name* b) { return a->key == b->key; };
  names.erase(names.begin(), std::unique(names.rbegin(), names.rend(), same_key).base());
  const auto wanted = [&](const RecordKey& key) {
    const auto found =
        std::lower_bound(names.begin(), names.end(), key,
                         [](const Name* a, const RecordKey& b) { return a->key < b; });
    return found != names.end() && (*found)->key == key;
  };

  for_each_known([&](const RecordKey& key, const Known& its) {
    if (its.configured && !wanted(key)) next.remove_record(key);
  });
  for (const auto& zone : next.zones()) {
    if (!zones.contains(zone)) next.remove_zone(zone);
  }
  for (const auto& zone : config.zones) {
    if (auto ok = next.put_zone(zone, known_serial(zone.name)); !ok) return ok.error();
  }
  for (const auto* name : names) {
    const auto* its = known(name->key);
    if (its != nullptr && its->configured && zones.contains(name->key.zone)) continue;  // untouched
    // A reload moves no traffic: what is answered for a name changes by a write, never by an edit.
    const bool kept = its != nullptr && its->kept();
    const auto ok = kept ? place(next, {name->key, *its->seed}) : place(next, *name);
    if (!ok) return ok.error();
  }
  editor_ = std::move(next);
  unconfigure([&](const RecordKey& key) { return !wanted(key); });
  for (const auto* name : names) {
    auto& its = names_[name->key.zone][relative(name->key)];
    if (!its.kept()) its.seed = name->seed;
    its.configured = true;
  }
  publish();
  return {};
}

std::vector<StoredRecord> EmbeddedZones::unsaved_seeds() const {
  std::vector<StoredRecord> unsaved;
  for_each_known([&](RecordKey key, const Known& its) {
    if (!its.configured || its.seed_stored || its.written || pending_.contains(key)) return;
    const auto serial = editor_.serial(key.zone);
    unsaved.push_back({std::move(key), *its.seed, 0, "", serial});
  });
  return unsaved;
}

void EmbeddedZones::seeds_saved(const std::vector<StoredRecord>& seeds) {
  for (const auto& saved : seeds) {
    auto& its = names_[saved.key.zone][relative(saved.key)];
    const KeptSet set = saved.set;
    if (!its.configured) its.seed = set;  // it left meanwhile; the journal keeps it
    its.seed_stored = its.seed == set;
  }
}

Fallible<void> EmbeddedZones::put_zone(const ZoneSpec& zone) {
  if (auto ok = editor_.put_zone(zone, known_serial(zone.name)); !ok) return ok.error();
  publish();
  return {};
}

void EmbeddedZones::remove_zone(const std::string& zone) {
  editor_.remove_zone(zone);
  unconfigure([&](const RecordKey& key) { return key.zone == zone; });
  publish();
}

Fallible<void> EmbeddedZones::put_name(const Name& name) {
  if (auto ok = place(editor_, name); !ok) return ok.error();
  auto& its = names_[name.key.zone][relative(name.key)];
  const KeptSet seed = name.seed;
  its.seed_stored = its.seed_stored && its.seed == seed;
  its.seed = seed;
  its.configured = true;
  publish();
  return {};
}

void EmbeddedZones::remove_name(const RecordKey& key) {
  if (configured(key) == nullptr) return;
  editor_.remove_record(key);
  auto& names = names_.find(key.zone)->second;
  const auto gone = names.find(relative(key));
  gone->second.configured = false;
  if (gone->second.useless()) names.erase(gone);
  publish();
}

Fallible<LiveRecord> EmbeddedZones::read(const RecordKey& key) const {
  if (!editor_.has_zone(key.zone)) {
    return Error{errc::not_found, "zone " + clean(key.zone) + " is not served here"};
  }
  LiveRecord live;
  live.serial = editor_.serial(key.zone);
  const auto* its = configured(key);
  if (its == nullptr) return live;
  if (!its->written) {
    live.set = its->seed;
    live.op = "configuration";
    return live;
  }
  live.set = its->written;
  live.generation = its->generation;
  live.op = its->op.text();
  return live;
}

std::variant<ApplyResult, StoredRecord> EmbeddedZones::begin(const SwapPlan& plan) {
  const auto& key = plan.key;
  const auto read_back = read(key);
  if (!read_back) return ApplyResult{SwapOutcome::refused, read_back.error().text};
  const auto& live = *read_back;
  if (live.set && live.generation == plan.generation && live.op == plan.op &&
      live.set->same_values(plan.want)) {
    return ApplyResult{SwapOutcome::already,
                       "is " + describe(live) + " already, by this very operation"};
  }
  if (!expected(live, plan)) {
    return ApplyResult{SwapOutcome::conflict,
                       "found " + describe(live) + " where something else was expected"};
  }
  if (live.generation && plan.generation <= *live.generation) {
    return ApplyResult{SwapOutcome::conflict, "generation " + std::to_string(plan.generation) +
                                                  " is not above the present " +
                                                  std::to_string(*live.generation)};
  }
  if (configured(key) == nullptr) {
    return ApplyResult{SwapOutcome::refused,
                       clean(key.fqdn) + " is not a configured name of zone " + key.zone};
  }
  if (auto ok = editor_.check_record(key, plan.want); !ok) {
    return ApplyResult{SwapOutcome::refused, ok.error().text};
  }
  auto& serial = serials_[key.zone];
  serial = static_cast<std::uint32_t>(std::min(
      max_serial, std::max({std::uint64_t{serial} + 1, std::uint64_t{editor_.serial(key.zone)} + 1,
                            plan.generation})));
  pending_.insert(key);
  return StoredRecord{key, plan.want, plan.generation, plan.op, serial};
}

ApplyResult EmbeddedZones::commit(const StoredRecord& record) {
  pending_.erase(record.key);
  // Durable, whatever became of the name in the meantime.
  names_[record.key.zone][relative(record.key)].write(record);
  if (configured(record.key) == nullptr) {
    return {SwapOutcome::refused,
            clean(record.key.fqdn) + " was taken out of the configuration meanwhile"};
  }
  if (auto ok = editor_.put_record(record.key, record.set); !ok)
    return {SwapOutcome::refused, ok.error().text};
  editor_.raise_serial(record.key.zone, record.zone_serial);
  publish();
  return {SwapOutcome::applied, "now " + to_string(record.set) + ", generation " +
                                    std::to_string(record.generation) + ", zone serial " +
                                    std::to_string(editor_.serial(record.key.zone))};
}

}  // namespace hotswapd
