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
    auto& known = names_[std::move(record.key)];
    if (record.generation == 0) {
      known.seed = std::move(record.set);
      known.seed_stored = true;
    } else {
      known.written = std::make_unique<Written>(
          Written{std::move(record.set), record.generation, std::move(record.op)});
    }
  }
}

const EmbeddedZones::Known* EmbeddedZones::configured(const RecordKey& key) const {
  const auto found = names_.find(key);
  return found != names_.end() && found->second.configured ? &found->second : nullptr;
}

// What is known of a name only because it is configured goes with it.
template <class Leaves>
void EmbeddedZones::unconfigure(Leaves leaves) {
  for (auto entry = names_.begin(); entry != names_.end();) {
    auto& [key, known] = *entry;
    if (known.configured && leaves(key)) known.configured = false;
    const bool useless = !known.configured && !known.seed_stored && !known.written;
    entry = useless ? names_.erase(entry) : std::next(entry);
  }
}

std::uint32_t EmbeddedZones::known_serial(const std::string& zone) const {
  const auto found = serials_.find(zone);
  return found == serials_.end() ? lowest_serial_ : std::max(lowest_serial_, found->second);
}

// The written record if there is one that can still be served, else the seed.
Fallible<void> EmbeddedZones::place(ZoneEditor& editor, const Name& name) const {
  const auto known = names_.find(name.key);
  const bool written = known != names_.end() && known->second.written;
  if (written && editor.put_record(name.key, known->second.written->set)) return {};
  return editor.put_record(name.key, name.seed);
}

Fallible<void> EmbeddedZones::configure(const Config& config) {
  ZoneEditor next = editor_;  // tried on a copy: what is served stays as it is when this fails
  std::set<std::string> zones;
  std::map<RecordKey, const RecordSet*> seeds;
  for (const auto& zone : config.zones) zones.insert(zone.name);
  for (const auto& name : config.names) {
    // A reload moves no traffic: what is answered for a name changes by a write, never by an edit.
    const auto known = names_.find(name.key);
    const bool kept =
        known != names_.end() && (known->second.configured || known->second.seed_stored);
    seeds[name.key] = kept ? &known->second.seed : &name.seed;
  }
  for (const auto& [key, known] : names_) {
    if (known.configured && !seeds.contains(key)) next.remove_record(key);
  }
  for (const auto& zone : next.zones()) {
    if (!zones.contains(zone)) next.remove_zone(zone);
  }
  for (const auto& zone : config.zones) {
    if (auto ok = next.put_zone(zone, known_serial(zone.name)); !ok) return ok.error();
  }
  for (const auto& [key, seed] : seeds) {
    if (configured(key) != nullptr && zones.contains(key.zone)) continue;  // untouched
    if (auto ok = place(next, {key, *seed}); !ok) return ok.error();
  }
  editor_ = std::move(next);
  unconfigure([&](const RecordKey& key) { return !seeds.contains(key); });
  for (const auto& [key, seed] : seeds) {
    auto& known = names_[key];
    if (&known.seed != seed) known.seed = *seed;
    known.configured = true;
  }
  publish();
  return {};
}

std::vector<StoredRecord> EmbeddedZones::unsaved_seeds() const {
  std::vector<StoredRecord> unsaved;
  for (const auto& [key, known] : names_) {
    if (!known.configured || known.seed_stored || known.written || pending_.contains(key)) continue;
    unsaved.push_back({key, known.seed, 0, "", editor_.serial(key.zone)});
  }
  return unsaved;
}

void EmbeddedZones::seeds_saved(const std::vector<StoredRecord>& seeds) {
  for (const auto& saved : seeds) {
    auto& known = names_[saved.key];
    if (!known.configured) known.seed = saved.set;  // it left meanwhile; the journal keeps it
    known.seed_stored = known.seed == saved.set;
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
  auto& known = names_[name.key];
  known.seed_stored = known.seed_stored && known.seed == name.seed;
  known.seed = name.seed;
  known.configured = true;
  publish();
  return {};
}

void EmbeddedZones::remove_name(const RecordKey& key) {
  if (configured(key) == nullptr) return;
  editor_.remove_record(key);
  unconfigure([name = key](const RecordKey& other) { return other == name; });
  publish();
}

Fallible<LiveRecord> EmbeddedZones::read(const RecordKey& key) const {
  if (!editor_.has_zone(key.zone)) {
    return Error{errc::not_found, "zone " + clean(key.zone) + " is not served here"};
  }
  LiveRecord live;
  live.serial = editor_.serial(key.zone);
  const auto* known = configured(key);
  if (known == nullptr) return live;
  if (!known->written) {
    live.set = known->seed;
    live.op = "configuration";
    return live;
  }
  live.set = known->written->set;
  live.generation = known->written->generation;
  live.op = known->written->op;
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
  names_[record.key].written =
      std::make_unique<Written>(Written{record.set, record.generation, record.op});
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
