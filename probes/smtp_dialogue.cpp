#include "probes/smtp_dialogue.hpp"

#include "core/text.hpp"

namespace hotswapd {
namespace {

constexpr std::size_t code_size = 3;
constexpr std::string_view wanted = "220";

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

// May `c` stand at this place of a reply line's beginning: "220", "220 ", "220-"?
bool fits(std::size_t place, char c) noexcept {
  if (place == 0) return c >= '2' && c <= '5';
  if (place < code_size) return is_digit(c);
  return c == ' ' || c == '-';
}

bool is_control(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

Finding malformed(std::string reason) {
  return fail(FailureClass::protocol, std::move(reason));
}

}  // namespace

std::optional<Finding> SmtpDialogue::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const char c = bytes.front();
    if (auto finding = on_byte(c, bytes)) return finding;
    bytes.remove_prefix(1);
  }
  return std::nullopt;
}

std::optional<Finding> SmtpDialogue::on_byte(char c, std::string_view rest) {
  if (c == '\n') {
    carriage_return_ = false;
    if (line_.size() < code_size) return garbage(rest);
    return on_line();
  }
  if (carriage_return_) return malformed("a bare CR in the SMTP greeting");
  if (c == '\r') {
    if (line_.size() < code_size) return garbage(rest);
    carriage_return_ = true;
    return std::nullopt;
  }
  if (line_.size() <= code_size && !fits(line_.size(), c)) return garbage(rest);
  if (is_control(c)) return malformed("a control character in the SMTP greeting");
  // Two bytes are the line's end.
  if (line_.size() + 2 >= max_line)
    return malformed("a line of the SMTP greeting is longer than 1024 bytes");
  line_ += c;
  return std::nullopt;
}

std::optional<Finding> SmtpDialogue::on_line() {
  understood_ = true;
  ++lines_;
  const std::string_view line = line_;
  const std::string code(line.substr(0, code_size));
  if (code != wanted) {
    const bool refusal = code.front() == '4' || code.front() == '5';
    if (lines_ > 1 && !refusal)
      return malformed("the SMTP greeting mixes the codes 220 and " + code);
    std::string reason = "SMTP " + code;
    if (line.size() > code_size + 1) reason += " \"" + clean(line.substr(code_size + 1), 120) + '"';
    return fail(FailureClass::content, reason + ", wanted 220");
  }
  found_ = found_ || line.find(expected_) != std::string_view::npos;
  if (line.size() > code_size && line[code_size] == '-') {
    if (lines_ == max_lines) return malformed("the SMTP greeting has more than 100 lines");
    line_.clear();
    return std::nullopt;
  }
  if (found_) return pass("SMTP 220");
  return fail(FailureClass::content,
              "SMTP 220 without the text \"" + clean(expected_, 80) + "\" in the greeting");
}

// Certain at the first wrong byte; the rest of what came tells the operator who is speaking.
Finding SmtpDialogue::garbage(std::string_view rest) const {
  const std::string begin = line_ + std::string(rest.substr(0, rest.find_first_of("\r\n")));
  return malformed("the answer is no SMTP greeting, it begins with \"" + clean(begin, 80) + '"');
}

Finding SmtpDialogue::closed() const {
  if (lines_ == 0 && line_.empty()) return malformed("connection closed before the SMTP greeting");
  return malformed("connection closed in the middle of the SMTP greeting");
}

const char* SmtpDialogue::waiting_for() const noexcept {
  return lines_ == 0 && line_.empty() ? "waiting for the SMTP greeting"
                                      : "waiting for the rest of the SMTP greeting";
}

}  // namespace hotswapd
