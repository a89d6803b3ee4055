#include "monitor/store_files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <utility>

#include "core/text.hpp"

namespace hotswapd {
namespace {

Error failure(const std::string& what, int number) {
  const errc code = disk_refuses(number) ? errc::unavailable : errc::refused;
  return Error{code, what + ": " + std::strerror(number)};
}

// "process 4711 (hotswapd)", as the lock file and the kernel tell it.
std::string holder(const std::string& lock_path) {
  std::ifstream file(lock_path);
  long pid = 0;
  if (!(file >> pid) || pid <= 0) return "another process";
  std::ifstream comm("/proc/" + std::to_string(pid) + "/comm");
  std::string name;
  std::getline(comm, name);
  std::string text = "process " + std::to_string(pid);
  if (!name.empty()) text += " (" + clean(name, 32) + ")";
  return text;
}

void sync_directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  const std::string dir = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int fd = ::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

bool exists(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0;
}

// A read-only file system may say so before it says that the directory is there.
bool have_directory(const std::string& dir) {
  if (exists(dir)) return true;
  if (::mkdir(dir.c_str(), 0700) == 0 || errno == EEXIST) return true;
  const int number = errno;
  if (exists(dir)) return true;
  errno = number;
  return false;
}

}  // namespace

bool disk_refuses(int system_error) {
  return system_error == EROFS || system_error == ENOSPC || system_error == EDQUOT ||
         system_error == EIO;
}

Fallible<DirectoryLock> DirectoryLock::take(const std::string& dir) {
  if (!have_directory(dir)) {
    const std::string why = std::strerror(errno);
    return Error{errc::refused, "state directory " + dir + " can't be made: " + why};
  }
  const std::string path = dir + "/lock";
  int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0 && errno == ENOENT)
    fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0 && !disk_refuses(errno)) return failure(path + " can't be opened", errno);
  // Locking needs no right to write: the file of an earlier run will do.
  if (fd < 0) fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return DirectoryLock(-1);
  DirectoryLock lock(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return failure(path + " can't be locked", errno);
    return Error{errc::refused, "state directory " + dir + " is in use by " + holder(path) +
                                    ": one daemon a state directory"};
  }
  return lock;
}

// What counts is the lock: on a full disk the line is missing.
void DirectoryLock::sign() const {
  const std::string line = std::to_string(::getpid()) + "\n";
  const bool written =
      ::ftruncate(descriptor_, 0) == 0 &&
      ::pwrite(descriptor_, line.data(), line.size(), 0) == static_cast<ssize_t>(line.size());
  static_cast<void>(written);
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

DirectoryLock& DirectoryLock::operator=(DirectoryLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

DirectoryLock::~DirectoryLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool Reserve::ensure() {
  if (there_) return true;
  struct stat info {};
  const int fd = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return false;
  const auto allocated = [&info] { return static_cast<std::uint64_t>(info.st_blocks) * 512; };
  there_ = ::fstat(fd, &info) == 0 && allocated() >= bytes_;
  if (!there_) {
    // Taking the last blocks would only bring the next "full" about: the same amount must stay free
    // beside it.
    struct statvfs space {};
    const bool room = ::fstatvfs(fd, &space) == 0 &&
                      static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize >= 2 * bytes_;
    there_ = room && ::posix_fallocate(fd, 0, static_cast<off_t>(bytes_)) == 0;
  }
  ::close(fd);
  if (!there_) ::unlink(path_.c_str());
  given_up_ = given_up_ && !there_;
  return there_;
}

bool Reserve::spend() {
  there_ = false;
  const bool freed = ::unlink(path_.c_str()) == 0;
  given_up_ = given_up_ || freed;
  return freed;
}

Fallible<void> make_private(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return failure(path + " can't be opened", errno);
  const bool done = ::fchmod(fd, 0600) == 0;
  const int number = errno;
  ::close(fd);
  if (!done) return failure(path + " can't be made private", number);
  return {};
}

bool open_elsewhere(const std::string& database) {
  const int fd =
      ::open((database + "-shm").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return false;
  // The byte that every connection to a WAL database holds a shared lock on (WAL-mode File Format,
  // "WAL-Index Locks", and os_unix.c: UNIX_SHM_DMS).
  struct flock probe {};
  probe.l_type = F_WRLCK;
  probe.l_whence = SEEK_SET;
  probe.l_start = 128;
  probe.l_len = 1;
  const bool held = ::fcntl(fd, F_GETLK, &probe) == 0 && probe.l_type != F_UNLCK;
  ::close(fd);
  return held;
}

Fallible<std::string> set_aside(const std::string& database, const std::string& why, WallTime now) {
  const std::string base = database + "." + why + "-" + file_stamp(now);
  std::string target = base;
  for (int i = 2; exists(target); ++i) target = base + "-" + std::to_string(i);
  static constexpr std::array companions = {"-wal", "-shm", ""};
  // The database itself goes last: killed in between, the next start finds it again and does the
  // rest.
  for (const char* suffix : companions) {
    const std::string from = database + suffix;
    if (!exists(from)) continue;
    const std::string to = target + suffix;
    if (::rename(from.c_str(), to.c_str()) != 0)
      return failure(from + " can't be put aside", errno);
  }
  sync_directory_of(database);
  return target;
}

std::string file_stamp(WallTime now) {
  const std::time_t seconds =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &parts);
  return text.data();
}

}  // namespace hotswapd
