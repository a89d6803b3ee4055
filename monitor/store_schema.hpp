// The shape of state.db: its tables, the way from an older version to this one, and the settings of
// a connection.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/error.hpp"
#include "core/time.hpp"
#include "monitor/sqlite.hpp"

namespace hotswapd {

inline constexpr std::int64_t store_application_id = 0x48535744;  // "HSWD"

// Takes the file from version `to` - 1 to `to` (PRAGMA user_version).
struct Migration {
  int to = 0;
  const char* sql = nullptr;
};

std::span<const Migration> store_migrations();

// What a file is, before anything is written to it.
enum class FileState { fresh, ours, newer, foreign, damaged, unreadable };
struct FileVerdict {
  FileState state = FileState::unreadable;
  std::int64_t version = 0;
  int code = 0;     // SQLite's, for `unreadable`
  std::string why;  // unless fresh or ours
};
// `check`: all pages are gone through for damage.
FileVerdict inspect(sqlite::Database& db, int newest, bool check = true);

int apply_settings(sqlite::Database& db);  // WAL, FULL and the rest; SQLITE_OK or an error

// All missing steps in one transaction; a file that holds something is copied to
// PATH.vN-STAMP before. `code`, when given, is SQLite's of a failure.
Fallible<void> migrate(sqlite::Database& db, std::span<const Migration> steps, std::int64_t from,
                       const std::string& path, WallTime now, int* code = nullptr);

}  // namespace hotswapd
