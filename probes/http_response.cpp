#include "probes/http_response.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "core/text.hpp"

namespace hotswapd {
namespace {

bool digit(char c) {
  return c >= '0' && c <= '9';
}

// RFC 9110 5.6.2
constexpr std::array<bool, 256> token_table = [] {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~"))
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();

bool token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return token_table[static_cast<unsigned char>(c)];
  });
}

bool control(char c) {
  const auto b = static_cast<unsigned char>(c);
  return (b < 0x20 && b != '\t') || b == 0x7f;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The next element of a comma list; cuts it from `list`.
std::string_view next_element(std::string_view& list) {
  const auto comma = list.find(',');
  const auto element = trim(list.substr(0, comma));
  list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  return element;
}

int hex_value(char c) {
  if (digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

HttpResponseReader::Step HttpResponseReader::broken(std::string fault) {
  state_ = State::broken;
  fault_ = std::move(fault);
  return Step::broken;
}

std::optional<std::string_view> HttpResponseReader::take_line(std::string_view& input,
                                                              std::size_t limit,
                                                              const char* too_long) {
  if (std::exchange(line_done_, false)) {
    line_.clear();
    line_bytes_ = 0;
  }
  const auto newline = input.find('\n');
  const auto size = newline == std::string_view::npos ? input.size() : newline + 1;
  if (line_bytes_ + size > limit) {
    broken(too_long);
    return std::nullopt;
  }
  line_bytes_ += size;
  if (newline == std::string_view::npos) {
    line_.append(input);
    input = {};
    return std::nullopt;
  }
  line_done_ = true;
  std::string_view line = input.substr(0, newline);
  input.remove_prefix(size);
  if (!line_.empty()) {
    line_.append(line);
    line = line_;
  }
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

HttpResponseReader::Step HttpResponseReader::step(std::string_view& input) {
  for (;;) {
    switch (state_) {
      case State::status_line:
      case State::header: {
        if (input.empty()) return Step::more;
        const auto line =
            take_line(input, max_head - head_bytes_, "header block larger than 32 KiB");
        if (state_ == State::broken) return Step::broken;
        if (!line) return Step::more;
        head_bytes_ += line_bytes_;
        if (std::any_of(line->begin(), line->end(), control)) {
          return broken("control character in the header");
        }
        const bool in_status = state_ == State::status_line;
        const Step step = in_status ? on_status_line(*line) : on_header(*line);
        if (step != Step::more) return step;
        break;
      }
      case State::chunk_size: {
        if (input.empty()) return Step::more;
        const auto line = take_line(input, max_chunk_line, "chunk size line larger than 1 KiB");
        if (state_ == State::broken) return Step::broken;
        if (!line) return Step::more;
        const Step step = on_chunk_size(*line);
        if (step != Step::more) return step;
        break;
      }
      case State::chunk_end: {
        if (input.empty()) return Step::more;
        const auto line = take_line(input, 2, "malformed chunk");
        if (state_ == State::broken) return Step::broken;
        if (!line) return Step::more;
        if (!line->empty()) return broken("malformed chunk");
        state_ = State::chunk_size;
        break;
      }
      case State::sized_body:
        if (remaining_ == 0) {
          state_ = State::end;
          return Step::end;
        }
        return take_body(input, true);
      case State::chunk_data:
        if (remaining_ == 0) {
          state_ = State::chunk_end;
          break;
        }
        return take_body(input, true);
      case State::body_until_close:
        return take_body(input, false);
      case State::end:
        return Step::end;
      case State::broken:
        return Step::broken;
    }
  }
}

HttpResponseReader::Step HttpResponseReader::closed() {
  switch (state_) {
    case State::body_until_close:
    case State::end:
      state_ = State::end;
      return Step::end;
    case State::broken:
      return Step::broken;
    case State::status_line:
      if (head_bytes_ == 0 && line_.empty()) return broken("connection closed without an answer");
      return broken("connection closed in the status line");
    case State::header:
      return broken("connection closed in the header");
    default:
      return broken("connection closed in the body");
  }
}

const char* HttpResponseReader::waiting_for() const noexcept {
  switch (state_) {
    case State::status_line:
      return "waiting for the status line";
    case State::header:
      return "waiting for the rest of the header";
    default:
      return "waiting for the rest of the body";
  }
}

// HTTP/1.1 200 OK
HttpResponseReader::Step HttpResponseReader::on_status_line(std::string_view line) {
  const bool shaped = line.size() >= 12 && line.starts_with("HTTP/1.") && digit(line[7]) &&
                      line[8] == ' ' && digit(line[9]) && line[9] != '0' && digit(line[10]) &&
                      digit(line[11]) && (line.size() == 12 || line[12] == ' ');
  if (!shaped) return broken("malformed status line \"" + clean(line, 60) + "\"");
  const int status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
  state_ = State::header;
  first_header_ = true;
  framing_header_ = false;
  // 101 answers a wish that we never had: nothing of HTTP comes after it.
  interim_ = status < 200 && status != 101;
  if (interim_) {
    if (++interims_ > max_interim) return broken("more than 8 interim answers (1xx)");
    return Step::more;
  }
  status_ = status;
  return Step::status;
}

HttpResponseReader::Step HttpResponseReader::on_header(std::string_view line) {
  if (line.empty()) return on_head_end();
  if (line.front() == ' ' || line.front() == '\t') {
    if (first_header_ || framing_header_) return broken("malformed header line");
    return Step::more;  // an obsolete fold of a value that nobody reads
  }
  first_header_ = false;
  framing_header_ = false;
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || !token(line.substr(0, colon))) {
    return broken("malformed header line \"" + clean(line, 60) + "\"");
  }
  if (interim_) return Step::more;
  const auto name = line.substr(0, colon);
  const auto value = trim(line.substr(colon + 1));
  if (iequals(name, "content-length")) {
    framing_header_ = true;
    if (!on_content_length(value)) return Step::broken;
  } else if (iequals(name, "transfer-encoding")) {
    framing_header_ = true;
    transfer_encoding_ = true;
    std::string_view list = value;
    while (!list.empty()) {
      const auto coding = next_element(list);
      if (chunked_) return broken("chunked is not the last transfer coding");
      chunked_ = iequals(coding, "chunked");
    }
  } else if (wants_location_ && iequals(name, "location")) {
    framing_header_ = true;
    if (!on_location(value)) return Step::broken;
  }
  return Step::more;
}

bool HttpResponseReader::on_location(std::string_view value) {
  if (value.size() > max_location) {
    broken("Location longer than 2 KiB");
    return false;
  }
  if (location_ && *location_ != value) {
    broken("differing Locations");
    return false;
  }
  location_ = value;
  return true;
}

// Also a list of equal values, as a careless proxy makes of several fields (RFC 9110 8.6).
bool HttpResponseReader::on_content_length(std::string_view value) {
  std::string_view list = value;
  bool more = true;
  while (more) {
    more = list.find(',') != std::string_view::npos;
    const auto element = next_element(list);
    // 2^63 and more is no length of anything.
    const bool number = !element.empty() && element.size() <= 18 &&
                        std::all_of(element.begin(), element.end(), digit);
    if (!number) {
      broken("malformed Content-Length \"" + clean(value, 40) + "\"");
      return false;
    }
    std::uint64_t length = 0;
    for (const char c : element) length = length * 10 + static_cast<std::uint64_t>(c - '0');
    if (length_ && *length_ != length) {
      broken("differing Content-Lengths");
      return false;
    }
    length_ = length;
  }
  return true;
}

HttpResponseReader::Step HttpResponseReader::on_head_end() {
  if (interim_) {
    state_ = State::status_line;
    return Step::more;
  }
  // RFC 9112 6.3
  if (status_ == 101 || status_ == 204 || status_ == 304) {
    state_ = State::sized_body;
  } else if (chunked_) {
    state_ = State::chunk_size;
  } else if (length_ && !transfer_encoding_) {
    state_ = State::sized_body;
    remaining_ = *length_;
  } else {
    state_ = State::body_until_close;
  }
  return Step::head;
}

HttpResponseReader::Step HttpResponseReader::on_chunk_size(std::string_view line) {
  std::size_t digits = 0;
  std::uint64_t size = 0;
  while (digits < line.size() && hex_value(line[digits]) >= 0) {
    if (size >> 56 != 0) return broken("malformed chunk size");  // leading zeros are allowed
    size = size * 16 + static_cast<std::uint64_t>(hex_value(line[digits]));
    ++digits;
  }
  const auto rest = trim(line.substr(digits));
  if (digits == 0 || (!rest.empty() && rest.front() != ';') ||
      std::any_of(rest.begin(), rest.end(), control)) {
    return broken("malformed chunk size");
  }
  if (size == 0) {
    state_ = State::end;
    return Step::end;
  }
  remaining_ = size;
  state_ = State::chunk_data;
  return Step::more;
}

HttpResponseReader::Step HttpResponseReader::take_body(std::string_view& input, bool limited) {
  if (input.empty()) return Step::more;
  std::size_t size = input.size();
  if (limited && remaining_ < size) size = static_cast<std::size_t>(remaining_);
  body_ = input.substr(0, size);
  input.remove_prefix(size);
  if (limited) remaining_ -= size;
  return Step::body;
}

}  // namespace hotswapd
