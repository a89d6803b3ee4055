// Preloaded into the daemon by test_clock.py: a wall clock that is set to another time while the
// daemon runs. The steady clock is the machine's own.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <ctime>

namespace {

// Seconds ahead of the machine: the first eight bytes of the file of that name.
const std::atomic<long>* shared_shift() {
  const char* path = std::getenv("SHIFTED_CLOCK");
  if (path == nullptr) return nullptr;
  const int descriptor = ::open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return nullptr;
  void* const there = ::mmap(nullptr, sizeof(long), PROT_READ, MAP_SHARED, descriptor, 0);
  ::close(descriptor);
  return there == MAP_FAILED ? nullptr : static_cast<const std::atomic<long>*>(there);
}

long shift() {
  static const std::atomic<long>* const shared = shared_shift();
  return shared == nullptr ? 0 : shared->load();
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* now) {
  const auto failed = static_cast<int>(::syscall(SYS_clock_gettime, clock, now));
  if (failed == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    now->tv_sec += shift();
  return failed;
}

int gettimeofday(timeval* now, void*) {
  timespec exact{};
  const int failed = clock_gettime(CLOCK_REALTIME, &exact);
  if (now != nullptr) *now = {exact.tv_sec, exact.tv_nsec / 1000};
  return failed;
}

time_t time(time_t* into) {
  timespec exact{};
  clock_gettime(CLOCK_REALTIME, &exact);
  if (into != nullptr) *into = exact.tv_sec;
  return exact.tv_sec;
}
}
