// The one connection to state.db with what keeps it sound: group commit, the reserve, getting over
// a failing disk.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "monitor/sqlite.hpp"
#include "monitor/state_store.hpp"
#include "monitor/store_files.hpp"
#include "monitor/store_rows.hpp"
#include "monitor/store_schema.hpp"

namespace hotswapd {

// In `meta`: no outbox number above it was ever handed out by a store that could write.
inline constexpr std::string_view outbox_ceiling_key = "outbox_ceiling";

// What state.db held before anything was written.
struct StoreReading {
  StoredState state;
  std::string
      doubt;  // why it could not be taken as it is; empty when it could, or nothing was there
  bool found = false;
  std::int64_t ceiling = 0;
  // The ceiling can't be raised: what a run numbers that only reads must not come again in the next
  // one, even if that one reads the same ceiling because the clock went back.
  std::int64_t first_outbox_id(WallTime now) const;
  StoredState as_found(StoredState aside = {}) const;  // nothing, and doubtful, when there is doubt
};

// Blocks; used by one thread at a time.
class StoreDatabase {
 public:
  static std::int64_t by_clock(WallTime now) { return now.time_since_epoch().count() * 1000; }

  StoreDatabase(const std::string& dir, std::uint64_t reserve_bytes);
  ~StoreDatabase();

  // Reads what is there and writes nothing: before start(), because writing may hang.
  StoreReading read_first(WallTime now);

  // Opens, checks, upgrades and reads state.db; puts a damaged, newer or foreign one aside and
  // begins anew. errc::unavailable: the disk refuses, start_reading() is what is left. `known`,
  // when given: what read_first() found, which nobody has changed since.
  Fallible<void> start(WallTime now, StoredState& out, const StoreReading* known = nullptr);

  // After a start() that failed so, with the same `out`: loads what can be read and writes nothing;
  // commits are refused until heal() works. `locked`: nobody else can have written meanwhile.
  void start_reading(const Error& why, bool locked, WallTime now, StoredState& out);
  // After a start() that hung, whatever came of it: the daemon goes on with what had been read.
  void start_late(const StoreReading& reading, const StoredState& out);
  bool reading_only() const noexcept { return reading_only_; }
  bool heal(WallTime now);  // tries start() again
  void not_healed(const Error& why) { why_ = why.text; }
  const std::string& set_aside_late() const noexcept { return set_aside_late_; }

  // One transaction for all of them, answered one by one: a batch that breaks a constraint is
  // refused alone; when the disk refuses, none of them happened.
  std::vector<Fallible<void>> commit(const std::vector<const Batch*>& group);

  // After an I/O error: fences, reopens, checks. True when the store works (again).
  bool recover();
  bool usable() const noexcept { return usable_; }
  const std::string& why() const noexcept {
    return why_;
  }  // of the last failure, empty when all is well
  Reserve& reserve() noexcept { return reserve_; }

  Fallible<std::vector<TransitionRow>> history(const RecordKey& service, std::size_t limit);
  Fallible<std::vector<IntentRow>> intents(const RecordKey& service, std::size_t limit);
  bool delete_slice(const RetentionLimits& limits, WallTime now);  // true: there is more

  // Outbox numbers: handed out from memory below a ceiling that is on the disk.
  std::int64_t first_outbox_id() const noexcept { return first_outbox_id_; }
  void outbox_ids_used_to(
      std::int64_t next);  // raises the ceiling with the next commit when it comes near

 private:
  int attempt(const std::vector<const Batch*>& group, std::vector<Fallible<void>>& results);
  int write_one(const Batch& batch, Fallible<void>& result);
  int abandon(int code);
  int open_connection();
  int fence();
  int begin(WallTime now, StoredState& out, const StoreReading* known);
  Error failure(const std::string& what) const;
  Error start_failure(int code, const std::string& what) const;
  int open_to_look(FileVerdict& verdict);
  void leave();
  template <class Row>
  Fallible<std::vector<Row>> look(const RecordKey& service, std::size_t limit, const char* what,
                                  int (StoreRows::*read)(const RecordKey&, std::size_t,
                                                         std::vector<Row>&));

  std::string dir_;
  std::string path_;
  Reserve reserve_;
  sqlite::Database db_;
  StoreRows rows_;
  bool usable_ = false;
  bool fence_needed_ = false;
  bool reading_only_ = false;
  bool unread_ = false;  // what the file holds was not loaded: a later start() sets it aside
  std::optional<std::int64_t> expected_ceiling_;  // another one: somebody else has written
  std::string set_aside_late_;
  std::string why_;
  std::int64_t first_outbox_id_ = 0;
  std::int64_t ceiling_ = 0;         // on the disk
  std::int64_t wanted_ceiling_ = 0;  // to be written with the next commit
};

}  // namespace hotswapd
