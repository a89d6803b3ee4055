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

int open_to_write(const std::string& path) {
  return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

}  // namespace

DeliveryMark::DeliveryMark(int descriptor, std::string path, std::size_t slots)
    : descriptor_(descriptor), path_(std::move(path)), ring_(std::max<std::size_t>(slots, 1)) {}

DeliveryMark::DeliveryMark(DeliveryMark&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      path_(std::move(other.path_)),
      why_in_memory_(std::move(other.why_in_memory_)),
      ring_(std::move(other.ring_)),
      ids_(std::move(other.ids_)),
      next_(other.next_) {}

DeliveryMark& DeliveryMark::operator=(DeliveryMark&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(path_, other.path_);
  std::swap(why_in_memory_, other.why_in_memory_);
  std::swap(ring_, other.ring_);
  std::swap(ids_, other.ids_);
  std::swap(next_, other.next_);
  return *this;
}

DeliveryMark::~DeliveryMark() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Fallible<DeliveryMark> DeliveryMark::open(const std::string& path, std::size_t slots) {
  const int fd = open_to_write(path);
  if (fd < 0) {
    const int number = errno;
    const std::string why = path + " can't be opened: " + std::strerror(number);
    if (!disk_refuses(number)) return Error{errc::refused, why};
    // What an earlier run told must not be told again.
    DeliveryMark marks(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW), path, slots);
    marks.load();
    if (marks.descriptor_ >= 0) ::close(std::exchange(marks.descriptor_, -1));
    marks.why_in_memory_ = why;
    return marks;
  }
  DeliveryMark marks(fd, path, slots);
  // All of it at once: a full disk later must not cost us the marks. Where it can't be, each mark
  // tells.
  static_cast<void>(
      ::posix_fallocate(fd, 0, static_cast<off_t>(marks.ring_.size() * sizeof(Slot))));
  marks.load();
  return marks;
}

void DeliveryMark::load() {
  std::vector<Slot> slots(ring_.size());
  auto* bytes = reinterpret_cast<char*>(slots.data());
  const std::size_t size = slots.size() * sizeof(Slot);
  std::size_t have = 0;
  while (have < size) {
    const ssize_t got = ::pread(descriptor_, bytes + have, size - have, static_cast<off_t>(have));
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
}

Fallible<void> DeliveryMark::write(std::size_t place, std::uint64_t number, std::int64_t id) {
  const Slot slot{number, id, checksum(number, id)};
  ssize_t wrote = -1;
  do {
    wrote = ::pwrite(descriptor_, &slot, sizeof slot, static_cast<off_t>(place * sizeof slot));
  } while (wrote < 0 && errno == EINTR);
  if (wrote == static_cast<ssize_t>(sizeof slot)) return {};
  const int error = wrote < 0 ? errno : ENOSPC;
  return Error{errc::unavailable, path_ + " can't be written: " + std::strerror(error)};
}

void DeliveryMark::note(std::size_t place, std::int64_t id) {
  if (const auto old = ids_.find(ring_[place]); ring_[place] != 0 && old != ids_.end()) {
    if (--old->second == 0) ids_.erase(old);
  }
  ring_[place] = id;
  ++ids_[id];
  ++next_;
}

// The disk may have come back: the file gets all that memory holds.
bool DeliveryMark::reopen() {
  const int fd = open_to_write(path_);
  if (fd < 0) return false;
  descriptor_ = fd;
  static_cast<void>(::posix_fallocate(fd, 0, static_cast<off_t>(ring_.size() * sizeof(Slot))));
  const std::uint64_t oldest = next_ > ring_.size() ? next_ - ring_.size() : 1;
  for (std::uint64_t number = oldest; number < next_; ++number) {
    const std::size_t place = number % ring_.size();
    if (ring_[place] == 0 || write(place, number, ring_[place])) continue;
    ::close(std::exchange(descriptor_, -1));
    return false;
  }
  why_in_memory_.clear();
  return true;
}

Fallible<void> DeliveryMark::mark(std::int64_t id) {
  const std::size_t place = next_ % ring_.size();
  if (descriptor_ < 0 && !reopen()) {
    note(place, id);
    return Error{errc::unavailable, why_in_memory_};
  }
  if (auto written = write(place, next_, id); !written) return written;
  note(place, id);
  return {};
}

}  // namespace hotswapd
