// A value that never changes once it is made and is held wherever it is needed: copies share it.
#pragma once

#include <memory>
#include <utility>

namespace hotswapd {

// Never empty, but when it was moved from. Equal means equal in value; sharing only makes it quick.
// Any thread may read what others hold too.
template <class T>
class Shared {
 public:
  Shared(T value) : value_(std::make_shared<const T>(std::move(value))) {}

  const T& operator*() const noexcept { return *value_; }
  const T* operator->() const noexcept { return value_.get(); }
  operator const T&() const noexcept { return *value_; }

  friend bool operator==(const Shared& a, const Shared& b) {
    return a.value_ == b.value_ || *a.value_ == *b.value_;
  }

 private:
  std::shared_ptr<const T> value_;
};

}  // namespace hotswapd
