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
// call a mark, no fsync, so it may be called on the loop. A missing or damaged file is an empty
// one; a slot that does not check is skipped. One thread.
class DeliveryMark {
 public:
  static constexpr std::size_t default_slots = 16'384;

  // Never fails for what the file holds, nor for a disk that refuses writes (read-only, full, I/O
  // error): what can be read is loaded, new marks are kept in memory, and each one tries to open
  // the file again, which then gets them all. Fails when the file is forbidden to us, or none.
  static Fallible<DeliveryMark> open(const std::string& path, std::size_t slots = default_slots);
  DeliveryMark(DeliveryMark&& other) noexcept;
  DeliveryMark& operator=(DeliveryMark&& other) noexcept;
  ~DeliveryMark();

  // The oldest mark gives way. An error (disk) means: this one may be told twice after a crash.
  Fallible<void> mark(std::int64_t id);
  // Why marks are kept in memory only; empty when they are not.
  const std::string& why_in_memory() const noexcept { return why_in_memory_; }
  bool contains(std::int64_t id) const { return ids_.contains(id); }
  std::size_t size() const noexcept { return ids_.size(); }

 private:
  DeliveryMark(int descriptor, std::string path, std::size_t slots);
  void load();
  bool reopen();
  Fallible<void> write(std::size_t place, std::uint64_t number, std::int64_t id);
  void note(std::size_t place, std::int64_t id);

  int descriptor_ = -1;
  std::string path_;
  std::string why_in_memory_;
  std::vector<std::int64_t> ring_;                     // 0: empty
  std::unordered_map<std::int64_t, std::size_t> ids_;  // id -> how many slots hold it
  std::uint64_t next_ = 1;  // number of the next mark; its slot is next_ % slots
};

}  // namespace hotswapd
