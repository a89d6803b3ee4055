// A secret that does not leak by accident: prints as ***, compares in constant time and wipes its
// memory.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string_view>
#include <vector>

namespace hotswapd {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view value);
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept;
  Secret& operator=(const Secret& other);
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();

  // The only way to the value. Do not copy it into something that lives longer than the call it is
  // for.
  std::string_view reveal() const noexcept { return {bytes_.data(), bytes_.size()}; }
  bool empty() const noexcept { return bytes_.empty(); }

  // Takes the same time wherever two values of one length differ.
  bool operator==(const Secret& other) const noexcept;

 private:
  void wipe() noexcept;
  std::vector<char> bytes_;
};

std::ostream& operator<<(std::ostream& out, const Secret& secret);  // ***

// Overwrites memory in a way the compiler may not remove.
void wipe_memory(void* data, std::size_t size) noexcept;

}  // namespace hotswapd
