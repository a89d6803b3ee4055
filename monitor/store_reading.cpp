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

std::int64_t StoreReading::first_outbox_id(WallTime now) const {
  const std::int64_t clock = StoreDatabase::by_clock(now);
  return ceiling < clock ? clock : ceiling + clock % id_spread;
}

StoredState StoreReading::as_found(StoredState aside) const {
  if (doubt.empty()) return state;
  StoredState out;
  out.doubtful = true;
  out.set_aside = std::move(aside.set_aside);
  out.set_aside_why = aside.set_aside_why.empty() ? doubt : std::move(aside.set_aside_why);
  return out;
}

StoreReading StoreDatabase::read_first(WallTime now) {
  StoreReading out;
  struct stat info {};
  out.found = ::lstat(path_.c_str(), &info) == 0 || errno != ENOENT;
  if (!out.found) return out;
  FileVerdict verdict;
  int code = open_to_look(verdict);
  const bool ours =
      verdict.state == FileState::ours && verdict.version == store_migrations().back().to;
  if (code == SQLITE_OK && ours) {
    code = rows_.prepare(db_);
    if (code == SQLITE_OK) code = rows_.get_meta(outbox_ceiling_key, out.ceiling);
    if (code == SQLITE_OK) code = rows_.load(out.state, now);
  } else if (code == SQLITE_OK && verdict.state != FileState::fresh) {
    out.doubt = verdict.why.empty() ? "it is of an older schema" : clean(verdict.why);
  } else {
    out.found = false;
  }
  if (code != SQLITE_OK) out.doubt = "it can't be read: " + clean(db_.error());
  leave();
  return out;
}

void StoreDatabase::start_reading(const Error& why, bool locked, WallTime now, StoredState& out) {
  const StoreReading reading = read_first(now);
  reading_only_ = true;
  why_ = why.text;
  unread_ = !reading.doubt.empty();
  if (unread_) {
    out = reading.as_found(std::move(out));
  } else {
    // Something may have been put aside before the disk refused.
    StoredState aside = std::exchange(out, reading.state);
    out.doubtful = aside.doubtful;
    out.set_aside = std::move(aside.set_aside);
    out.set_aside_why = std::move(aside.set_aside_why);
    if (!locked) expected_ceiling_ = reading.ceiling;
  }
  first_outbox_id_ = reading.first_outbox_id(now);
  wanted_ceiling_ = first_outbox_id_;
}

void StoreDatabase::start_late(const StoreReading& reading, const StoredState& out) {
  leave();
  usable_ = false;
  reading_only_ = true;
  if (!out.set_aside.empty()) set_aside_late_ = out.set_aside;
  unread_ = out.set_aside.empty() && !reading.doubt.empty();
  expected_ceiling_.reset();
}

bool StoreDatabase::heal(WallTime now) {
  // See start(): what is in memory cannot be taken back any more.
  if (open_elsewhere(path_)) {
    why_ = "another program has it open; it is written to when that is gone";
    return false;
  }
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
