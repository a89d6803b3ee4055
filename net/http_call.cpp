#include "net/http_call.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/text.hpp"

namespace hotswapd {
namespace {

constexpr std::size_t longest_url = std::size_t{8} * 1024;
constexpr std::size_t shortest_secret = 4;  // shorter ones would blank out half of a sentence

Error wrong(std::string text) {
  return {errc::invalid_argument, std::move(text)};
}

bool is_token(std::string_view text) {
  static constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           marks.find(c) != std::string_view::npos;
  });
}

bool is_field_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

bool is_url_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c > 0x20 && c < 0x7f && c != '\\' && c != '"' && c != '<' && c != '>';
  });
}

bool is_host_text(std::string_view text, bool v6) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [v6](char c) {
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '.') return true;
    if (v6) return c == ':';
    return (c >= 'g' && c <= 'z') || c == '-' || c == '_';
  });
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty() || text[0] == '-')
    return std::nullopt;
  return value;
}

void replace_all(std::string& text, std::string_view what) {
  if (what.size() < shortest_secret) return;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 3))
    text.replace(at, what.size(), "***");
}

// What everybody sends and says nothing.
bool is_harmless(const HttpHeader& header) {
  return iequals(header.name, "content-type") || iequals(header.name, "accept") ||
         iequals(header.name, "user-agent") || iequals(header.name, "host");
}

}  // namespace

const std::string* HttpReply::header(std::string_view name) const noexcept {
  for (const auto& one : headers) {
    if (one.name == name) return &one.value;
  }
  return nullptr;
}

std::string HttpUrl::origin() const {
  const std::string shown = host.find(':') == std::string::npos ? host : "[" + host + "]";
  const std::string at = port == (tls ? 443 : 80) ? "" : ":" + std::to_string(port);
  return (tls ? "https://" : "http://") + shown + at;
}

Fallible<HttpUrl> parse_http_url(std::string_view url) {
  if (url.size() > longest_url || !is_url_text(url))
    return wrong("the URL is too long, or has characters that must be written as %XX");
  HttpUrl out;
  const auto scheme_end = url.find("://");
  const auto scheme = lower(url.substr(0, std::min(scheme_end, url.size())));
  if (scheme_end == std::string_view::npos || (scheme != "http" && scheme != "https"))
    return wrong("the URL does not begin with http:// or https://");
  out.tls = scheme == "https";
  out.port = out.tls ? 443 : 80;
  url.remove_prefix(scheme_end + 3);
  url = url.substr(0, url.find('#'));
  auto authority = url.substr(0, url.find_first_of("/?"));
  out.target = url.substr(authority.size());
  if (!out.target.starts_with('/')) out.target.insert(0, "/");
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
    out.userinfo = authority.substr(0, at);
    authority.remove_prefix(at + 1);
  }
  const bool v6 = authority.starts_with('[');
  const auto host_end = v6 ? authority.find(']') : authority.find(':');
  if (v6 && host_end == std::string_view::npos) return wrong("the URL's host is no address");
  const auto host = v6 ? authority.substr(1, host_end - 1) : authority.substr(0, host_end);
  out.host = lower(host);
  if (!is_host_text(out.host, v6)) return wrong("the URL has no host, or none that can be");
  if (host_end != std::string_view::npos) {
    auto rest = authority.substr(v6 ? host_end + 1 : host_end);
    if (!rest.empty()) {
      const auto port = rest.starts_with(':') ? number(rest.substr(1)) : std::nullopt;
      if (!port || *port < 1 || *port > 65535) return wrong("the URL's port is no port");
      out.port = static_cast<std::uint16_t>(*port);
    }
  }
  return out;
}

Fallible<HttpUrl> check(const HttpCall& call) {
  if (!is_token(call.method)) return wrong("the HTTP method is no word");
  for (const auto& header : call.headers) {
    if (!is_token(header.name)) return wrong("a header has no proper name");
    if (!is_field_value(header.value))
      return wrong("the header " + clean(header.name, 64) + " has characters no header can have");
  }
  return parse_http_url(call.url);
}

std::string redacted(std::string_view text, const HttpCall& call, std::size_t limit) {
  std::vector<std::string_view> secrets(call.secrets.begin(), call.secrets.end());
  for (const auto& header : call.headers) {
    if (is_harmless(header)) continue;
    secrets.emplace_back(header.value);
    const auto space = header.value.find(' ');  // "Bearer TOKEN"
    if (space != std::string::npos)
      secrets.emplace_back(std::string_view(header.value).substr(space + 1));
  }
  const auto url = parse_http_url(call.url);
  if (url) {
    secrets.emplace_back(url->userinfo);
    const auto colon = url->userinfo.find(':');
    if (colon != std::string::npos)
      secrets.emplace_back(std::string_view(url->userinfo).substr(colon + 1));
    const auto query = url->target.find('?');
    if (query != std::string::npos)
      secrets.emplace_back(std::string_view(url->target).substr(query + 1));
  }
  // The longest first: what is part of another would leave the rest of it standing.
  std::sort(secrets.begin(), secrets.end(), [](auto a, auto b) { return a.size() > b.size(); });
  std::string out(text);
  for (const auto secret : secrets) replace_all(out, secret);
  return clean(out, limit);
}

std::string percent_encoded(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 0xf];
    }
  }
  return out;
}

std::optional<WallTime> parse_http_date(std::string_view text) {
  // "Sun, 06 Nov 1994 08:49:37 GMT": every part has its place.
  if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT" ||
      text[7] != ' ' || text[11] != ' ' || text[16] != ' ' || text[19] != ':' || text[22] != ':')
    return std::nullopt;
  static constexpr std::array<std::string_view, 12> months{
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto month = std::find(months.begin(), months.end(), text.substr(8, 3));
  const auto day = number(text.substr(5, 2));
  const auto year = number(text.substr(12, 4));
  const auto hour = number(text.substr(17, 2));
  const auto minute = number(text.substr(20, 2));
  const auto second = number(text.substr(23, 2));
  if (month == months.end() || !day || !year || !hour || !minute || !second) return std::nullopt;
  if (*hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  const std::chrono::year_month_day date{
      std::chrono::year{*year},
      std::chrono::month{static_cast<unsigned>(month - months.begin()) + 1},
      std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  return WallTime(std::chrono::sys_days{date} + std::chrono::hours{*hour} +
                  std::chrono::minutes{*minute} + Seconds{*second});
}

std::optional<Seconds> retry_after(const HttpReply& reply, WallTime now) {
  constexpr Seconds day{86'400};
  const auto* const value = reply.header("retry-after");
  if (value == nullptr) return std::nullopt;
  const bool digits = !value->empty() && std::all_of(value->begin(), value->end(),
                                                     [](char c) { return c >= '0' && c <= '9'; });
  if (digits) {
    const auto seconds = number(*value);
    return seconds ? std::min(Seconds(*seconds), day) : day;
  }
  const auto at = parse_http_date(*value);
  if (!at) return std::nullopt;
  return std::clamp(std::chrono::ceil<Seconds>(*at - now), Seconds{0}, day);
}

}  // namespace hotswapd
