#include "config/values.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstring>
#include <limits>
#include <optional>

#include <arpa/inet.h>

#include "core/record.hpp"
#include "core/text.hpp"

namespace hotswapd::config {
namespace {

bool digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// nullopt when it is not a plain whole number that fits.
std::optional<std::int64_t> whole(std::string_view text) {
  std::int64_t value = 0;
  std::string_view unsigned_part = text;
  if (!unsigned_part.empty() && unsigned_part.front() == '-') unsigned_part.remove_prefix(1);
  if (!digits(unsigned_part)) return std::nullopt;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// As whole(), but without leading zeros, which some readers of YAML take for octal.
std::optional<std::int64_t> written_number(std::string_view text) {
  const std::string_view magnitude = text.starts_with('-') ? text.substr(1) : text;
  if (magnitude.size() > 1 && magnitude.front() == '0') return std::nullopt;
  return whole(text);
}

bool has_control(std::string_view text, bool lines_allowed) {
  return std::any_of(text.begin(), text.end(), [&](char c) {
    const auto b = static_cast<unsigned char>(c);
    if (lines_allowed && (c == '\n' || c == '\t')) return false;
    return b < 0x20 || b == 0x7f;
  });
}

bool fail(std::string& problem, std::string text) {
  problem = std::move(text);
  return false;
}

bool parse_text(const Type& type, std::string_view text, Scalar& out, std::string& problem) {
  const bool lines = type.kind == Kind::any_text;
  if (static_cast<std::int64_t>(text.size()) < type.min)
    return fail(problem, "is empty; give a text");
  if (type.max > 0 && static_cast<std::int64_t>(text.size()) > type.max) {
    return fail(problem, "is longer than " + std::to_string(type.max) + " bytes");
  }
  if (has_control(text, lines)) {
    return fail(problem,
                lines ? "holds control characters; only line feeds and tabs may stand in it"
                      : "holds control characters such as CR, LF or NUL; give one line of text");
  }
  out.text = text;
  return true;
}

constexpr auto kFlags = std::to_array<std::pair<std::string_view, bool>>(
    {{"true", true}, {"True", true},   {"TRUE", true},   {"yes", true},    {"Yes", true},
     {"YES", true},  {"on", true},     {"On", true},     {"ON", true},     {"y", true},
     {"Y", true},    {"false", false}, {"False", false}, {"FALSE", false}, {"no", false},
     {"No", false},  {"NO", false},    {"off", false},   {"Off", false},   {"OFF", false},
     {"n", false},   {"N", false}});

bool parse_flag(std::string_view text, Scalar& out, std::string& problem) {
  for (const auto& [spelling, value] : kFlags) {
    if (text != spelling) continue;
    out.number = value ? 1 : 0;
    return true;
  }
  return fail(problem, "is not a flag; give true or false (Y and N work too)");
}

bool parse_integer(const Type& type, std::string_view text, Scalar& out, std::string& problem) {
  const std::string range = std::to_string(type.min) + " .. " + std::to_string(type.max);
  const auto value = written_number(text);
  if (!value) return fail(problem, "is not a whole number; give one from " + range);
  if (*value < type.min || *value > type.max) {
    return fail(problem, "is out of range; give a whole number from " + range);
  }
  out.number = *value;
  return true;
}

struct UnitName {
  std::string_view name;
  std::int64_t ms;
};
constexpr std::array<UnitName, 5> kUnits{
    {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};

// nullopt: not a duration; the maximum: too long to count.
std::optional<std::int64_t> duration_of(std::string_view text) {
  const auto unit_at = text.find_first_not_of("0123456789");
  if (unit_at == std::string_view::npos || unit_at == 0) return std::nullopt;
  if (unit_at > 1 && text.front() == '0') return std::nullopt;
  for (const auto& unit : kUnits) {
    if (text.substr(unit_at) != unit.name) continue;
    const auto count = whole(text.substr(0, unit_at));
    if (!count || *count > std::numeric_limits<std::int64_t>::max() / unit.ms) {
      return std::numeric_limits<std::int64_t>::max();
    }
    return *count * unit.ms;
  }
  return std::nullopt;
}

bool parse_duration(const Type& type, std::string_view text, Scalar& out, std::string& problem) {
  if (digits(text) && (text.size() == 1 || text.front() != '0')) {
    const auto count = whole(text).value_or(std::numeric_limits<std::int32_t>::max());
    switch (type.unit) {
      case Unit::required:
        return fail(problem, "needs a unit; write for instance " + std::string(text.substr(0, 12)) +
                                 "s (units: ms, s, m, h, d)");
      case Unit::dyn_minutes:
        if (count != 1 && count != 5 && count != 10 && count != 15) {
          return fail(
              problem,
              "is not 1, 5, 10 or 15 (a plain number means minutes); or give a duration from 1s, "
              "such as 30s");
        }
        [[fallthrough]];
      case Unit::minutes:
        out.number = std::min<std::int64_t>(count, 1'000'000'000) * 60'000;
        break;
      case Unit::seconds:
        out.number = std::min<std::int64_t>(count, 1'000'000'000) * 1'000;
        break;
    }
  } else if (const auto value = duration_of(text)) {
    out.number = *value;
  } else {
    std::string what = "is not a duration (like 500ms, 10s, 1m, 2h, 21d)";
    if (type.unit == Unit::seconds) what += " nor a plain number of seconds";
    if (type.unit == Unit::minutes) what += " nor a plain number of minutes";
    if (type.unit == Unit::dyn_minutes) what += " nor 1, 5, 10 or 15 (minutes)";
    return fail(problem, what);
  }
  if (out.number < type.min || out.number > type.max) {
    return fail(problem, "is out of range; give a duration from " + duration_text(type.min) +
                             " to " + duration_text(type.max));
  }
  return true;
}

bool parse_word(const Type& type, std::string_view text, Scalar& out, std::string& problem) {
  for (std::size_t i = 0; i < type.words.size(); ++i) {
    if (text == type.words[i] || (type.any_case && iequals(text, type.words[i]))) {
      out.number = static_cast<std::int64_t>(i);
      out.text = type.words[i];
      return true;
    }
  }
  problem = "is not known; give one of ";
  for (std::size_t i = 0; i < type.words.size(); ++i) {
    if (i > 0) problem += i + 1 == type.words.size() ? " or " : ", ";
    problem += type.words[i];
  }
  return false;
}

bool digits_and_dots(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

constexpr std::string_view kNameRule =
    "labels of 1 to 63 letters, digits, - and _, at most 253 in all";

bool parse_host(Kind kind, std::string_view text, Scalar& out, std::string& problem) {
  const auto address = canonical_address(text);
  if (address && kind != Kind::host_name) {
    out.text = *address;
    return true;
  }
  if (kind == Kind::address) return fail(problem, "is not an IPv4 or IPv6 address");
  if (address || digits_and_dots(text) || text.find(':') != std::string_view::npos) {
    return fail(problem, kind == Kind::host_name ? "is not a host name" : "is not a valid address");
  }
  if (!canonical_name(text, out.text)) {
    return fail(problem, std::string(kind == Kind::host ? "is neither an address nor a host name ("
                                                        : "is not a host name (") +
                             std::string(kNameRule) + ")");
  }
  return true;
}

bool parse_socket(const Type& type, std::string_view text, Scalar& out, std::string& problem) {
  const Kind host_kind = type.kind == Kind::socket ? Kind::address : Kind::host;
  const std::string shape =
      type.kind == Kind::socket ? "ADDR:PORT or [V6]:PORT" : "HOST:PORT or [V6]:PORT";
  std::string_view host = text;
  std::string_view port;
  if (!text.empty() && text.front() == '[') {
    const auto close = text.find(']');
    if (close == std::string_view::npos)
      return fail(problem, "lacks the ']' after the IPv6 address");
    host = text.substr(1, close - 1);
    if (host.find(':') == std::string_view::npos) {
      return fail(problem, "has something else than an IPv6 address in brackets; give " + shape);
    }
    text.remove_prefix(close + 1);
    if (!text.empty() && text.front() != ':') return fail(problem, "is not " + shape);
    port = text.empty() ? text : text.substr(1);
    if (text == ":") return fail(problem, "has no port after the colon; give " + shape);
  } else if (std::count(text.begin(), text.end(), ':') == 1) {
    const auto colon = text.find(':');
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (port.empty()) return fail(problem, "has no port after the colon; give " + shape);
  }
  if (!parse_host(host_kind, host, out, problem)) {
    problem = "is not " + shape + ": the host part " + problem;
    return false;
  }
  if (port.empty()) {
    if (type.max == 0) return fail(problem, "has no port; give " + shape);
    out.number = type.max;
    return true;
  }
  const auto number = whole(port);
  if (!number || *number < type.min || *number > 65535) {
    return fail(problem,
                "has no valid port; give one from " + std::to_string(type.min) + " to 65535");
  }
  out.number = *number;
  return true;
}

bool parse_network(std::string_view text, Scalar& out, std::string& problem) {
  const auto slash = text.find('/');
  const auto address = canonical_address(text.substr(0, slash));
  if (!address)
    return fail(problem, "is not a network; give ADDR or ADDR/PREFIX, such as 169.254.0.0/16");
  const bool v6 = address->find(':') != std::string::npos;
  const int bits = v6 ? 128 : 32;
  out.number = bits;
  if (slash != std::string_view::npos) {
    const auto prefix = whole(text.substr(slash + 1));
    if (!prefix || *prefix < 0 || *prefix > bits) {
      return fail(problem, "has no valid prefix; give one from 0 to " + std::to_string(bits));
    }
    out.number = *prefix;
  }
  std::array<unsigned char, 16> raw{};
  inet_pton(v6 ? AF_INET6 : AF_INET, address->c_str(), raw.data());
  auto net = raw;
  for (int bit = static_cast<int>(out.number); bit < bits; ++bit) {
    net[static_cast<std::size_t>(bit / 8)] &= static_cast<unsigned char>(~(0x80u >> (bit % 8)));
  }
  if (net != raw) {
    std::array<char, INET6_ADDRSTRLEN> shown{};
    inet_ntop(v6 ? AF_INET6 : AF_INET, net.data(), shown.data(), shown.size());
    return fail(problem, "has bits set behind its prefix; write " + std::string(shown.data()) +
                             "/" + std::to_string(out.number));
  }
  out.text = *address;
  return true;
}

bool parse_url(std::string_view text, Scalar& out, std::string& problem) {
  const std::string wanted = "; give http://HOST[:PORT]/PATH or https://...";
  std::string_view rest;
  if (text.starts_with("https://")) rest = text.substr(8);
  if (text.starts_with("http://")) rest = text.substr(7);
  const bool clean_text =
      std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (rest.empty() || !clean_text || text.size() > 2048)
    return fail(problem, "is not a URL" + wanted);
  const auto authority = rest.substr(0, rest.find_first_of("/?#"));
  if (authority.find('@') != std::string_view::npos) {
    return fail(problem, "carries a user name; credentials have keys of their own" + wanted);
  }
  Type shape = host_port(443);
  shape.min = 1;
  Scalar ignored;
  std::string detail;
  if (!parse_scalar(shape, authority, ignored, detail)) {
    return fail(problem, "is not a URL: the host " + detail + wanted);
  }
  out.text = text;
  return true;
}

bool parse_witness(std::string_view text, Scalar& out, std::string& problem) {
  std::string detail;
  if (text.starts_with("tcp://")) {
    Type shape = host_port(0);
    if (!parse_scalar(shape, text.substr(6), out, detail)) {
      return fail(problem, "is not tcp://HOST:PORT: it " + detail);
    }
    out.second = 0;
    return true;
  }
  if (text.starts_with("ping://")) {
    std::string_view host = text.substr(7);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
      host = host.substr(1, host.size() - 2);
    if (!parse_host(Kind::host, host, out, detail))
      return fail(problem, "is not ping://HOST: it " + detail);
    out.second = 1;
    return true;
  }
  return fail(problem, "is not a witness; give tcp://HOST:PORT or ping://HOST");
}

bool parse_status(std::string_view text, Scalar& out, std::string& problem) {
  const auto dash = text.find('-');
  const auto first = whole(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : whole(text.substr(dash + 1));
  if (!first || !last || *first < 100 || *last > 599 || *first > *last) {
    return fail(problem, "is not a status; give one from 100 to 599, or a range such as 200-299");
  }
  out.number = *first;
  out.second = *last;
  return true;
}

bool parse_time(std::string_view text, Scalar& out, std::string& problem) {
  const std::string wanted = "is not a time in UTC; give it as 2026-12-01T02:00:00Z";
  constexpr std::string_view shape = "0000-00-00T00:00:00Z";
  if (text.size() != shape.size()) return fail(problem, wanted);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
      return fail(problem, wanted);
  }
  const auto part = [&](std::size_t at, std::size_t size) {
    return static_cast<int>(*whole(text.substr(at, size)));
  };
  const std::chrono::year_month_day date{std::chrono::year(part(0, 4)),
                                         std::chrono::month(static_cast<unsigned>(part(5, 2))),
                                         std::chrono::day(static_cast<unsigned>(part(8, 2)))};
  if (!date.ok() || part(11, 2) > 23 || part(14, 2) > 59 || part(17, 2) > 59) {
    return fail(problem, "is no time of any calendar; give it as 2026-12-01T02:00:00Z");
  }
  const auto at = std::chrono::sys_days(date) + std::chrono::hours(part(11, 2)) +
                  std::chrono::minutes(part(14, 2)) + std::chrono::seconds(part(17, 2));
  out.number = std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count();
  return true;
}

constexpr std::array<std::string_view, 7> kDays{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

std::optional<int> day_of(std::string_view text) {
  const auto found = std::find(kDays.begin(), kDays.end(), text);
  if (found == kDays.end()) return std::nullopt;
  return static_cast<int>(found - kDays.begin());
}

std::optional<int> minute_of(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const auto hours = whole(text.substr(0, 2));
  const auto minutes = whole(text.substr(3));
  if (!hours || !minutes || *hours < 0 || *minutes < 0 || *minutes > 59) return std::nullopt;
  const auto value = *hours * 60 + *minutes;
  if (value > 24 * 60) return std::nullopt;
  return static_cast<int>(value);
}

// "Mon-Fri", "Sat", "Mon,Wed,Fri-Sun" -> bits; 0 when it is none of these.
int days_of(std::string_view text) {
  int bits = 0;
  while (true) {
    const auto comma = text.find(',');
    const auto item = text.substr(0, comma);
    const auto dash = item.find('-');
    const auto first = day_of(item.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : day_of(item.substr(dash + 1));
    if (!first || !last) return 0;
    for (int day = *first;; day = (day + 1) % 7) {
      bits |= 1 << day;
      if (day == *last) break;
    }
    if (comma == std::string_view::npos) return bits;
    text.remove_prefix(comma + 1);
  }
}

bool parse_weekly(std::string_view text, Scalar& out, std::string& problem) {
  const std::string wanted = "is not a weekly window; give it as \"Mon-Fri 09:00-17:00 UTC\"";
  const auto blank = text.find(' ');
  const auto second = blank == std::string_view::npos ? blank : text.find(' ', blank + 1);
  if (second == std::string_view::npos || text.substr(second + 1) != "UTC")
    return fail(problem, wanted);
  const auto hours = text.substr(blank + 1, second - blank - 1);
  const auto dash = hours.find('-');
  if (dash == std::string_view::npos) return fail(problem, wanted);
  const auto from = minute_of(hours.substr(0, dash));
  const auto to = minute_of(hours.substr(dash + 1));
  out.number = days_of(text.substr(0, blank));
  if (!from || !to || *from == 24 * 60 || *from == *to || out.number == 0)
    return fail(problem, wanted);
  out.second = *from;
  out.third = *to;
  return true;
}

bool parse_mailbox(std::string_view text, Scalar& out, std::string& problem) {
  const auto at = text.rfind('@');
  const bool printable = std::all_of(text.begin(), text.end(), [](char c) {
    return c > 0x20 && c != 0x7f && c != ',' && c != '<' && c != '>' && c != '"' && c != '(' &&
           c != ')';
  });
  std::string ignored;
  if (at == std::string_view::npos || at == 0 || text.find('@') != at || !printable ||
      text.size() > 254 || !canonical_name(text.substr(at + 1), ignored)) {
    return fail(problem, "is not a mail address; give one such as oncall@example.com");
  }
  out.text = text;
  return true;
}

bool parse_path(std::string_view text, Scalar& out, std::string& problem) {
  if (text.empty()) return fail(problem, "is empty; give the path of a file");
  if (text.size() > 4095 || has_control(text, false)) {
    return fail(problem, "is not the path of a file: too long, or with control characters");
  }
  out.text = text;
  return true;
}

}  // namespace

bool parse_scalar(const Type& type, std::string_view text, Scalar& out, std::string& problem) {
  switch (type.kind) {
    case Kind::text:
    case Kind::any_text:
    case Kind::secret:
      return parse_text(type, text, out, problem);
    case Kind::flag:
      return parse_flag(text, out, problem);
    case Kind::integer:
      return parse_integer(type, text, out, problem);
    case Kind::duration:
      return parse_duration(type, text, out, problem);
    case Kind::word:
      return parse_word(type, text, out, problem);
    case Kind::host_name:
    case Kind::address:
    case Kind::host:
      return parse_host(type.kind, text, out, problem);
    case Kind::socket:
    case Kind::host_port:
      return parse_socket(type, text, out, problem);
    case Kind::network:
      return parse_network(text, out, problem);
    case Kind::url:
      return parse_url(text, out, problem);
    case Kind::witness:
      return parse_witness(text, out, problem);
    case Kind::path:
      return parse_path(text, out, problem);
    case Kind::status:
      return parse_status(text, out, problem);
    case Kind::time:
      return parse_time(text, out, problem);
    case Kind::weekly:
      return parse_weekly(text, out, problem);
    case Kind::mailbox:
      return parse_mailbox(text, out, problem);
    default:
      return fail(problem, "is not one value");
  }
}

std::span<const std::pair<std::string_view, bool>> flag_words() {
  return kFlags;
}

std::string duration_text(std::int64_t milliseconds) {
  if (milliseconds <= 0) return "0s";
  std::string out;
  for (auto unit = kUnits.rbegin(); unit != kUnits.rend(); ++unit) {
    const auto count = milliseconds / unit->ms;
    if (count == 0) continue;
    out += std::to_string(count) + std::string(unit->name);
    milliseconds -= count * unit->ms;
  }
  return out;
}

bool canonical_name(std::string_view text, std::string& out) {
  if (!text.empty() && text.back() == '.') text.remove_suffix(1);
  if (text.empty() || text.size() > 253) return false;
  std::size_t label = 0;
  for (const char c : text) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
      continue;
    }
    const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_';
    if (!fine || ++label > 63) return false;
  }
  if (label == 0) return false;
  out = lower(text);
  return true;
}

const char* never_reachable(std::string_view address) noexcept {
  const std::string copy(address);
  in_addr v4{};
  in6_addr v6{};
  if (inet_pton(AF_INET6, copy.c_str(), &v6) == 1) {
    if (IN6_IS_ADDR_UNSPECIFIED(&v6)) return "the unspecified address";
    if (IN6_IS_ADDR_MULTICAST(&v6)) return "a multicast address";
    if (!IN6_IS_ADDR_V4MAPPED(&v6)) return nullptr;
    std::memcpy(&v4, v6.s6_addr + 12, sizeof v4);
  } else if (inet_pton(AF_INET, copy.c_str(), &v4) != 1) {
    return nullptr;
  }
  const std::uint32_t bits = ntohl(v4.s_addr);
  if (bits == INADDR_ANY) return "the unspecified address";
  if (bits == INADDR_BROADCAST) return "the broadcast address";
  return IN_MULTICAST(bits) ? "a multicast address" : nullptr;
}

bool inside(std::string_view name, std::string_view zone) noexcept {
  if (name == zone) return true;
  return name.size() > zone.size() && name.ends_with(zone) &&
         name[name.size() - zone.size() - 1] == '.';
}

}  // namespace hotswapd::config
