#include "monitor/store_rows.hpp"

#include <utility>

namespace hotswapd {
namespace {

std::int64_t millis(WallTime at) {
  return at.time_since_epoch().count();
}
WallTime wall(std::int64_t value) {
  return WallTime(Millis(value));
}
// SQLite's integers are signed: the 64 bits are kept as they are.
std::int64_t stored(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}
std::uint64_t loaded(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}

// Canonical addresses and names hold no line feed: one value a line.
std::string join_lines(const std::vector<std::string>& values) {
  std::string out;
  for (const auto& value : values) {
    if (!out.empty()) out += '\n';
    out += value;
  }
  return out;
}

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

constexpr const char* intent_columns =
    "SELECT i.op, s.zone, s.fqdn, i.gen, i.phase, i.from_rr, i.to_rr, i.reason, i.evidence, "
    "i.fence, i.opened,"
    " i.closed FROM intent i JOIN service s ON s.id = i.service ";

IntentRow intent_from(const sqlite::Statement& row) {
  IntentRow out;
  out.op = row.text(0);
  out.service = {row.text(1), row.text(2)};
  out.generation = loaded(row.integer(3));
  out.phase = row.text(4);
  out.from_rr = row.text(5);
  out.to_rr = row.text(6);
  out.reason = row.text(7);
  out.evidence = row.text(8);
  if (!row.is_null(9)) out.fence = loaded(row.integer(9));
  out.opened = wall(row.integer(10));
  if (!row.is_null(11)) out.closed = wall(row.integer(11));
  return out;
}

constexpr const char* transition_columns =
    "SELECT t.id, s.zone, s.fqdn, t.at, t.kind, t.detail FROM transition t JOIN service s ON s.id "
    "= t.service ";

TransitionRow transition_from(const sqlite::Statement& row) {
  TransitionRow out;
  out.id = row.integer(0);
  out.service = {row.text(1), row.text(2)};
  out.at = wall(row.integer(3));
  out.kind = row.text(4);
  out.detail = row.text(5);
  return out;
}

template <class Row, class From>
int collect(sqlite::Statement& statement, std::vector<Row>& out, From from) {
  int code = statement.step();
  for (; code == SQLITE_ROW; code = statement.step()) out.push_back(from(statement));
  return code == SQLITE_DONE ? SQLITE_OK : code;
}

}  // namespace

int StoreRows::prepare(sqlite::Database& db) {
  release();
  db_ = &db;
  const std::pair<sqlite::Statement*, const char*> all[] = {
      {&add_service_, "INSERT INTO service(zone, fqdn) VALUES(?, ?)"},
      {&find_service_, "SELECT id FROM service WHERE zone = ? AND fqdn = ?"},
      {&put_state_,
       "INSERT INTO state(service, gen, active, status, detail, updated) VALUES(?, ?, ?, ?, ?, ?)"
       " ON CONFLICT(service) DO UPDATE SET gen = excluded.gen, active = excluded.active,"
       " status = excluded.status, detail = excluded.detail, updated = excluded.updated"},
      // Not INSERT OR REPLACE: that would silently delete another open intent of the service.
      {&put_intent_,
       "INSERT INTO intent(op, service, gen, phase, from_rr, to_rr, reason, evidence, fence, "
       "opened, closed)"
       " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(op) DO UPDATE SET service = "
       "excluded.service,"
       " gen = excluded.gen, phase = excluded.phase, from_rr = excluded.from_rr, to_rr = "
       "excluded.to_rr,"
       " reason = excluded.reason, evidence = excluded.evidence, fence = excluded.fence,"
       " opened = excluded.opened, closed = excluded.closed"},
      {&add_transition_, "INSERT INTO transition(service, at, kind, detail) VALUES(?, ?, ?, ?)"},
      {&add_outbox_,
       "INSERT INTO outbox(id, event, service, sink, body, due, tries, expires) VALUES(?, ?, ?, ?, "
       "?, ?, ?, ?)"
       " ON CONFLICT(event, sink) DO NOTHING"},
      {&put_record_,
       "INSERT INTO record(zone, fqdn, type, ttl, \"values\", gen, op, zone_serial) VALUES(?, ?, "
       "?, ?, ?, ?, ?, ?)"
       " ON CONFLICT(zone, fqdn) DO UPDATE SET type = excluded.type, ttl = excluded.ttl,"
       " \"values\" = excluded.\"values\", gen = excluded.gen, op = excluded.op, zone_serial = "
       "excluded.zone_serial"},
      {&drop_state_, "DELETE FROM state WHERE service = ?"},
      {&drop_outbox_, "DELETE FROM outbox WHERE id = ?"},
      {&read_meta_, "SELECT value FROM meta WHERE key = ?"},
      {&put_meta_,
       "INSERT INTO meta(key, value) VALUES(?, ?) ON CONFLICT(key) DO UPDATE SET value = "
       "excluded.value"},
  };
  for (const auto& [statement, sql] : all) {
    if (const int code = db.prepare(sql, *statement); code != SQLITE_OK) return code;
  }
  return SQLITE_OK;
}

void StoreRows::release() {
  for (auto* statement :
       {&add_service_, &find_service_, &put_state_, &put_intent_, &add_transition_, &add_outbox_,
        &put_record_, &drop_state_, &drop_outbox_, &read_meta_, &put_meta_}) {
    *statement = sqlite::Statement();
  }
  services_.clear();
  db_ = nullptr;
}

int StoreRows::service_id(const RecordKey& key, std::int64_t& id) {
  if (const auto known = services_.find(key); known != services_.end()) {
    id = known->second;
    return SQLITE_OK;
  }
  int code = find_service_.bind(key.zone).bind(key.fqdn).step();
  if (code == SQLITE_ROW) id = find_service_.integer(0);
  find_service_.reset();
  if (code == SQLITE_DONE) {
    code = add_service_.bind(key.zone).bind(key.fqdn).run();
    if (code != SQLITE_OK) return code;
    id = db_->last_id();
  } else if (code != SQLITE_ROW) {
    return code;
  }
  services_.emplace(key, id);
  return SQLITE_OK;
}

int StoreRows::write_state(const StateRow& row) {
  std::int64_t id = 0;
  if (const int code = service_id(row.service, id); code != SQLITE_OK) return code;
  return put_state_.bind(id)
      .bind(stored(row.generation))
      .bind(row.active)
      .bind(row.status)
      .bind(row.detail)
      .bind(millis(row.updated))
      .run();
}

int StoreRows::write_intent(const IntentRow& row) {
  std::int64_t id = 0;
  if (const int code = service_id(row.service, id); code != SQLITE_OK) return code;
  put_intent_.bind(row.op).bind(id).bind(stored(row.generation)).bind(row.phase);
  put_intent_.bind(row.from_rr).bind(row.to_rr).bind(row.reason).bind(row.evidence);
  if (row.fence) {
    put_intent_.bind(stored(*row.fence));
  } else {
    put_intent_.bind_null();
  }
  put_intent_.bind(millis(row.opened));
  if (row.closed) {
    put_intent_.bind(millis(*row.closed));
  } else {
    put_intent_.bind_null();
  }
  return put_intent_.run();
}

int StoreRows::write_transition(const TransitionRow& row) {
  std::int64_t id = 0;
  if (const int code = service_id(row.service, id); code != SQLITE_OK) return code;
  return add_transition_.bind(id).bind(millis(row.at)).bind(row.kind).bind(row.detail).run();
}

int StoreRows::write_outbox(const OutboxRow& row) {
  std::int64_t service = 0;
  if (const int code = service_id(row.service, service); code != SQLITE_OK) return code;
  add_outbox_.bind(row.id).bind(row.event).bind(service).bind(row.sink).bind_blob(row.body);
  return add_outbox_.bind(millis(row.due)).bind(row.tries).bind(millis(row.expires)).run();
}

int StoreRows::write_record(const RecordRow& row) {
  const std::string values = join_lines(row.set.values);
  put_record_.bind(row.key.zone).bind(row.key.fqdn).bind(static_cast<std::int64_t>(row.set.type));
  put_record_.bind(static_cast<std::int64_t>(row.set.ttl))
      .bind(values)
      .bind(stored(row.generation));
  return put_record_.bind(row.op).bind(static_cast<std::int64_t>(row.zone_serial)).run();
}

int StoreRows::write(const Batch& batch) {
  int code = SQLITE_OK;
  const auto each = [&code](const auto& rows, auto&& put) {
    for (const auto& row : rows) {
      if (code != SQLITE_OK) return;
      code = put(row);
    }
  };
  each(batch.forget_states, [this](const RecordKey& key) {
    std::int64_t id = 0;
    const int found = service_id(key, id);
    return found == SQLITE_OK ? drop_state_.bind(id).run() : found;
  });
  each(batch.delivered, [this](std::int64_t id) { return drop_outbox_.bind(id).run(); });
  each(batch.states, [this](const StateRow& row) { return write_state(row); });
  // What closes comes before what opens: the store allows one open intent a service at any moment.
  each(batch.intents,
       [this](const IntentRow& row) { return row.closed ? write_intent(row) : SQLITE_OK; });
  each(batch.intents,
       [this](const IntentRow& row) { return row.closed ? SQLITE_OK : write_intent(row); });
  each(batch.transitions, [this](const TransitionRow& row) { return write_transition(row); });
  each(batch.outbox, [this](const OutboxRow& row) { return write_outbox(row); });
  each(batch.records, [this](const RecordRow& row) { return write_record(row); });
  return code;
}

int StoreRows::load_states(std::vector<StateRow>& out) {
  sqlite::Statement all;
  const int code = db_->prepare(
      "SELECT s.zone, s.fqdn, t.gen, t.active, t.status, t.detail, t.updated FROM state t"
      " JOIN service s ON s.id = t.service ORDER BY t.service",
      all);
  if (code != SQLITE_OK) return code;
  return collect(all, out, [](const sqlite::Statement& row) {
    StateRow state;
    state.service = {row.text(0), row.text(1)};
    state.generation = loaded(row.integer(2));
    state.active = row.text(3);
    state.status = row.text(4);
    state.detail = row.text(5);
    state.updated = wall(row.integer(6));
    return state;
  });
}

int StoreRows::load_outbox(std::vector<OutboxRow>& out) {
  sqlite::Statement all;
  const int code = db_->prepare(
      "SELECT o.id, o.event, s.zone, s.fqdn, o.sink, o.body, o.due, o.tries, o.expires FROM outbox "
      "o"
      " JOIN service s ON s.id = o.service ORDER BY o.id",
      all);
  if (code != SQLITE_OK) return code;
  return collect(all, out, [](const sqlite::Statement& row) {
    OutboxRow message;
    message.id = row.integer(0);
    message.event = row.text(1);
    message.service = {row.text(2), row.text(3)};
    message.sink = row.text(4);
    message.body = row.text(5);
    message.due = wall(row.integer(6));
    message.tries = static_cast<int>(row.integer(7));
    message.expires = wall(row.integer(8));
    return message;
  });
}

int StoreRows::load_records(std::vector<RecordRow>& out) {
  sqlite::Statement all;
  const int code = db_->prepare(
      "SELECT zone, fqdn, type, ttl, \"values\", gen, op, zone_serial FROM record ORDER BY zone, "
      "fqdn",
      all);
  if (code != SQLITE_OK) return code;
  return collect(all, out, [](const sqlite::Statement& row) {
    RecordRow record;
    record.key = {row.text(0), row.text(1)};
    record.set.type = static_cast<RecordType>(row.integer(2));
    record.set.ttl = static_cast<std::uint32_t>(row.integer(3));
    record.set.values = split_lines(row.text(4));
    record.generation = loaded(row.integer(5));
    record.op = row.text(6);
    record.zone_serial = static_cast<std::uint32_t>(row.integer(7));
    return record;
  });
}

int StoreRows::load(StoredState& out, WallTime now) {
  int code = load_states(out.states);
  if (code == SQLITE_OK) code = load_outbox(out.outbox);
  if (code == SQLITE_OK) code = load_records(out.records);
  if (code != SQLITE_OK) return code;

  sqlite::Statement open;
  const std::string open_sql =
      std::string(intent_columns) + "WHERE i.closed IS NULL ORDER BY i.opened, i.op";
  code = db_->prepare(open_sql.c_str(), open);
  if (code == SQLITE_OK) code = collect(open, out.open_intents, intent_from);
  if (code != SQLITE_OK) return code;

  sqlite::Statement swaps;
  const std::string swaps_sql =
      std::string(transition_columns) + "WHERE t.kind = 'swap' AND t.at > ? ORDER BY t.id";
  code = db_->prepare(swaps_sql.c_str(), swaps);
  if (code != SQLITE_OK) return code;
  swaps.bind(millis(now - std::chrono::hours(1)));
  return collect(swaps, out.recent_swaps, transition_from);
}

int StoreRows::history(const RecordKey& service, std::size_t limit,
                       std::vector<TransitionRow>& out) {
  sqlite::Statement newest;
  const std::string sql = std::string(transition_columns) +
                          "WHERE s.zone = ? AND s.fqdn = ? ORDER BY t.id DESC LIMIT ?";
  const int code = db_->prepare(sql.c_str(), newest);
  if (code != SQLITE_OK) return code;
  newest.bind(service.zone).bind(service.fqdn).bind(static_cast<std::int64_t>(limit));
  return collect(newest, out, transition_from);
}

int StoreRows::intents(const RecordKey& service, std::size_t limit, std::vector<IntentRow>& out) {
  sqlite::Statement newest;
  const std::string sql =
      std::string(intent_columns) +
      "WHERE s.zone = ? AND s.fqdn = ? ORDER BY i.opened DESC, i.rowid DESC LIMIT ?";
  const int code = db_->prepare(sql.c_str(), newest);
  if (code != SQLITE_OK) return code;
  newest.bind(service.zone).bind(service.fqdn).bind(static_cast<std::int64_t>(limit));
  return collect(newest, out, intent_from);
}

int StoreRows::get_meta(std::string_view key, std::int64_t& value) {
  const int code = read_meta_.bind(key).step();
  value = code == SQLITE_ROW ? read_meta_.integer(0) : 0;
  read_meta_.reset();
  return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

int StoreRows::set_meta(std::string_view key, std::int64_t value) {
  return put_meta_.bind(key).bind(value).run();
}

int delete_slice(sqlite::Database& db, const RetentionLimits& limits, WallTime now, bool& more) {
  more = false;
  const auto remove = [&](const char* sql, std::int64_t bound) {
    sqlite::Statement statement;
    int code = db.prepare(sql, statement);
    if (code == SQLITE_OK) code = statement.bind(bound).bind(limits.slice).run();
    if (code == SQLITE_OK && db.changes() >= limits.slice) more = true;
    return code;
  };
  std::int64_t last = 0;
  int code = db.exec("BEGIN IMMEDIATE");
  if (code != SQLITE_OK) return code;
  // Ids rise with time and only the oldest go, so the last id tells how many there are.
  code = db.query_integer("SELECT ifnull(max(id), 0) FROM transition", last);
  if (code == SQLITE_OK) {
    code = remove(
        "DELETE FROM transition WHERE id IN(SELECT id FROM transition WHERE id <= ?1 ORDER BY id "
        "LIMIT ?2)",
        last - limits.transition_rows);
  }
  if (code == SQLITE_OK) {
    code = remove(
        "DELETE FROM transition WHERE id IN(SELECT id FROM transition ORDER BY id LIMIT ?2) AND at "
        "< ?1",
        millis(now - limits.transitions));
  }
  if (code == SQLITE_OK) {
    code =
        remove("DELETE FROM intent WHERE op IN(SELECT op FROM intent WHERE closed < ?1 LIMIT ?2)",
               millis(now - limits.intents));
  }
  if (code == SQLITE_OK) {
    code =
        remove("DELETE FROM outbox WHERE id IN(SELECT id FROM outbox WHERE expires < ?1 LIMIT ?2)",
               millis(now - limits.outbox_grace));
  }
  if (code == SQLITE_OK) code = db.exec("COMMIT");
  if (db.in_transaction()) db.exec("ROLLBACK");
  return code;
}

}  // namespace hotswapd
