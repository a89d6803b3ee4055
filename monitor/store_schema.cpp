#include "monitor/store_schema.hpp"

#include <array>

#include "core/text.hpp"
#include "monitor/store_files.hpp"

namespace hotswapd {
namespace {

// Times are milliseconds since 1970, UTC. A service's row stays when the service goes: its history
// refers to it.
constexpr const char* version_1 = R"sql(
CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE service(id INTEGER PRIMARY KEY, zone TEXT NOT NULL, fqdn TEXT NOT NULL, UNIQUE(zone, fqdn)) STRICT;
CREATE TABLE state(service INTEGER PRIMARY KEY REFERENCES service, gen INTEGER NOT NULL, active TEXT NOT NULL,
  status TEXT NOT NULL, detail TEXT NOT NULL, updated INTEGER NOT NULL) STRICT;
CREATE TABLE intent(op TEXT PRIMARY KEY, service INTEGER NOT NULL REFERENCES service, gen INTEGER NOT NULL,
  phase TEXT NOT NULL CHECK(phase IN('prepared','sent','applied','proved','failed','abandoned')),
  from_rr TEXT NOT NULL, to_rr TEXT NOT NULL, reason TEXT NOT NULL, evidence TEXT NOT NULL, fence INTEGER,
  opened INTEGER NOT NULL, closed INTEGER) STRICT;
CREATE UNIQUE INDEX one_open ON intent(service) WHERE closed IS NULL;
CREATE INDEX intent_by_service ON intent(service, opened);
CREATE INDEX intent_closed ON intent(closed) WHERE closed IS NOT NULL;
CREATE TABLE transition(id INTEGER PRIMARY KEY, service INTEGER NOT NULL REFERENCES service, at INTEGER NOT NULL,
  kind TEXT NOT NULL, detail TEXT NOT NULL) STRICT;
CREATE INDEX transition_by_service ON transition(service, id);
CREATE INDEX swap_at ON transition(at) WHERE kind = 'swap';
CREATE TABLE outbox(id INTEGER PRIMARY KEY, event TEXT NOT NULL, service INTEGER NOT NULL REFERENCES service,
  sink TEXT NOT NULL, body BLOB NOT NULL, due INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
  expires INTEGER NOT NULL, UNIQUE(event, sink)) STRICT;
CREATE TABLE record(zone TEXT NOT NULL, fqdn TEXT NOT NULL, type INTEGER NOT NULL, ttl INTEGER NOT NULL,
  "values" TEXT NOT NULL, gen INTEGER NOT NULL, op TEXT NOT NULL, zone_serial INTEGER NOT NULL,
  PRIMARY KEY(zone, fqdn)) STRICT, WITHOUT ROWID;
)sql";

constexpr std::array migrations = {Migration{1, version_1}};

bool is_damage(int code) {
  return sqlite::primary(code) == SQLITE_CORRUPT || sqlite::primary(code) == SQLITE_NOTADB;
}

FileVerdict failed(sqlite::Database& db, int code) {
  return {is_damage(code) ? FileState::damaged : FileState::unreadable, 0, code, db.error()};
}

}  // namespace

std::span<const Migration> store_migrations() {
  return migrations;
}

FileVerdict inspect(sqlite::Database& db, int newest, bool check) {
  FileVerdict verdict;
  std::int64_t application = 0;
  std::int64_t tables = 0;
  int code = db.exec("PRAGMA busy_timeout=2000; PRAGMA trusted_schema=OFF;");
  if (code == SQLITE_OK) code = db.query_integer("PRAGMA application_id", application);
  if (code == SQLITE_OK) code = db.query_integer("PRAGMA user_version", verdict.version);
  if (code == SQLITE_OK) code = db.query_integer("SELECT count(*) FROM sqlite_schema", tables);
  if (code != SQLITE_OK) return failed(db, code);
  if (application == 0 && verdict.version == 0 && tables == 0) {
    verdict.state = FileState::fresh;
    return verdict;
  }
  if (application != store_application_id) {
    verdict.state = FileState::foreign;
    verdict.why = "it is another program's database";
    return verdict;
  }
  if (verdict.version > newest) {
    verdict.state = FileState::newer;
    verdict.why = "its schema " + std::to_string(verdict.version) +
                  " is newer than this program's " + std::to_string(newest);
    return verdict;
  }
  std::string report = "ok";
  if (check) code = db.query_text("PRAGMA quick_check(3)", report);
  if (code != SQLITE_OK) return failed(db, code);
  verdict.state = report == "ok" ? FileState::ours : FileState::damaged;
  if (report != "ok") verdict.why = clean(report);
  return verdict;
}

int apply_settings(sqlite::Database& db) {
  std::string mode;
  int code = db.query_text("PRAGMA journal_mode=WAL", mode);
  if (code != SQLITE_OK) return code;
  if (mode != "wal") return SQLITE_CANTOPEN;
  // journal_size_limit: the WAL keeps its blocks, so that later commits need no new space.
  // temp_store: nothing of ours may need room in /tmp.
  return db.exec(
      "PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=1000; PRAGMA journal_size_limit=8388608;"
      "PRAGMA busy_timeout=2000; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA "
      "temp_store=MEMORY;");
}

Fallible<void> migrate(sqlite::Database& db, std::span<const Migration> steps, std::int64_t from,
                       const std::string& path, WallTime now, int* code) {
  if (steps.empty() || from >= steps.back().to) return {};
  const auto failure = [&](const char* what) {
    if (code != nullptr) *code = db.code();
    return Error{errc::unavailable, path + ": " + what + ": " + db.error()};
  };
  if (from > 0) {
    const std::string copy = path + ".v" + std::to_string(from) + "-" + file_stamp(now);
    if (auto made = make_private(copy); !made) {
      if (code != nullptr) *code = SQLITE_CANTOPEN;
      return made.error();
    }
    sqlite::Statement vacuum;
    if (db.prepare("VACUUM INTO ?", vacuum) != SQLITE_OK || vacuum.bind(copy).run() != SQLITE_OK) {
      return failure("no copy could be made before the upgrade");
    }
  }
  bool good = db.exec("BEGIN IMMEDIATE") == SQLITE_OK;
  for (const auto& step : steps) {
    if (good && step.to > from) good = db.exec(step.sql) == SQLITE_OK;
  }
  const std::string seal = "PRAGMA application_id=" + std::to_string(store_application_id) +
                           "; PRAGMA user_version=" + std::to_string(steps.back().to) + "; COMMIT;";
  if (good && db.exec(seal.c_str()) == SQLITE_OK) return {};
  const Error error = failure("the upgrade failed, nothing was changed");
  if (db.in_transaction()) db.exec("ROLLBACK");
  return error;
}

}  // namespace hotswapd
