#include "notifiers/delivery_mark.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace hotswapd {
namespace {

// On the disk, in the machine's byte order: the file never leaves its machine, and another order
// fails the checksum.
struct Slot {
  std::uint64_t number;  // of the mark, 1 is the first ever
  std::int64_t id;
  std::uint64_t check;
};
static_assert(sizeof(Slot) == 24);

// splitmix64's finisher: every bit of the input reaches every bit of the sum.
std::uint64_t mixed(std::uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9u;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

std::uint64_t checksum(std::uint64_t number, std::int64_t id) {
  constexpr std::uint64_t salt = 0x4853574d41524b31u;  // "HSWMARK1"
  return mixed(mixed(number ^ salt) + static_cast<std::uint64_t>(id));
}

// Neither our rights nor the name are at fault: another time it may work.
bool disk_refuses(int system_error) {
  return system_error == EROFS || system_error == ENOSPC || system_error == EDQUOT ||
         system_error == EIO;
}

}  // namespace

DeliveryMark::DeliveryMark(std::string path, std::size_t slots)
    : path_(std::move(path)), ring_(std::max<std::size_t>(slots, 1)) {}

DeliveryMark::DeliveryMark(DeliveryMark&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      path_(std::move(other.path_)),
      ring_(std::move(other.ring_)),
      ids_(std::move(other.ids_)),
      next_(other.next_),
      saved_(other.saved_) {}

DeliveryMark& DeliveryMark::operator=(DeliveryMark&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(path_, other.path_);
  std::swap(ring_, other.ring_);
  std::swap(ids_, other.ids_);
  std::swap(next_, other.next_);
  std::swap(saved_, other.saved_);
  return *this;
}

DeliveryMark::~DeliveryMark() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Fallible<DeliveryMark> DeliveryMark::read(const std::string& path, std::size_t slots) {
  DeliveryMark marks(path, slots);
  // O_NONBLOCK: a pipe in its place must not be waited for.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  const int number = errno;
  if (fd < 0 && number == ENOENT) return marks;
  if (fd < 0 && disk_refuses(number)) return marks;  // save() will say so
  if (fd < 0) return Error{errc::refused, path + " can't be opened: " + std::strerror(number)};
  struct stat info {};
  const bool file = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  if (file) marks.load(fd);
  ::close(fd);
  if (!file) return Error{errc::refused, path + " is no file"};
  if (::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0 && errno == EACCES)
    return Error{errc::refused, path + " can't be written: " + std::strerror(EACCES)};
  return marks;
}

void DeliveryMark::load(int descriptor) {
  std::vector<Slot> slots(ring_.size());
  auto* bytes = reinterpret_cast<char*>(slots.data());
  const std::size_t size = slots.size() * sizeof(Slot);
  std::size_t have = 0;
  while (have < size) {
    const ssize_t got = ::pread(descriptor, bytes + have, size - have, static_cast<off_t>(have));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    have += static_cast<std::size_t>(got);
  }
  for (std::size_t i = 0; i < have / sizeof(Slot); ++i) {
    const Slot& slot = slots[i];
    // The place is part of the check: a file of another ring size is read as far as it fits.
    if (slot.number == 0 || slot.number % ring_.size() != i) continue;
    if (slot.check != checksum(slot.number, slot.id)) continue;
    ring_[i] = slot.id;
    ++ids_[slot.id];
    next_ = std::max(next_, slot.number + 1);
  }
  saved_ = next_;
}

std::uint64_t DeliveryMark::oldest() const noexcept {
  return next_ > ring_.size() ? next_ - ring_.size() : 1;
}

Fallible<void> DeliveryMark::open() {
  descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor_ < 0)
    return Error{errc::unavailable, path_ + " can't be opened: " + std::strerror(errno)};
  // All of it at once: a full disk later must not cost us the marks. Where it can't be, each mark
  // says so for itself.
  const auto size = static_cast<off_t>(ring_.size() * sizeof(Slot));
  static_cast<void>(::posix_fallocate(descriptor_, 0, size));
  return {};
}

Fallible<void> DeliveryMark::write(std::uint64_t number) {
  const std::size_t place = number % ring_.size();
  if (ring_[place] == 0) return {};
  const Slot slot{number, ring_[place], checksum(number, ring_[place])};
  ssize_t wrote = -1;
  do {
    wrote = ::pwrite(descriptor_, &slot, sizeof slot, static_cast<off_t>(place * sizeof slot));
  } while (wrote < 0 && errno == EINTR);
  if (wrote == static_cast<ssize_t>(sizeof slot)) return {};
  const int error = wrote < 0 ? errno : ENOSPC;
  return Error{errc::unavailable, path_ + " can't be written: " + std::strerror(error)};
}

Fallible<void> DeliveryMark::save() {
  if (descriptor_ < 0) {
    if (auto opened = open(); !opened) return opened;
  }
  for (saved_ = std::max(saved_, oldest()); saved_ < next_; ++saved_) {
    if (auto written = write(saved_); !written) {
      // Another attempt begins with the name: the file may be another one by then, and gets all.
      ::close(std::exchange(descriptor_, -1));
      saved_ = oldest();
      return written;
    }
  }
  return {};
}

Fallible<void> DeliveryMark::mark(std::int64_t id) {
  std::int64_t& place = ring_[next_ % ring_.size()];
  if (const auto old = ids_.find(place); place != 0 && old != ids_.end()) {
    if (--old->second == 0) ids_.erase(old);
  }
  place = id;
  ++ids_[id];
  ++next_;
  return save();
}

}  // namespace hotswapd
