// Reads one HTTP/1 response piece by piece: strict where a lie could hide, bounded everywhere, no
// I/O. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hotswapd {

// A pull parser: step() consumes a prefix of what it is given and says what it has found. RFC 9112
// with these bounds: all header blocks together 32 KiB, 8 interim (1xx) answers, 1 KiB for a
// chunk's size line. A bare LF ends a line too. Refused: NUL, bare CR and other controls, a bad
// status line, names that are no tokens, Content-Lengths that are negative, malformed or differ.
// Transfer-Encoding wins over Content-Length. Trailers are not read.
class HttpResponseReader {
 public:
  enum class Step : std::uint8_t {
    more,    // all input is consumed
    status,  // the final status line: status()
    head,    // the header block is complete
    body,    // a piece of the decoded body: body(), valid as long as the input
    end,     // the response is complete
    broken,  // it is no valid HTTP: fault()
  };

  // Keeps the value of Location: to be called before the first step.
  void keep_location() noexcept { wants_location_ = true; }

  // Consumes from the front of `input`. After `end` and `broken` it says the same again.
  Step step(std::string_view& input);

  // The peer has closed: `end` if that ends the response, else `broken`.
  Step closed();

  int status() const noexcept { return status_; }
  std::string_view body() const noexcept { return body_; }
  const std::string& fault() const noexcept { return fault_; }  // "malformed status line"
  const std::optional<std::string>& location() const noexcept { return location_; }  // as it came
  const char* waiting_for() const noexcept;  // "waiting for the status line"

  static constexpr std::size_t max_head = 32 * 1024;
  static constexpr int max_interim = 8;
  static constexpr std::size_t max_chunk_line = 1024;
  static constexpr std::size_t max_location = 2048;

 private:
  enum class State : std::uint8_t {
    status_line,
    header,
    sized_body,
    chunk_size,
    chunk_data,
    chunk_end,
    body_until_close,
    end,
    broken
  };

  // One line without its end, when it is complete; kept in line_ while it comes in pieces.
  std::optional<std::string_view> take_line(std::string_view& input, std::size_t limit,
                                            const char* too_long);
  Step on_status_line(std::string_view line);
  Step on_header(std::string_view line);
  Step on_head_end();
  Step on_chunk_size(std::string_view line);
  bool on_content_length(std::string_view value);
  bool on_location(std::string_view value);
  Step take_body(std::string_view& input, bool limited);
  Step broken(std::string fault);

  State state_ = State::status_line;
  bool interim_ = false;
  bool chunked_ = false;
  bool transfer_encoding_ = false;
  bool first_header_ = true;
  bool framing_header_ = false;  // the header before decides where the body ends, or where to go:
                                 // it must not be folded
  bool wants_location_ = false;
  int status_ = 0;
  int interims_ = 0;
  std::size_t head_bytes_ = 0;
  std::optional<std::uint64_t> length_;
  std::optional<std::string> location_;
  std::uint64_t remaining_ = 0;
  std::string line_;
  std::size_t line_bytes_ = 0;  // of the present line, its end included
  bool line_done_ = false;      // the last take_line() gave it out: the next one begins anew
  std::string_view body_;
  std::string fault_;
};

}  // namespace hotswapd
