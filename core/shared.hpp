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
  Shared() : value_(plain()) {}  // T(), one for all that are made so
  Shared(T value) : value_(std::make_shared<const T>(std::move(value))) {}

  const T& operator*() const noexcept { return *value_; }
  const T* operator->() const noexcept { return value_.get(); }
  operator const T&() const noexcept { return *value_; }

  // Holds a value of its own from now on: a copy with `change` made to it.
  template <class Change>
  void change(Change change) {
    T value = *value_;
    change(value);
    value_ = std::make_shared<const T>(std::move(value));
  }

  friend bool operator==(const Shared& a, const Shared& b) {
    return a.value_ == b.value_ || *a.value_ == *b.value_;
  }

 private:
  static const std::shared_ptr<const T>& plain() {
    static const auto value = std::make_shared<const T>();
    return value;
  }

  std::shared_ptr<const T> value_;
};

}  // namespace hotswapd
