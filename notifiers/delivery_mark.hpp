// Which messages have left: noted right after the send, so that kill -9 before the row's deletion
// tells nothing twice.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/error.hpp"

namespace hotswapd {

// A ring of checksummed slots in a small file, written through the page cache: it survives the
// process, not a power cut (after which a message may be told twice: the lesser evil). One system
// call a mark, no fsync; that call may hang with the disk, so it is MarkWriter's thread that makes
// it. A missing or damaged file is an empty one; a slot that does not check is skipped. One thread.
class DeliveryMark {
 public:
  static constexpr std::size_t default_slots = 16'384;

  // Reads and writes nothing. Never fails for what the file holds, nor for a disk that is ill;
  // fails when the file is forbidden to us, or none.
  static Fallible<DeliveryMark> read(const std::string& path, std::size_t slots = default_slots);
  DeliveryMark(DeliveryMark&& other) noexcept;
  DeliveryMark& operator=(DeliveryMark&& other) noexcept;
  ~DeliveryMark();

  // The oldest mark gives way. An error (disk) means: it is known in memory only, and the file gets
  // it with the next mark() or save() that works.
  Fallible<void> mark(std::int64_t id);
  // Opens or makes the file unless that is done, and writes what it lacks.
  Fallible<void> save();
  bool contains(std::int64_t id) const { return ids_.contains(id); }
  const std::vector<std::int64_t>& ring() const noexcept { return ring_; }  // 0: an empty slot
  std::size_t size() const noexcept { return ids_.size(); }

 private:
  DeliveryMark(std::string path, std::size_t slots);
  void load(int descriptor);
  std::uint64_t oldest() const noexcept;
  Fallible<void> open();
  Fallible<void> write(std::uint64_t number);

  int descriptor_ = -1;
  std::string path_;
  std::vector<std::int64_t> ring_;                     // 0: empty
  std::unordered_map<std::int64_t, std::size_t> ids_;  // id -> how many slots hold it
  std::uint64_t next_ = 1;   // number of the next mark; its slot is next_ % slots
  std::uint64_t saved_ = 1;  // the file holds what is below
};

}  // namespace hotswapd
