// Lines for a terminal: wrapped at its width, aligned in code points, coloured only when it wants
// colour.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hotswapd::ctl {

struct Style {
  bool colour = false;
  std::size_t width = 80;
};

enum class Ink { plain, good, warning, bad, dim, bold };

// The ink of a service's status, a health or a verdict.
Ink ink_of(std::string_view word);

// Code points; our own colour sequences count nothing (text from outside has no escape character
// left in it).
std::size_t columns(std::string_view text);
std::string padded(std::string_view text, std::size_t width);  // never cut
// Words on as many lines as `width` asks for; a longer word has a line of its own. At least one
// line.
std::vector<std::string> wrap(std::string_view text, std::size_t width);

// Collects the text of one answer.
class Page {
 public:
  explicit Page(Style style) : style_(style) {}

  std::string painted(std::string_view text, Ink ink) const;
  void line(std::string_view text = {}) { out_.append(text).push_back('\n'); }
  void heading(std::string_view text);  // a blank line and the text in bold
  // `first` once, then the words of `text` wrapped and indented by the width of `first`.
  void wrapped(std::string_view first, std::string_view text, Ink ink = Ink::plain);
  // "  Label     text", nothing when the text is empty.
  void field(std::string_view label, std::string_view text, Ink ink = Ink::plain);

  std::string take() { return std::move(out_); }

 private:
  Style style_;
  std::string out_;
};

}  // namespace hotswapd::ctl
