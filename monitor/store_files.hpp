// The files around state.db: the lock that keeps a second daemon out, the reserve for a full disk,
// putting aside.
#pragma once

#include <cstdint>
#include <string>

#include "core/error.hpp"
#include "core/time.hpp"

namespace hotswapd {

// Errors of this file: errc::unavailable when the disk refuses and may do better later (read-only,
// full, I/O error), errc::refused when that won't help (rights, another process, no such
// directory).
bool disk_refuses(int system_error);

// An flock of DIR/lock, held until it is destroyed. The kernel drops it with the process: no stale
// lock after kill -9.
class DirectoryLock {
 public:
  // Makes DIR (0700) when only the last part is missing, and the lock file; writes nothing when
  // they are there. A disk on which the lock file is missing and can't be made gives a lock that is
  // not held.
  static Fallible<DirectoryLock> take(const std::string& dir);
  bool held() const noexcept { return descriptor_ >= 0; }
  // Writes who holds it into the file, for people and for the message of the next one. Blocks.
  void sign() const;
  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&& other) noexcept;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

// Space put by in DIR/reserve, so that a swap can still be journalled when the disk is full.
class Reserve {
 public:
  Reserve(std::string path, std::uint64_t bytes) : path_(std::move(path)), bytes_(bytes) {}

  bool
  ensure();  // allocates it when it is missing and as much again stays free; true when it is there
  bool spend();  // gives the space back; false when there was none
  bool there() const noexcept { return there_; }
  bool given_up() const noexcept { return given_up_; }  // by us, and not there again yet

 private:
  std::string path_;
  std::uint64_t bytes_;
  bool there_ = false;
  bool given_up_ = false;
};

// Makes the file, or an existing one and its companions, readable by us alone.
Fallible<void> make_private(const std::string& path);

// Whether another process has the database open by SQLite, if only to read. A connection of our own
// to it loses its locks by this: to be asked while there is none.
bool open_elsewhere(const std::string& database);

// Renames DATABASE and its -wal and -shm to DATABASE.WHY-20260131T120000Z; answers the new name.
Fallible<std::string> set_aside(const std::string& database, const std::string& why, WallTime now);

std::string file_stamp(WallTime now);  // "20260131T120000Z"

}  // namespace hotswapd
