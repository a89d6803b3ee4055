// A secret that wipes its memory.
#include "core/secret.hpp"

#include <cstring>
#include <ostream>
#include <utility>

namespace hotswapd {

void wipe_memory(void* data, std::size_t size) noexcept {
  if (size != 0) ::explicit_bzero(data, size);
}

Secret::Secret(std::string_view value) : bytes_(value.begin(), value.end()) {}

Secret::Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)) {
  other.bytes_.clear();
}

Secret& Secret::operator=(const Secret& other) {
  if (this != &other) {
    std::vector<char> copy(other.bytes_);
    wipe();
    bytes_ = std::move(copy);
  }
  return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    bytes_ = std::move(other.bytes_);
    other.bytes_.clear();
  }
  return *this;
}

Secret::~Secret() {
  wipe();
}

void Secret::wipe() noexcept {
  wipe_memory(bytes_.data(), bytes_.size());
  bytes_.clear();
}

bool Secret::operator==(const Secret& other) const noexcept {
  if (bytes_.size() != other.bytes_.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < bytes_.size(); ++i) {
    difference |=
        static_cast<unsigned char>(bytes_[i]) ^ static_cast<unsigned char>(other.bytes_[i]);
  }
  return difference == 0;
}

std::ostream& operator<<(std::ostream& out, const Secret&) {
  return out << "***";
}

}  // namespace hotswapd
