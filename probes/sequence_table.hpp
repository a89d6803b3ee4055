// Which echo request a 16-bit sequence number stands for at present. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace hotswapd {

// Gives out numbers and takes them back in the order of a queue, and grows before more than half of
// them are in use: a number that was given back rests at least until half as many others as the
// table has were given out. Small while few are in use; never allocates but to grow.
template <class T>
class SequenceTable {
 public:
  static constexpr std::size_t first_size = 256;
  static constexpr std::size_t most_size = 65'536;
  static constexpr std::size_t most_used = most_size / 2;

  // A number for `what`, which outlives its stay; nullopt when most_used are in use.
  std::optional<std::uint16_t> insert(T& what) {
    if (free_ <= entries_.size() / 2) {
      if (entries_.size() >= most_size) return std::nullopt;
      grow();
    }
    const std::uint32_t number = head_;
    head_ = entries_[number].next;
    --free_;
    entries_[number].what = &what;
    return static_cast<std::uint16_t>(number);
  }

  void erase(std::uint16_t number) noexcept {
    entries_[number].what = nullptr;
    append(number);
  }

  T* find(std::uint16_t number) const noexcept {
    return number < entries_.size() ? entries_[number].what : nullptr;
  }

  std::size_t size() const noexcept { return entries_.size() - free_; }

 private:
  struct Entry {
    T* what = nullptr;
    std::uint32_t next = 0;  // among the free
  };

  void append(std::uint32_t number) noexcept {
    if (free_++ == 0) {
      head_ = number;
    } else {
      entries_[tail_].next = number;
    }
    tail_ = number;
  }

  void grow() {
    const auto from = static_cast<std::uint32_t>(entries_.size());
    entries_.resize(from == 0 ? first_size : entries_.size() * 2);
    for (std::uint32_t number = from; number < entries_.size(); ++number) append(number);
  }

  std::vector<Entry> entries_;
  std::uint32_t head_ = 0;
  std::uint32_t tail_ = 0;
  std::size_t free_ = 0;
};

}  // namespace hotswapd
