#include "monitor/store_database.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/text.hpp"

namespace hotswapd {
namespace {

constexpr std::int64_t id_block = 1'000'000;
constexpr std::string_view fence_key = "fences";
constexpr const char* overtaken =
    "another daemon has written to it since it was read; a restart takes up what it left";

// The batch itself is wrong: the others of its group are not touched by it.
bool is_refusal(int code) {
  const int kind = sqlite::primary(code);
  return kind == SQLITE_CONSTRAINT || kind == SQLITE_MISMATCH || kind == SQLITE_TOOBIG ||
         kind == SQLITE_RANGE;
}

bool is_damage(int code) {
  return sqlite::primary(code) == SQLITE_CORRUPT || sqlite::primary(code) == SQLITE_NOTADB;
}

// What a full disk looks like in an open database; -shm that can't grow says "I/O error".
bool wants_room(int code) {
  return sqlite::primary(code) == SQLITE_FULL || code == SQLITE_IOERR_SHMSIZE ||
         code == SQLITE_IOERR_SHMMAP || code == SQLITE_IOERR_SHMOPEN;
}

// Opening a WAL database on a full disk says 10 or 14 where a commit would say 13.
bool wants_room_to_open(int code) {
  const int kind = sqlite::primary(code);
  return kind == SQLITE_FULL || kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN;
}

// Nothing is wrong with the connection: the next transaction may simply be tried.
bool is_passing(int code) {
  const int kind = sqlite::primary(code);
  return kind == SQLITE_FULL || kind == SQLITE_BUSY || kind == SQLITE_NOMEM;
}

const char* aside_word(FileState state) {
  if (state == FileState::newer) return "newer-schema";
  return state == FileState::foreign ? "foreign" : "damaged";
}

}  // namespace

StoreDatabase::StoreDatabase(const std::string& dir, std::uint64_t reserve_bytes)
    : dir_(dir), path_(dir + "/state.db"), reserve_(dir + "/reserve", reserve_bytes) {}

StoreDatabase::~StoreDatabase() {
  rows_.release();
}

Error StoreDatabase::failure(const std::string& what) const {
  return Error{errc::unavailable, path_ + ": " + what + ": " + clean(db_.error())};
}

// As failure(), and whether the disk is the reason or what waiting does not cure.
Error StoreDatabase::start_failure(int code, const std::string& what) const {
  Error error = failure(what);
  const int kind = sqlite::primary(code);
  bool disk = kind == SQLITE_FULL || kind == SQLITE_IOERR || kind == SQLITE_READONLY;
  // A file that can't be made: SQLite does not keep why.
  const bool forbidden = ::faccessat(AT_FDCWD, dir_.c_str(), W_OK, AT_EACCESS) != 0 &&
                         (errno == EACCES || errno == EPERM);
  disk = (disk || kind == SQLITE_CANTOPEN) && !forbidden;
  if (!disk) error.code = errc::refused;
  return error;
}

int StoreDatabase::open_connection() {
  rows_.release();
  int code = db_.open(path_);
  if (code == SQLITE_OK) code = apply_settings(db_);
  if (code == SQLITE_OK) code = rows_.prepare(db_);
  return code;
}

// Everything after the file was found good or made new.
int StoreDatabase::begin(WallTime now, StoredState& out, const StoreReading* known) {
  int code = apply_settings(db_);
  if (code == SQLITE_OK) code = rows_.prepare(db_);
  if (code == SQLITE_OK) code = rows_.get_meta(outbox_ceiling_key, ceiling_);
  if (code != SQLITE_OK) return code;
  // Every start raises the ceiling.
  if (expected_ceiling_ && *expected_ceiling_ != ceiling_) return SQLITE_ABORT;
  expected_ceiling_.reset();
  // A new file after a damaged one knows no ceiling: the clock keeps its numbers above the earlier
  // ones.
  const std::int64_t first = std::max({ceiling_, wanted_ceiling_, by_clock(now)});
  code = rows_.set_meta(outbox_ceiling_key, first + id_block);
  if (code != SQLITE_OK) return code;
  first_outbox_id_ = first;
  ceiling_ = wanted_ceiling_ = first + id_block;
  if (known != nullptr && !out.doubtful) {
    out = known->state;
    return code;
  }
  out.states.clear();
  out.open_intents.clear();
  out.outbox.clear();
  out.records.clear();
  out.recent_swaps.clear();
  return rows_.load(out, now);
}

Fallible<void> StoreDatabase::start(WallTime now, StoredState& out, const StoreReading* known) {
  const int newest = store_migrations().back().to;
  if (known != nullptr && (!known->found || !known->doubt.empty())) known = nullptr;
  bool spent = false;
  // Each turn either ends or takes one remedy, and each remedy is taken once.
  while (true) {
    rows_.release();
    // What stands whole in the WAL was read as done; with another process there SQLite believes its
    // index instead, which a daemon that was killed in a commit left behind what stands.
    if (known != nullptr && open_elsewhere(path_)) known = nullptr;
    const auto made = make_private(path_);
    int code = made ? db_.open(path_) : SQLITE_CANTOPEN;
    FileVerdict verdict;
    Error problem = made ? start_failure(code, "can't be opened") : made.error();
    if (code == SQLITE_OK) {
      verdict = inspect(db_, newest, known == nullptr);
      if (verdict.state == FileState::unreadable) {
        code = verdict.code;
        problem = start_failure(code, "can't be read");
      } else if (verdict.state == FileState::ours && unread_ && out.set_aside.empty()) {
        verdict.state = FileState::damaged;
        verdict.why = "it could not be read at the start";
      } else if (verdict.state == FileState::fresh || verdict.state == FileState::ours) {
        const auto upgraded = migrate(db_, store_migrations(), verdict.version, path_, now, &code);
        if (upgraded) code = begin(now, out, known);
        if (upgraded && code == SQLITE_OK) break;
        problem = start_failure(code, "can't be written");
        if (!upgraded) problem.text = upgraded.error().text;
        if (code == SQLITE_ABORT) problem.text = path_ + ": " + overtaken;
        if (is_damage(code)) {
          verdict.state = FileState::damaged;
          verdict.why = problem.text;
        }
      }
    }
    rows_.release();
    db_.close_untouched();
    const bool unfit = verdict.state == FileState::damaged || verdict.state == FileState::newer ||
                       verdict.state == FileState::foreign;
    if (unfit && out.set_aside.empty()) {
      auto moved = set_aside(path_, aside_word(verdict.state), now);
      if (!moved) return moved.error();
      out.doubtful = true;
      out.set_aside = *moved;
      out.set_aside_why = verdict.why;
    } else if (!unfit && !spent && problem.code == errc::unavailable && wants_room_to_open(code) &&
               reserve_.spend()) {
      spent = true;
    } else {
      return problem;
    }
  }
  usable_ = true;
  reserve_.ensure();
  return {};
}

int StoreDatabase::abandon(int code) {
  why_ = clean(db_.error());
  if (db_.in_transaction()) db_.exec("ROLLBACK");
  rows_.forget_cache();
  return code;
}

int StoreDatabase::write_one(const Batch& batch, Fallible<void>& result) {
  int code = db_.exec("SAVEPOINT one");
  if (code != SQLITE_OK) return code;
  code = rows_.write(batch);
  if (code == SQLITE_OK) return db_.exec("RELEASE one");
  if (!is_refusal(code) || !db_.in_transaction()) return code;
  result = Error{errc::conflict, "the store refuses this change: " + clean(db_.error())};
  rows_.forget_cache();
  return db_.exec("ROLLBACK TO one; RELEASE one");
}

int StoreDatabase::attempt(const std::vector<const Batch*>& group,
                           std::vector<Fallible<void>>& results) {
  results.assign(group.size(), Fallible<void>());
  int code = db_.exec("BEGIN IMMEDIATE");
  for (std::size_t i = 0; i < group.size() && code == SQLITE_OK; ++i)
    code = write_one(*group[i], results[i]);
  const std::int64_t ceiling = wanted_ceiling_;
  if (code == SQLITE_OK && ceiling > ceiling_) code = rows_.set_meta(outbox_ceiling_key, ceiling);
  if (code != SQLITE_OK) return abandon(code);
  code = db_.exec("COMMIT");
  if (code == SQLITE_OK) {
    ceiling_ = ceiling;
    return code;
  }
  // The frames may stand whole in the WAL although we are told that they failed: a later opening
  // would believe them.
  if (!is_passing(code)) fence_needed_ = true;
  return abandon(code);
}

std::vector<Fallible<void>> StoreDatabase::commit(const std::vector<const Batch*>& group) {
  std::vector<Fallible<void>> results;
  int code = SQLITE_OK;
  if (usable_) {
    code = attempt(group, results);
    if (wants_room(code) && !fence_needed_ && reserve_.spend()) code = attempt(group, results);
    if (code == SQLITE_OK) {
      why_.clear();
      return results;
    }
    if (!is_passing(code)) usable_ = false;
  }
  const Error error{errc::unavailable, path_ + ": " + why_};
  results.assign(group.size(), Fallible<void>(error));
  return results;
}

// A commit that failed is overwritten, in the WAL, by another one made through the same connection,
// which still knows where the last good one ends. Only then the file may be opened anew: what was
// reported as failed stays undone.
int StoreDatabase::fence() {
  std::int64_t count = 0;
  int code = db_.exec("BEGIN IMMEDIATE");
  if (code == SQLITE_OK) code = rows_.get_meta(fence_key, count);
  if (code == SQLITE_OK) code = rows_.set_meta(fence_key, count + 1);
  if (code == SQLITE_OK) code = db_.exec("COMMIT");
  if (code != SQLITE_OK) return abandon(code);
  fence_needed_ = false;
  return code;
}

bool StoreDatabase::recover() {
  if (usable_) return true;
  if (fence_needed_ && fence() != SQLITE_OK) return false;
  rows_.release();
  db_.close();
  const int newest = store_migrations().back().to;
  if (db_.open(path_) != SQLITE_OK) {
    why_ = clean(db_.error());
    return false;
  }
  const FileVerdict verdict = inspect(db_, newest);
  if (verdict.state != FileState::ours || verdict.version != newest) {
    why_ = verdict.state == FileState::unreadable
               ? clean(verdict.why)
               : "the file was damaged or replaced while it was in use; a restart puts it aside: " +
                     clean(verdict.why);
    return false;
  }
  if (open_connection() != SQLITE_OK) {
    why_ = clean(db_.error());
    return false;
  }
  // Reading proves nothing (a disk that turned read-only reads well): only a commit says that
  // commits work.
  if (fence() != SQLITE_OK) return false;
  usable_ = true;
  why_.clear();
  return true;
}

bool StoreDatabase::delete_slice(const RetentionLimits& limits, WallTime now) {
  bool more = false;
  if (!usable_) return false;
  return hotswapd::delete_slice(db_, limits, now, more) == SQLITE_OK && more;
}

void StoreDatabase::outbox_ids_used_to(std::int64_t next) {
  if (next > wanted_ceiling_ - id_block / 2) wanted_ceiling_ = next + id_block;
}

}  // namespace hotswapd
