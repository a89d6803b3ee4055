// The store on a disk that refuses writes: what state.db holds is read as it is, and nothing is
// touched until the disk allows a start like any other.
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "core/text.hpp"
#include "monitor/store_database.hpp"
#include "monitor/store_schema.hpp"

namespace hotswapd {
namespace {

constexpr std::int64_t id_spread = 1'000'000'000'000;  // eleven days of the clock

}  // namespace

// What is there is opened for looking only, and the connection goes again: see look() and
// start_reading().
int StoreDatabase::open_to_look(FileVerdict& verdict) {
  rows_.release();
  int code = db_.open_unchanged(path_);
  if (code == SQLITE_OK) {
    verdict = inspect(db_, store_migrations().back().to);
    if (verdict.state == FileState::unreadable) code = verdict.code;
  }
  return code;
}

void StoreDatabase::leave() {
  rows_.release();
  db_.close_untouched();
}

void StoreDatabase::start_reading(const Error& why, bool locked, WallTime now, StoredState& out) {
  reading_only_ = true;
  why_ = why.text;
  std::string doubt;
  std::int64_t ceiling = 0;
  struct stat info {};
  const bool absent = ::lstat(path_.c_str(), &info) != 0 && errno == ENOENT;
  if (!absent) {
    FileVerdict verdict;
    const int newest = store_migrations().back().to;
    int code = open_to_look(verdict);
    const bool ours = verdict.state == FileState::ours && verdict.version == newest;
    if (code == SQLITE_OK && ours) {
      code = rows_.prepare(db_);
      if (code == SQLITE_OK) code = rows_.get_meta(outbox_ceiling_key, ceiling);
      if (code == SQLITE_OK) code = rows_.load(out, now);
    } else if (code == SQLITE_OK && verdict.state != FileState::fresh) {
      doubt = verdict.why.empty() ? "it is of an older schema" : clean(verdict.why);
    }
    if (code != SQLITE_OK) doubt = "it can't be read: " + clean(db_.error());
    leave();
  }
  if (!doubt.empty()) {
    unread_ = true;
    std::string aside = std::move(out.set_aside);
    std::string aside_why = std::move(out.set_aside_why);
    out = StoredState{};
    out.doubtful = true;
    out.set_aside = std::move(aside);
    out.set_aside_why = aside_why.empty() ? doubt : std::move(aside_why);
  } else if (!locked) {
    expected_ceiling_ = ceiling;
  }
  // The ceiling can't be raised: what this run numbers must not come again in the next one, even if
  // that one reads the same ceiling because the clock went back.
  first_outbox_id_ = by_clock(now);
  if (ceiling >= first_outbox_id_) first_outbox_id_ = ceiling + first_outbox_id_ % id_spread;
  wanted_ceiling_ = first_outbox_id_;
}

bool StoreDatabase::heal(WallTime now) {
  StoredState found;  // the same that is in memory, or nothing
  const auto started = start(now, found);
  if (!found.set_aside.empty()) {
    set_aside_late_ = found.set_aside;
    unread_ = false;
  }
  if (!started) {
    why_ = started.error().text;
    return false;
  }
  reading_only_ = unread_ = false;
  why_.clear();
  return true;
}

template <class Row>
Fallible<std::vector<Row>> StoreDatabase::look(const RecordKey& service, std::size_t limit,
                                               const char* what,
                                               int (StoreRows::*read)(const RecordKey&, std::size_t,
                                                                      std::vector<Row>&)) {
  std::vector<Row> out;
  if (!usable_ && (!reading_only_ || unread_)) return Error{errc::unavailable, path_ + ": " + why_};
  int code = SQLITE_OK;
  if (reading_only_) code = db_.open_unchanged(path_);
  if (reading_only_ && code == SQLITE_OK) code = rows_.prepare(db_);
  if (code == SQLITE_OK) code = (rows_.*read)(service, limit, out);
  const Error error = code == SQLITE_OK ? Error{} : failure(what);
  if (reading_only_) leave();
  if (code != SQLITE_OK) return error;
  return out;
}

Fallible<std::vector<TransitionRow>> StoreDatabase::history(const RecordKey& service,
                                                            std::size_t limit) {
  return look(service, limit, "history can't be read", &StoreRows::history);
}

Fallible<std::vector<IntentRow>> StoreDatabase::intents(const RecordKey& service,
                                                        std::size_t limit) {
  return look(service, limit, "intents can't be read", &StoreRows::intents);
}

}  // namespace hotswapd
