// Preloaded into the daemon by test_disk.py: a disk that is slow or hangs, for what lies below one
// path.
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>

namespace {

constexpr std::chrono::milliseconds look_every{10};
constexpr long hangs = -1;

// What the test has written into the file of that name: milliseconds, or "hang".
long said(const std::string& operation) {
  const char* folder = std::getenv("HANGING_DISK_WORDS");
  if (folder == nullptr) return 0;
  std::ifstream file(std::string(folder) + "/" + operation);
  std::string word;
  if (!(file >> word)) return 0;
  return word == "hang" ? hangs : std::strtol(word.c_str(), nullptr, 10);
}

bool concerned(int descriptor) {
  const char* below = std::getenv("HANGING_DISK_BELOW");
  if (below == nullptr) return false;
  std::array<char, 4096> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  if (::readlink(link.c_str(), path.data(), path.size() - 1) < 0) return false;
  return std::strncmp(path.data(), below, std::strlen(below)) == 0;
}

void wait(const char* operation, int descriptor) {
  const int before = errno;
  if (concerned(descriptor)) {
    const long time = said(operation);
    if (time > 0) std::this_thread::sleep_for(std::chrono::milliseconds(time));
    while (time == hangs && said(operation) == hangs) std::this_thread::sleep_for(look_every);
  }
  errno = before;
}

}  // namespace

extern "C" {

int fsync(int descriptor) {
  wait("sync", descriptor);
  return static_cast<int>(::syscall(SYS_fsync, descriptor));
}

int fdatasync(int descriptor) {
  wait("sync", descriptor);
  return static_cast<int>(::syscall(SYS_fdatasync, descriptor));
}

ssize_t pwrite(int descriptor, const void* data, std::size_t size, off_t at) {
  wait("write", descriptor);
  return ::syscall(SYS_pwrite64, descriptor, data, size, at);
}

ssize_t pwrite64(int descriptor, const void* data, std::size_t size, off64_t at) {
  wait("write", descriptor);
  return ::syscall(SYS_pwrite64, descriptor, data, size, at);
}

int ftruncate(int descriptor, off_t size) noexcept {
  wait("write", descriptor);
  return static_cast<int>(::syscall(SYS_ftruncate, descriptor, size));
}

int ftruncate64(int descriptor, off64_t size) noexcept {
  wait("write", descriptor);
  return static_cast<int>(::syscall(SYS_ftruncate, descriptor, size));
}

int posix_fallocate(int descriptor, off_t at, off_t size) {
  wait("write", descriptor);
  return ::syscall(SYS_fallocate, descriptor, 0, at, size) == 0 ? 0 : errno;
}
}
