// Batches to rows and rows to what start-up needs: every SQL statement of the store but its schema.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "monitor/sqlite.hpp"
#include "monitor/state_store.hpp"

namespace hotswapd {

// The statements of one connection. Codes are SQLite's; the caller owns the transaction.
class StoreRows {
 public:
  int prepare(sqlite::Database& db);
  void release();  // before the connection closes

  int write(const Batch& batch);
  // After a rollback: the numbers of services that it took back must not be used.
  void forget_cache() { services_.clear(); }

  int load(StoredState& out, WallTime now);
  int history(const RecordKey& service, std::size_t limit, std::vector<TransitionRow>& out);
  int intents(const RecordKey& service, std::size_t limit, std::vector<IntentRow>& out);

  int get_meta(std::string_view key, std::int64_t& value);  // 0 when it is not there
  int set_meta(std::string_view key, std::int64_t value);

 private:
  int service_id(const RecordKey& key, std::int64_t& id);
  int write_state(const StateRow& row);
  int write_intent(const IntentRow& row);
  int write_transition(const TransitionRow& row);
  int write_outbox(const OutboxRow& row);
  int write_record(const RecordRow& row);
  int load_outbox(std::vector<OutboxRow>& out);
  int load_records(std::vector<RecordRow>& out);
  int load_states(std::vector<StateRow>& out);

  sqlite::Database* db_ = nullptr;
  std::map<RecordKey, std::int64_t> services_;
  sqlite::Statement add_service_, find_service_, put_state_, put_intent_, add_transition_,
      add_outbox_, put_record_, drop_state_, drop_outbox_, read_meta_, put_meta_;
};

// Deletes what is too old, at most `slice` rows a kind, so that nothing waits for it. One
// transaction of its own.
struct RetentionLimits {
  Seconds transitions = std::chrono::hours(24 * 365);
  Seconds intents = std::chrono::hours(24 * 365);
  std::int64_t transition_rows = 1'000'000;
  // The outbox drops what expired itself, and counts it; this is for rows that nobody looks after
  // any more.
  Seconds outbox_grace = std::chrono::hours(1);
  int slice = 500;
};
int delete_slice(sqlite::Database& db, const RetentionLimits& limits, WallTime now, bool& more);

}  // namespace hotswapd
