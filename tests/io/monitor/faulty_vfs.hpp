// A disk that fails on request: an SQLite VFS that passes everything on to the real one, or says
// "I/O error", or is slow.
#pragma once

#include <chrono>

namespace hotswapd::test {

// Becomes SQLite's default and its "unix-none" for what is opened while it lives. One at a time.
// Any thread may turn the knobs.
class FaultyVfs {
 public:
  FaultyVfs();
  ~FaultyVfs();
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;

  void fail_sync(bool on);
  void fail_write(bool on);
  void fail_read(bool on);
  void full(bool on);  // what a write says when there is no room
  void sync_takes(std::chrono::milliseconds time);
  int syncs() const;
};

}  // namespace hotswapd::test
