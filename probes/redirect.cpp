#include "probes/redirect.hpp"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <charconv>
#include <utility>

#include "core/record.hpp"
#include "core/text.hpp"
#include "probes/http_request.hpp"

namespace hotswapd {
namespace {

namespace urls = boost::urls;

constexpr const char* no_url = "to no valid URL";
constexpr const char* with_user = "to a URL with a user name";
constexpr std::size_t told_location = 70;  // so that a reason has room for where() behind it

std::uint16_t usual_port(bool tls) {
  return tls ? 443 : 80;
}

Error nowhere(std::string why) {
  return Error{errc::invalid_argument, std::move(why)};
}

// What browsers send although a URI must not hold it. A backslash is left to be refused: some take
// it for a slash, some do not.
std::string escaped(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 || std::string_view(" \"<>^`{|}").find(c) != std::string_view::npos) {
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 0x0f];
    } else {
      out += c;
    }
  }
  return out;
}

// RFC 3986 5.2.4, of a path that begins with '/'.
std::string without_dots(std::string_view path) {
  std::vector<std::string_view> kept;
  bool folder = false;  // it ends in a slash
  path.remove_prefix(1);
  for (bool more = true; more;) {
    const auto slash = path.find('/');
    const auto segment = path.substr(0, slash);
    more = slash != std::string_view::npos;
    if (more) path.remove_prefix(slash + 1);
    folder = segment == "." || segment == "..";
    if (segment == ".." && !kept.empty()) kept.pop_back();
    if (!folder) kept.push_back(segment);
  }
  std::string out;
  for (const auto segment : kept) out.append("/").append(segment);
  if (folder || out.empty()) out += '/';
  return out;
}

bool host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

bool host_name(std::string_view host) {
  if (host.empty() || host.size() > 253 || host.ends_with('.')) return false;
  if (!std::all_of(host.begin(), host.end(), host_character)) return false;
  while (!host.empty()) {
    const auto dot = host.find('.');
    const auto label = host.substr(0, dot);
    if (label.empty() || label.size() > 63) return false;
    host.remove_prefix(dot == std::string_view::npos ? host.size() : dot + 1);
  }
  return true;
}

Fallible<std::string> host_in(const urls::url_view& url) {
  std::string_view written = url.encoded_host();
  if (written.starts_with('[')) {
    const auto address = canonical_address(written.substr(1, written.size() - 2));
    if (!address) return nowhere("to a host that is no address");
    return *address;
  }
  if (written.ends_with('.')) written.remove_suffix(1);
  const std::string host = lower(written);
  if (const auto address = canonical_address(host)) return *address;
  if (!host_name(host)) return nowhere("to a host that is no name");
  return host;
}

Fallible<std::uint16_t> port_in(const urls::url_view& url, bool tls) {
  const std::string_view text = url.port();
  if (text.empty()) return usual_port(tls);
  std::uint32_t port = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (bad != std::errc() || end != text.data() + text.size() || port == 0 || port > 65535) {
    return nowhere("to a port that is none");
  }
  return static_cast<std::uint16_t>(port);
}

std::string authority_of(const WebPlace& place) {
  std::string text =
      place.host.find(':') == std::string::npos ? place.host : "[" + place.host + "]";
  if (place.port != usual_port(place.tls)) text += ":" + std::to_string(place.port);
  return text;
}

std::string_view path_of(std::string_view target) {
  return target.substr(0, target.find('?'));
}

// RFC 3986 5.2.2 below the authority.
std::string target_from(const std::string& base, const urls::url_view& ref, bool own_authority) {
  const std::string_view path = ref.encoded_path();
  const std::string query =
      ref.has_query() ? "?" + std::string(std::string_view(ref.encoded_query())) : std::string();
  if (own_authority) return without_dots(path.empty() ? "/" : path) + query;
  // The first path is sent as the operator wrote it; a place that a redirect names has no dots.
  if (path.empty()) return ref.has_query() ? without_dots(path_of(base)) + query : base;
  if (path.starts_with('/')) return without_dots(path) + query;
  const auto folder = path_of(base).substr(0, path_of(base).rfind('/') + 1);
  return without_dots(std::string(folder) + std::string(path)) + query;
}

}  // namespace

std::string WebPlace::text() const {
  return clean((tls ? "https://" : "http://") + authority_of(*this) + target, 120);
}

WebPlace first_place(const MonitorSpec& monitor, const std::string& service) {
  WebPlace place;
  place.tls = monitor.protocol == Protocol::https;
  place.port = effective_port(monitor);
  place.authority = host_of(monitor, service);
  place.host = lower(tls_name(place.authority));
  if (const auto address = canonical_address(place.host)) place.host = *address;
  place.target = monitor.path.starts_with('/') ? monitor.path : "/" + monitor.path;
  return place;
}

Fallible<WebPlace> resolve_location(const WebPlace& from, std::string_view location) {
  const std::string text = escaped(location);
  const auto parsed = urls::parse_uri_reference(text);
  if (!parsed) return nowhere(no_url);
  const urls::url_view& url = *parsed;
  const bool own_scheme = url.has_scheme();
  bool tls = from.tls;
  if (own_scheme) {
    const std::string scheme = lower(std::string_view(url.scheme()));
    if (scheme != "http" && scheme != "https") return nowhere("to another scheme");
    tls = scheme == "https";
    if (!url.has_authority()) return nowhere(no_url);
  }
  WebPlace place = from;
  if (url.has_authority()) {
    if (url.has_userinfo()) return nowhere(with_user);
    auto host = host_in(url);
    if (!host) return host.error();
    const auto port = port_in(url, tls);
    if (!port) return port.error();
    place.tls = tls;
    place.host = *std::move(host);
    place.port = *port;
    place.authority = authority_of(place);
  }
  place.target = target_from(from.target, url, url.has_authority());
  return place;
}

std::optional<Finding> RedirectTrail::follow(int status, std::string_view location) {
  const std::string what = "HTTP " + std::to_string(status) + " ";
  auto next = resolve_location(here(), location);
  if (!next) {
    const bool garbage = next.error().text == no_url;
    // What comes with a user name may be a password.
    const bool secret = next.error().text == with_user;
    const std::string given = secret ? "" : " (" + clean(location, told_location) + ")";
    return fail(garbage ? FailureClass::protocol : FailureClass::content,
                what + next.error().text + given + where());
  }
  const auto same = [&](const WebPlace& place) {
    return place.tls == next->tls && place.host == next->host && place.port == next->port &&
           place.target == next->target;
  };
  if (std::any_of(places_.begin(), places_.end(), same)) {
    return fail(FailureClass::content, "redirect loop: " + what + "back to " + next->text());
  }
  if (places_.size() > max_hops) {
    return fail(FailureClass::content, "more than " + std::to_string(max_hops) +
                                           " redirects, the next to " + next->text());
  }
  places_.push_back(*std::move(next));
  return std::nullopt;
}

bool RedirectTrail::own_headers() const noexcept {
  return at_first_host() && (here().tls || !places_.front().tls);
}

std::string RedirectTrail::where() const {
  const std::size_t hops = places_.size() - 1;
  if (hops == 0) return {};
  return " (at " + here().text() + " after " + std::to_string(hops) +
         (hops == 1 ? " redirect)" : " redirects)");
}

}  // namespace hotswapd
