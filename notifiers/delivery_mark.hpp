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

  // Never fails for what the file holds; fails when it can't be made or opened.
  static Fallible<DeliveryMark> open(const std::string& path, std::size_t slots = default_slots);
  DeliveryMark(DeliveryMark&& other) noexcept;
  DeliveryMark& operator=(DeliveryMark&& other) noexcept;
  ~DeliveryMark();

  // The oldest mark gives way. An error (disk) means: this one may be told twice after a crash.
  Fallible<void> mark(std::int64_t id);
  bool contains(std::int64_t id) const { return ids_.contains(id); }
  std::size_t size() const noexcept { return ids_.size(); }

 private:
  DeliveryMark(int descriptor, std::string path, std::size_t slots);
  void load();

  int descriptor_ = -1;
  std::string path_;
  std::vector<std::int64_t> ring_;                     // 0: empty
  std::unordered_map<std::int64_t, std::size_t> ids_;  // id -> how many slots hold it
  std::uint64_t next_ = 1;  // number of the next mark; its slot is next_ % slots
};

}  // namespace hotswapd
