#include "monitor/sqlite.hpp"

#include <sys/stat.h>

#include <cerrno>

namespace hotswapd::sqlite {
namespace {

// SQLite's URI of a path: what means something in one is escaped.
std::string uri_of(const std::string& path) {
  std::string out = path.starts_with('/') ? "file://" : "file:";
  for (const char c : path) {
    if (c == '%') {
      out += "%25";
    } else if (c == '?') {
      out += "%3f";
    } else if (c == '#') {
      out += "%23";
    } else {
      out += c;
    }
  }
  return out;
}

bool missing(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) != 0 && errno == ENOENT;
}

}  // namespace

Statement& Statement::note(int code) noexcept {
  if (code != SQLITE_OK && bind_error_ == SQLITE_OK) bind_error_ = code;
  return *this;
}

Statement& Statement::bind(std::int64_t value) {
  return note(sqlite3_bind_int64(statement_, ++next_, value));
}

Statement& Statement::bind(std::string_view text) {
  // A null pointer would bind NULL: an empty view may carry one.
  const char* data = text.data() == nullptr ? "" : text.data();
  return note(
      sqlite3_bind_text64(statement_, ++next_, data, text.size(), SQLITE_STATIC, SQLITE_UTF8));
}

Statement& Statement::bind_blob(std::string_view bytes) {
  const char* data = bytes.data() == nullptr ? "" : bytes.data();
  return note(sqlite3_bind_blob64(statement_, ++next_, data, bytes.size(), SQLITE_STATIC));
}

Statement& Statement::bind_null() {
  return note(sqlite3_bind_null(statement_, ++next_));
}

int Statement::step() noexcept {
  if (bind_error_ != SQLITE_OK) return bind_error_;
  return sqlite3_step(statement_);
}

int Statement::run() noexcept {
  int code = step();
  while (code == SQLITE_ROW) code = step();
  reset();
  return code == SQLITE_DONE ? SQLITE_OK : code;
}

void Statement::reset() noexcept {
  sqlite3_reset(statement_);
  next_ = 0;
  bind_error_ = SQLITE_OK;
}

std::int64_t Statement::integer(int column) const noexcept {
  return sqlite3_column_int64(statement_, column);
}

std::string Statement::text(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return data == nullptr ? std::string() : std::string(static_cast<const char*>(data), size);
}

bool Statement::is_null(int column) const noexcept {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

int Database::open(const std::string& path) {
  close();
  const int flags =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  return sqlite3_open_v2(path.c_str(), &handle_, flags, nullptr);
}

int Database::open_unchanged(const std::string& path) {
  close();
  const int flags =
      SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  // Without a -wal the file is all there is; SQLite would make an empty one all the same.
  const bool whole = missing(path + "-wal");
  const std::string uri = uri_of(path) + (whole ? "?immutable=1" : "");
  // An exclusive lock keeps the index of the -wal in our memory. A file that is open for reading
  // can't be locked so: "unix-none" is the same system calls without locks.
  int code = sqlite3_open_v2(uri.c_str(), &handle_, flags, "unix-none");
  if (code == SQLITE_OK)
    code = sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  if (code == SQLITE_OK) code = exec("PRAGMA locking_mode=EXCLUSIVE");
  return code;
}

void Database::close() noexcept {
  sqlite3_close_v2(handle_);
  handle_ = nullptr;
}

void Database::close_untouched() noexcept {
  if (handle_ != nullptr) sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  close();
}

int Database::exec(const char* sql) noexcept {
  return sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
}

int Database::prepare(const char* sql, Statement& out) noexcept {
  out = Statement();
  return sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &out.statement_, nullptr);
}

int Database::query_integer(const char* sql, std::int64_t& out) noexcept {
  Statement statement;
  int code = prepare(sql, statement);
  if (code != SQLITE_OK) return code;
  code = statement.step();
  if (code == SQLITE_DONE) return SQLITE_NOTFOUND;
  if (code != SQLITE_ROW) return code;
  out = statement.integer(0);
  return SQLITE_OK;
}

int Database::query_text(const char* sql, std::string& out) {
  Statement statement;
  int code = prepare(sql, statement);
  if (code != SQLITE_OK) return code;
  out.clear();
  while ((code = statement.step()) == SQLITE_ROW) {
    if (!out.empty()) out += '\n';
    out += statement.text(0);
  }
  return code == SQLITE_DONE ? SQLITE_OK : code;
}

bool Database::in_transaction() const noexcept {
  return handle_ != nullptr && sqlite3_get_autocommit(handle_) == 0;
}

int Database::code() const noexcept {
  return handle_ == nullptr ? SQLITE_CANTOPEN : sqlite3_extended_errcode(handle_);
}

std::string Database::error() const {
  if (handle_ == nullptr) return "the database is not open";
  return std::string(sqlite3_errmsg(handle_)) + " (SQLite " +
         std::to_string(sqlite3_extended_errcode(handle_)) + ")";
}

}  // namespace hotswapd::sqlite
