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

}  // namespace

DeliveryMark::DeliveryMark(int descriptor, std::string path, std::size_t slots)
    : descriptor_(descriptor), path_(std::move(path)), ring_(std::max<std::size_t>(slots, 1)) {}

DeliveryMark::DeliveryMark(DeliveryMark&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      path_(std::move(other.path_)),
      ring_(std::move(other.ring_)),
      ids_(std::move(other.ids_)),
      next_(other.next_) {}

DeliveryMark& DeliveryMark::operator=(DeliveryMark&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(path_, other.path_);
  std::swap(ring_, other.ring_);
  std::swap(ids_, other.ids_);
  std::swap(next_, other.next_);
  return *this;
}

DeliveryMark::~DeliveryMark() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Fallible<DeliveryMark> DeliveryMark::open(const std::string& path, std::size_t slots) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return Error{errc::unavailable, path + " can't be opened: " + std::strerror(errno)};
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

Fallible<void> DeliveryMark::mark(std::int64_t id) {
  const std::size_t place = next_ % ring_.size();
  const Slot slot{next_, id, checksum(next_, id)};
  ssize_t wrote = -1;
  do {
    wrote = ::pwrite(descriptor_, &slot, sizeof slot, static_cast<off_t>(place * sizeof slot));
  } while (wrote < 0 && errno == EINTR);
  if (wrote != static_cast<ssize_t>(sizeof slot)) {
    const int number = wrote < 0 ? errno : ENOSPC;
    return Error{errc::unavailable, path_ + " can't be written: " + std::strerror(number)};
  }
  if (const auto old = ids_.find(ring_[place]); ring_[place] != 0 && old != ids_.end()) {
    if (--old->second == 0) ids_.erase(old);
  }
  ring_[place] = id;
  ++ids_[id];
  ++next_;
  return {};
}

}  // namespace hotswapd
