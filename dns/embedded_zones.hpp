// The records of the embedded zones and the rules by which they change: compare-and-set, durable
// first, never a gap.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "core/error.hpp"
#include "core/kept_set.hpp"
#include "core/kept_text.hpp"
#include "core/record.hpp"
#include "core/swap_plan.hpp"
#include "dns/record_journal.hpp"
#include "dns/zone_editor.hpp"

namespace hotswapd {

// Lives on shard 0, but for snapshots(), which any thread may read. No I/O: EmbeddedProvider does
// that.
//
// A configured name is served from the moment it is put here until it is removed: its stored
// record, or while there is none its seed (the primary's value, generation absent). Seeds and zones
// are configuration and come again with every start, so they do not move the zone's serial; every
// write does, by one, and never to less than its generation.
class EmbeddedZones {
 public:
  struct Name {
    RecordKey key;
    RecordSet seed;
  };
  struct Config {
    std::vector<ZoneSpec> zones;
    std::vector<Name> names;
  };

  // All records that the journal ever kept, also of names that are not configured now: they carry
  // the serials. No zone begins below `lowest_serial`: after a journal was lost, give one that no
  // earlier run can have reached.
  // A stored record of generation 0 is a seed that was answered and never written over.
  explicit EmbeddedZones(std::vector<StoredRecord> stored = {}, std::uint32_t lowest_serial = 1);

  const SnapshotHolder& snapshots() const noexcept { return snapshots_; }

  // Start and reload: exactly these zones and names from now on, seen by readers in one step. On an
  // error nothing has changed. What is in both keeps its record.
  Fallible<void> configure(const Config& config);

  // The seeds that are answered and not stored yet, as records of generation 0: once they are, a
  // restart answers what was answered before it, whatever became of the configuration meanwhile.
  std::vector<StoredRecord> unsaved_seeds() const;
  void seeds_saved(const std::vector<StoredRecord>& seeds);

  // One at a time; each is seen at once.
  Fallible<void> put_zone(const ZoneSpec& zone);
  void remove_zone(const std::string& zone);  // its names go with it
  Fallible<void> put_name(const Name& name);
  void remove_name(const RecordKey& key);

  // not_found when no zone of ours has the name.
  Fallible<LiveRecord> read(const RecordKey& key) const;

  // Judges the plan. Either it is over already, or the record must be made durable and then be
  // given to commit() or, when the disk refused, to abandon(). In between pending() is true and no
  // other plan of that name may begin.
  std::variant<ApplyResult, StoredRecord> begin(const SwapPlan& plan);
  ApplyResult commit(const StoredRecord& record);  // publishes
  void abandon(const StoredRecord& record) { pending_.erase(record.key); }
  bool pending(const RecordKey& key) const { return pending_.contains(key); }

  std::uint32_t serial(const std::string& zone) const { return editor_.serial(zone); }

 private:
  Fallible<void> place(ZoneEditor& editor, const Name& name) const;
  std::uint32_t known_serial(const std::string& zone) const;
  void publish() { snapshots_.publish(editor_.publish()); }

  // All that is known of one name, in one place and in little room: there may be tens of thousands.
  struct Known {
    KeptSet seed;
    KeptSet written;  // absent: the journal holds no record of a generation
    std::uint64_t generation = 0;
    KeptText op;
    bool configured = false;   // it is served: as it was written, or while it never was, the seed
    bool seed_stored = false;  // the journal holds `seed`

    bool kept() const noexcept { return configured || seed_stored; }
    bool useless() const noexcept { return !kept() && !written; }
    void write(const StoredRecord& record);
  };
  // By what stands before the zone in a name; what is not of the zone ends in a dot.
  using Names = std::unordered_map<KeptText, Known>;
  static KeptText relative(const RecordKey& key);
  static RecordKey absolute(const std::string& zone, const KeptText& name);

  const Known* known(const RecordKey& key) const;       // null: nothing is
  const Known* configured(const RecordKey& key) const;  // null: it is not
  template <class Leaves>
  void unconfigure(Leaves leaves);
  template <class Visit>
  void for_each_known(Visit visit) const;

  std::map<std::string, Names> names_;  // by zone
  std::map<std::string, std::uint32_t>
      serials_;  // the highest ever given out, also of zones that are gone
  std::uint32_t lowest_serial_;
  std::set<RecordKey> pending_;
  ZoneEditor editor_;
  SnapshotHolder snapshots_;
};

}  // namespace hotswapd
