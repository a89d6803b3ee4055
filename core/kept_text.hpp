// A text that is kept for long and seldom read, in as little room as it needs.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace hotswapd {

// A std::string takes 32 bytes, and half as much again once it has more than 15; this takes a
// pointer and exactly what it holds. It never changes but as a whole.
class KeptText {
 public:
  KeptText() = default;
  template <class Text>
  requires(std::convertible_to<const Text&, std::string_view> && !std::same_as<Text, KeptText>)
      KeptText(const Text& text)
      : bytes_(kept(text)) {}
  KeptText(const KeptText& other) : bytes_(kept(other)) {}
  KeptText(KeptText&&) noexcept = default;
  KeptText& operator=(const KeptText& other) {
    if (this != &other) bytes_ = kept(other);
    return *this;
  }
  KeptText& operator=(KeptText&&) noexcept = default;

  operator std::string_view() const noexcept;
  std::string_view view() const noexcept { return *this; }
  std::string text() const { return std::string(view()); }
  bool empty() const noexcept { return !bytes_; }

  template <class Text>
  requires std::convertible_to<const Text&, std::string_view>
  friend bool operator==(const KeptText& a, const Text& b) noexcept {
    return a.view() == std::string_view(b);
  }

 private:
  using Bytes = std::unique_ptr<char[]>;
  static Bytes kept(std::string_view text);

  // Its size in one byte, or where that is too little, 255 and the size in four; null: empty.
  Bytes bytes_;
};

}  // namespace hotswapd

template <>
struct std::hash<hotswapd::KeptText> {
  std::size_t operator()(const hotswapd::KeptText& text) const noexcept {
    return std::hash<std::string_view>()(text);
  }
};
