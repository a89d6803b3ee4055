// Judges an HTTP response by what the operator asked for, and says so as soon as the verdict is
// certain. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/service_spec.hpp"
#include "probes/finding.hpp"
#include "probes/http_response.hpp"

namespace hotswapd {

// What makes an answer good (docs/configuration.md). Made once for a target, shared by its
// attempts.
class HttpRule {
 public:
  HttpRule() = default;
  explicit HttpRule(const MonitorSpec& monitor);

  bool good_status(int status) const noexcept;
  // A redirect that is gone after: a status that was asked for by name decides by itself.
  bool follows(int status) const noexcept;
  bool may_follow() const noexcept { return follow_; }
  std::string wanted() const;  // "2xx", "200-299 or 301"

  const std::string& expected() const noexcept { return expected_; }
  // One byte further in the search for expected(): how many of its bytes match up to and with `c`.
  std::size_t advance(std::size_t matched, char c) const noexcept;

  bool operator==(const HttpRule&) const = default;

 private:
  std::vector<StatusRange> ranges_;  // empty: any status will do
  bool accept_redirects_ = false;
  bool follow_ = false;
  bool status_given_ = false;
  std::string expected_;
  std::vector<std::uint32_t>
      fallback_;  // Knuth-Morris-Pratt: the text is found across any cut of the body
};

// One response. The rule outlives it.
class HttpJudge {
 public:
  explicit HttpJudge(const HttpRule& rule) : rule_(rule) {
    if (rule.may_follow()) reader_.keep_location();
  }

  // The next bytes; the finding when there is one. Nothing may be fed after that.
  std::optional<Finding> feed(std::string_view bytes);
  // The peer has closed (in order, or by TLS's end).
  Finding closed();

  const char* waiting_for() const noexcept { return reader_.waiting_for(); }

  // The finding is no verdict yet: the answer is to be had where this Location points, which is as
  // the peer sent it.
  const std::string* redirect() const noexcept {
    return redirected_ ? &*reader_.location() : nullptr;
  }
  int status() const noexcept { return reader_.status(); }

  static constexpr std::size_t max_body = 256 * 1024;       // how far the text is looked for
  static constexpr std::size_t max_wire = 2 * 1024 * 1024;  // that body, absurdly chunked

 private:
  bool find(std::string_view piece) noexcept;
  Finding on_redirect();
  Finding bad_status() const;
  Finding missing_text(const char* where) const;
  std::string http() const { return "HTTP " + std::to_string(reader_.status()); }

  const HttpRule& rule_;
  HttpResponseReader reader_;
  std::size_t matched_ = 0;
  std::size_t body_bytes_ = 0;
  std::size_t wire_bytes_ = 0;
  bool redirected_ = false;
};

}  // namespace hotswapd
