#include "api/v1_routes.hpp"

#include <array>

namespace hotswapd {
namespace {

using Kind = V1Route::Kind;

constexpr std::string_view placeholder = "{fqdn}";

constexpr auto routes = std::to_array<V1Route>({
    {"GET", "/api/v1/services", ApiScope::read, Kind::command, "status"},
    {"GET", "/api/v1/services/{fqdn}", ApiScope::read, Kind::command, "show"},
    {"GET", "/api/v1/services/{fqdn}/explain", ApiScope::read, Kind::command, "explain"},
    {"GET", "/api/v1/services/{fqdn}/history", ApiScope::read, Kind::command, "history"},
    {"POST", "/api/v1/services/{fqdn}/activate", ApiScope::operate, Kind::command, "activate"},
    {"POST", "/api/v1/services/{fqdn}/deactivate", ApiScope::operate, Kind::command, "deactivate"},
    {"POST", "/api/v1/services/{fqdn}/recover", ApiScope::operate, Kind::command, "recover"},
    {"POST", "/api/v1/services/{fqdn}/force-failover", ApiScope::operate, Kind::command,
     "force-failover"},
    {"POST", "/api/v1/config/check", ApiScope::operate, Kind::command, "check"},
    {"POST", "/api/v1/config/reload", ApiScope::operate, Kind::command, "reload"},
    {"GET", "/api/v1/events", ApiScope::read, Kind::events, ""},
});

std::string_view next_segment(std::string_view& path) {
  const auto slash = path.find('/');
  const auto segment = path.substr(0, slash);
  path = slash == path.npos ? std::string_view() : path.substr(slash + 1);
  return segment;
}

// Whether the path has the pattern's form; the segment that stands for the name goes to `fqdn`.
bool has_form(std::string_view pattern, std::string_view path, std::string_view& fqdn) {
  if (path.ends_with('/')) return false;
  while (!pattern.empty() && !path.empty()) {
    const auto wanted = next_segment(pattern);
    const auto there = next_segment(path);
    if (wanted == placeholder) {
      if (there.empty()) return false;
      fqdn = there;
    } else if (wanted != there) {
      return false;
    }
  }
  return pattern.empty() && path.empty();
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::span<const V1Route> v1_routes() {
  return routes;
}

std::optional<std::string> decode_segment(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '/') return std::nullopt;
    out += c;
  }
  return out;
}

V1Match match_v1(std::string_view method, std::string_view path) {
  V1Match match;
  const std::string_view asked = method == "HEAD" ? "GET" : method;
  for (const auto& route : routes) {
    std::string_view segment;
    if (!has_form(route.pattern, path, segment)) continue;
    auto fqdn = decode_segment(segment);
    if (!fqdn) continue;
    match.allow += (match.allow.empty() ? "" : ", ");
    match.allow += route.method == "GET" ? "GET, HEAD" : route.method;
    if (route.method != asked) continue;
    match.route = &route;
    match.fqdn = *std::move(fqdn);
  }
  return match;
}

}  // namespace hotswapd
