// The records of the embedded zones and the rules by which they change.
#include "dns/embedded_zones.hpp"

#include <algorithm>
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
    if (record.generation == 0) {
      stored_seeds_[record.key] = std::move(record.set);
    } else {
      stored_[record.key] = std::move(record);
    }
  }
}

std::uint32_t EmbeddedZones::known_serial(const std::string& zone) const {
  const auto found = serials_.find(zone);
  return found == serials_.end() ? lowest_serial_ : std::max(lowest_serial_, found->second);
}

// The stored record if there is one that can still be served, else the seed.
Fallible<void> EmbeddedZones::place(ZoneEditor& editor, const Name& name) const {
  const auto stored = stored_.find(name.key);
  if (stored != stored_.end() && editor.put_record(name.key, stored->second.set)) return {};
  return editor.put_record(name.key, name.seed);
}

Fallible<void> EmbeddedZones::configure(const Config& config) {
  ZoneEditor next = editor_;  // tried on a copy: what is served stays as it is when this fails
  std::set<std::string> zones;
  std::map<RecordKey, RecordSet> seeds;
  for (const auto& zone : config.zones) zones.insert(zone.name);
  for (const auto& name : config.names) {
    // A reload moves no traffic: what is answered for a name changes by a write, never by an edit.
    const auto old = seeds_.find(name.key);
    const auto stored = stored_seeds_.find(name.key);
    seeds[name.key] = old != seeds_.end()             ? old->second
                      : stored != stored_seeds_.end() ? stored->second
                                                      : name.seed;
  }
  for (const auto& [key, seed] : seeds_) {
    if (!seeds.contains(key)) next.remove_record(key);
  }
  for (const auto& zone : next.zones()) {
    if (!zones.contains(zone)) next.remove_zone(zone);
  }
  for (const auto& zone : config.zones) {
    if (auto ok = next.put_zone(zone, known_serial(zone.name)); !ok) return ok.error();
  }
  for (const auto& [key, seed] : seeds) {
    const auto old = seeds_.find(key);
    const bool untouched = old != seeds_.end() && zones.contains(key.zone) &&
                           old->second.ttl == seed.ttl && old->second.same_values(seed);
    if (untouched) continue;
    if (auto ok = place(next, {key, seed}); !ok) return ok.error();
  }
  editor_ = std::move(next);
  seeds_ = std::move(seeds);
  publish();
  return {};
}

std::vector<StoredRecord> EmbeddedZones::unsaved_seeds() const {
  std::vector<StoredRecord> unsaved;
  for (const auto& [key, seed] : seeds_) {
    if (stored_.contains(key) || pending_.contains(key)) continue;
    const auto stored = stored_seeds_.find(key);
    if (stored != stored_seeds_.end() && stored->second == seed) continue;
    unsaved.push_back({key, seed, 0, "", editor_.serial(key.zone)});
  }
  return unsaved;
}

void EmbeddedZones::seeds_saved(const std::vector<StoredRecord>& seeds) {
  for (const auto& seed : seeds) stored_seeds_[seed.key] = seed.set;
}

Fallible<void> EmbeddedZones::put_zone(const ZoneSpec& zone) {
  if (auto ok = editor_.put_zone(zone, known_serial(zone.name)); !ok) return ok.error();
  publish();
  return {};
}

void EmbeddedZones::remove_zone(const std::string& zone) {
  editor_.remove_zone(zone);
  std::erase_if(seeds_, [&](const auto& entry) { return entry.first.zone == zone; });
  publish();
}

Fallible<void> EmbeddedZones::put_name(const Name& name) {
  if (auto ok = place(editor_, name); !ok) return ok.error();
  seeds_[name.key] = name.seed;
  publish();
  return {};
}

void EmbeddedZones::remove_name(const RecordKey& key) {
  if (seeds_.erase(key) == 0) return;
  editor_.remove_record(key);
  publish();
}

Fallible<LiveRecord> EmbeddedZones::read(const RecordKey& key) const {
  if (!editor_.has_zone(key.zone)) {
    return Error{errc::not_found, "zone " + clean(key.zone) + " is not served here"};
  }
  LiveRecord live;
  live.serial = editor_.serial(key.zone);
  const auto seed = seeds_.find(key);
  if (seed == seeds_.end()) return live;
  const auto stored = stored_.find(key);
  if (stored == stored_.end()) {
    live.set = seed->second;
    live.op = "configuration";
    return live;
  }
  live.set = stored->second.set;
  live.generation = stored->second.generation;
  live.op = stored->second.op;
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
  if (!seeds_.contains(key)) {
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
  stored_[record.key] = record;  // durable, whatever became of the name in the meantime
  if (!seeds_.contains(record.key)) {
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
