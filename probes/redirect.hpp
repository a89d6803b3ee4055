// Where a redirect leads: Location is text from outside, and few of the places it can name are ones
// to go to. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/service_spec.hpp"
#include "probes/finding.hpp"

namespace hotswapd {

// What one request is sent to.
struct WebPlace {
  bool tls = false;
  std::string host;  // lower case, without final dot; an address canonical and without brackets
  std::uint16_t port = 0;
  std::string authority;  // the value of Host
  std::string target;     // path and query, beginning with '/'

  // "https://www.example.com:8443/login", whatever Host says; clean, bounded.
  std::string text() const;
  bool operator==(const WebPlace&) const = default;
};

// What the monitor asks for itself.
WebPlace first_place(const MonitorSpec& monitor, const std::string& service);

// RFC 3986 5.2 for http and https. Refused: other schemes, user names, ports and hosts that are
// none. Bytes that a URI must not hold but that servers send (beyond ASCII, blanks, and the like)
// are escaped in path and query, and nowhere else.
Fallible<WebPlace> resolve_location(const WebPlace& from, std::string_view location);

// The way of one attempt from redirect to redirect.
class RedirectTrail {
 public:
  static constexpr std::size_t max_hops = 5;

  explicit RedirectTrail(WebPlace first) { places_.push_back(std::move(first)); }

  // One hop further, or the finding that ends the attempt: a loop, too many, nowhere to go.
  std::optional<Finding> follow(int status, std::string_view location);

  const WebPlace& here() const noexcept { return places_.back(); }
  // The host that the operator named: it is at the address that the operator named.
  bool at_first_host() const noexcept { return here().host == places_.front().host; }
  // Whether the operator's headers may be sent here: to that host, and not from TLS into the open.
  bool own_headers() const noexcept;
  // " (at https://www.example.com/login after 2 redirects)"; empty before the first.
  std::string where() const;

 private:
  std::vector<WebPlace> places_;
};

}  // namespace hotswapd
