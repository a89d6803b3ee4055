// A thin hold on the SQLite C API: owners for a connection and a statement, result codes as they
// are. Not thread-safe.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace hotswapd::sqlite {

// The kind of failure without the detail in the upper bits ("SQLITE_IOERR_FSYNC" -> SQLITE_IOERR).
inline int primary(int code) noexcept {
  return code & 0xff;
}

// One prepared statement. Bind in order, then run() or step(); bind again after reset().
class Statement {
 public:
  Statement() = default;
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(Statement&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
  Statement& operator=(Statement&& other) noexcept {
    std::swap(statement_, other.statement_);
    return *this;
  }

  // Texts are not copied: they must live until reset(). A failed bind (memory, size) shows in
  // step().
  Statement& bind(std::int64_t value);
  Statement& bind(std::string_view text);
  Statement& bind_blob(std::string_view bytes);
  Statement& bind_null();

  int step() noexcept;  // SQLITE_ROW, SQLITE_DONE or an error
  int run() noexcept;   // to the end and reset: SQLITE_OK or an error
  void reset() noexcept;

  std::int64_t integer(int column) const noexcept;
  std::string text(int column) const;  // a BLOB's bytes as well
  bool is_null(int column) const noexcept;

 private:
  friend class Database;
  Statement& note(int code) noexcept;

  sqlite3_stmt* statement_ = nullptr;
  int next_ = 0;
  int bind_error_ = SQLITE_OK;
};

class Database {
 public:
  Database() = default;
  ~Database() { close(); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  int open(const std::string& path);  // read and write; the file is made when it is missing
  // Reads the file and its -wal as they are: writes nothing, makes no file, takes no lock of
  // SQLite's, needs no -shm. Only while nobody writes; while it is open, nothing else of this
  // process may have the file open.
  int open_unchanged(const std::string& path);
  void close() noexcept;  // every Statement must be gone
  // Leaves -wal as it is when closing: for files that are to be looked at later as they were found.
  void close_untouched() noexcept;
  bool is_open() const noexcept { return handle_ != nullptr; }

  int exec(const char* sql) noexcept;
  int prepare(const char* sql, Statement& out) noexcept;  // kept long: SQLITE_PREPARE_PERSISTENT
  int query_integer(const char* sql, std::int64_t& out) noexcept;
  int query_text(const char* sql, std::string& out);  // of all rows, one a line

  bool in_transaction() const noexcept;
  int changes() const noexcept { return sqlite3_changes(handle_); }
  std::int64_t last_id() const noexcept { return sqlite3_last_insert_rowid(handle_); }
  std::string error() const;  // of the last call that failed, with the number
  int code() const noexcept;  // of the last call; SQLITE_OK when it went well

 private:
  sqlite3* handle_ = nullptr;
};

}  // namespace hotswapd::sqlite
