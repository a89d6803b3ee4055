// Reads the greeting of an SMTP server and judges it: bounded, no I/O. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "probes/finding.hpp"

namespace hotswapd {

// RFC 5321 §4.2: one reply of one or more lines, "220-text" and at last "220 text" or "220". A bare
// LF ends a line too; NUL, a bare CR and other controls are refused. A greeting that promises 220
// and goes on with another code is judged by that code, if it says no (postscreen does so after its
// teaser). The verdict falls as soon as it is certain: a refusal at its first line, a pass at the
// last.
class SmtpDialogue {
 public:
  // `expected` outlives the dialogue; empty: the code alone decides.
  explicit SmtpDialogue(std::string_view expected) noexcept : expected_(expected) {}

  // The next bytes; the finding when there is one. Nothing may be fed after that.
  std::optional<Finding> feed(std::string_view bytes);
  // The peer has closed.
  Finding closed() const;

  // What came was SMTP: the server deserves to be told that we leave.
  bool understood() const noexcept { return understood_; }
  const char* waiting_for() const noexcept;

  static constexpr std::string_view quit = "QUIT\r\n";
  static constexpr std::size_t max_line = 1024;  // with its end; RFC 5321 allows 512
  static constexpr int max_lines = 100;

 private:
  std::optional<Finding> on_line();
  std::optional<Finding> on_byte(char c, std::string_view rest);
  Finding garbage(std::string_view rest) const;

  std::string_view expected_;
  std::string line_;  // the present line, without its end
  bool carriage_return_ = false;
  bool found_ = false;
  bool understood_ = false;
  int lines_ = 0;
};

}  // namespace hotswapd
