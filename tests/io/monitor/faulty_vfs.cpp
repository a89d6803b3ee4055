#include "tests/io/monitor/faulty_vfs.hpp"

#include <sqlite3.h>

#include <atomic>
#include <cstdlib>
#include <thread>

namespace hotswapd::test {
namespace {

std::atomic<bool> sync_fails{false};
std::atomic<bool> write_fails{false};
std::atomic<bool> read_fails{false};
std::atomic<bool> no_room{false};
std::atomic<int> sync_millis{0};
std::atomic<int> sync_count{0};

sqlite3_vfs* real = nullptr;
sqlite3_vfs shim{};
sqlite3_vfs* real_lockless = nullptr;
sqlite3_vfs shim_lockless{};

// SQLite gives szOsFile bytes: ours, and behind them the real one's.
struct File {
  sqlite3_file base;
  sqlite3_file* inner() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};
sqlite3_file* inner(sqlite3_file* file) {
  return reinterpret_cast<File*>(file)->inner();
}

int x_close(sqlite3_file* f) {
  return inner(f)->pMethods->xClose(inner(f));
}
int x_read(sqlite3_file* f, void* to, int n, sqlite3_int64 at) {
  if (read_fails) return SQLITE_IOERR_READ;
  return inner(f)->pMethods->xRead(inner(f), to, n, at);
}
int x_write(sqlite3_file* f, const void* from, int n, sqlite3_int64 at) {
  if (write_fails) return SQLITE_IOERR_WRITE;
  if (no_room) return SQLITE_FULL;
  return inner(f)->pMethods->xWrite(inner(f), from, n, at);
}
int x_truncate(sqlite3_file* f, sqlite3_int64 size) {
  return inner(f)->pMethods->xTruncate(inner(f), size);
}
int x_sync(sqlite3_file* f, int flags) {
  ++sync_count;
  std::this_thread::sleep_for(std::chrono::milliseconds(sync_millis));
  if (sync_fails) return SQLITE_IOERR_FSYNC;
  return inner(f)->pMethods->xSync(inner(f), flags);
}
int x_size(sqlite3_file* f, sqlite3_int64* size) {
  return inner(f)->pMethods->xFileSize(inner(f), size);
}
int x_lock(sqlite3_file* f, int level) {
  return inner(f)->pMethods->xLock(inner(f), level);
}
int x_unlock(sqlite3_file* f, int level) {
  return inner(f)->pMethods->xUnlock(inner(f), level);
}
int x_reserved(sqlite3_file* f, int* out) {
  return inner(f)->pMethods->xCheckReservedLock(inner(f), out);
}
int x_control(sqlite3_file* f, int op, void* arg) {
  return inner(f)->pMethods->xFileControl(inner(f), op, arg);
}
int x_sector(sqlite3_file* f) {
  return inner(f)->pMethods->xSectorSize(inner(f));
}
int x_device(sqlite3_file* f) {
  return inner(f)->pMethods->xDeviceCharacteristics(inner(f));
}
int x_shm_map(sqlite3_file* f, int page, int size, int extend, void volatile** out) {
  return inner(f)->pMethods->xShmMap(inner(f), page, size, extend, out);
}
int x_shm_lock(sqlite3_file* f, int offset, int n, int flags) {
  return inner(f)->pMethods->xShmLock(inner(f), offset, n, flags);
}
void x_shm_barrier(sqlite3_file* f) {
  inner(f)->pMethods->xShmBarrier(inner(f));
}
int x_shm_unmap(sqlite3_file* f, int remove) {
  return inner(f)->pMethods->xShmUnmap(inner(f), remove);
}

const sqlite3_io_methods methods = {
    2,          x_close,       x_read,      x_write,   x_truncate, x_sync,   x_size,
    x_lock,     x_unlock,      x_reserved,  x_control, x_sector,   x_device, x_shm_map,
    x_shm_lock, x_shm_barrier, x_shm_unmap, nullptr,   nullptr};

int x_open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  file->pMethods = nullptr;
  sqlite3_vfs* under = vfs == &shim ? real : real_lockless;
  const int code = under->xOpen(under, name, inner(file), flags, out_flags);
  if (inner(file)->pMethods != nullptr) file->pMethods = &methods;
  return code;
}

}  // namespace

FaultyVfs::FaultyVfs() {
  real = sqlite3_vfs_find(nullptr);
  shim = *real;
  shim.zName = "faulty";
  shim.szOsFile = static_cast<int>(sizeof(File)) + real->szOsFile;
  shim.pNext = nullptr;
  shim.xOpen = x_open;
  real_lockless = sqlite3_vfs_find("unix-none");
  shim_lockless = *real_lockless;
  shim_lockless.szOsFile = static_cast<int>(sizeof(File)) + real_lockless->szOsFile;
  shim_lockless.pNext = nullptr;
  shim_lockless.xOpen = x_open;
  sync_fails = write_fails = read_fails = no_room = false;
  sync_millis = sync_count = 0;
  if (sqlite3_vfs_register(&shim, 1) != SQLITE_OK) std::abort();
  // Found by its name before the real one: what is registered last comes first, after the default.
  if (sqlite3_vfs_register(&shim_lockless, 0) != SQLITE_OK) std::abort();
}

FaultyVfs::~FaultyVfs() {
  sqlite3_vfs_unregister(&shim_lockless);
  sqlite3_vfs_unregister(&shim);
  sqlite3_vfs_register(real, 1);
}

void FaultyVfs::fail_sync(bool on) {
  sync_fails = on;
}
void FaultyVfs::fail_write(bool on) {
  write_fails = on;
}
void FaultyVfs::fail_read(bool on) {
  read_fails = on;
}
void FaultyVfs::full(bool on) {
  no_room = on;
}
void FaultyVfs::sync_takes(std::chrono::milliseconds time) {
  sync_millis = static_cast<int>(time.count());
}
int FaultyVfs::syncs() const {
  return sync_count;
}

}  // namespace hotswapd::test
