// One HTTP request of the control plane and what came back, as plain values: what builds requests
// and judges replies is pure and sees no client. Nothing secret of a call gets into a text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/time.hpp"

namespace hotswapd {

struct HttpHeader {
  std::string name;
  std::string value;
  bool operator==(const HttpHeader&) const = default;
};

// Sent as it stands: the path is not normalised, no header is added but Host, Accept: */* and
// Content-Length, and one given here takes their place.
struct HttpCall {
  std::string method = "GET";  // GET and HEAD change nothing; every other one may
  std::string url;             // absolute, http or https
  std::vector<HttpHeader> headers;
  std::string body;
  TimePoint deadline;  // of everything: name, connection, TLS, exchange
  std::size_t max_response = std::size_t{1024} * 1024;  // bytes of the body that are read
  // What no text may show, besides the values of the headers and the URL's userinfo and query.
  std::vector<std::string> secrets;
};

// What the server said, whatever the status: a redirect is not followed. From outside: clean()
// before it is shown.
struct HttpReply {
  int status = 0;
  std::vector<HttpHeader> headers;  // names in lower case, in the order received
  std::string body;

  // The first of that name (given in lower case); nullptr: there is none.
  const std::string* header(std::string_view name) const noexcept;
};

// The URL taken apart, as far as anybody has to know it.
struct HttpUrl {
  bool tls = false;
  std::string userinfo;  // as written
  std::string host;      // in lower case; an IPv6 address without its brackets
  std::uint16_t port = 80;
  std::string target;  // path and query, at least "/"

  std::string origin() const;  // "https://api.example.net", "http://[::1]:8081": fit to be shown
};
// invalid_argument: not an absolute http or https URL in plain ASCII; the text does not repeat it.
Fallible<HttpUrl> parse_http_url(std::string_view url);

// invalid_argument: something that cannot be sent (line breaks, no method, a URL that is none).
Fallible<HttpUrl> check(const HttpCall& call);

// "a text" without anything of the call that is secret, each replaced by ***, and clean().
std::string redacted(std::string_view text, const HttpCall& call, std::size_t limit = 256);

// "%2F": everything but letters, digits and -._~ (RFC 3986 2.3).
std::string percent_encoded(std::string_view text);

// What the server asks to wait (RFC 9110 10.2.3), as seconds or as a date. nullopt: it does not
// say. At most a day.
std::optional<Seconds> retry_after(const HttpReply& reply, WallTime now);

// A date of HTTP in the form of today ("Sun, 06 Nov 1994 08:49:37 GMT").
std::optional<WallTime> parse_http_date(std::string_view text);

}  // namespace hotswapd
