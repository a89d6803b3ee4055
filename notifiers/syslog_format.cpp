#include "notifiers/syslog_format.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <vector>

namespace hotswapd {
namespace {

constexpr std::string_view builtin_probe = "%tim %hos probe %adr from %sit: %sta (%rti ms) %msg";
constexpr std::string_view builtin_status = "%tim %hos status %sta, serving %rda, serial %ser";
// Where the status did not change, what it is about has to be said.
constexpr std::string_view builtin_aside = "%tim %hos status %sta, serving %rda, serial %ser: %msg";
constexpr std::string_view none = "-";

std::string or_none(std::string_view text) {
  return std::string(text.empty() ? none : text);
}

std::string utc_stamp(WallTime at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(at - day));
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()));
  return text.data();
}

// "Jan  1 00:00:00": the day is padded with a blank, the year is not there (RFC 3164 4.1.2).
std::string bsd_stamp(WallTime at, std::chrono::seconds utc_offset) {
  static constexpr std::array months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto local = at + utc_offset;
  const auto day = std::chrono::floor<std::chrono::days>(local);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(local - day));
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%s %2u %02d:%02d:%02d",
                months[static_cast<unsigned>(date.month()) - 1], static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return text.data();
}

// Whole milliseconds, rounded: a script reads a number.
std::string millis(Micros time) {
  return std::to_string((time.count() + 500) / 1000);
}

std::string median(std::vector<Micros> times) {
  if (times.empty()) return std::string(none);
  std::sort(times.begin(), times.end());
  const std::size_t half = times.size() / 2;
  if (times.size() % 2 == 1) return millis(times[half]);
  return millis((times[half - 1] + times[half]) / 2);
}

std::string joined(const std::vector<std::string>& values) {
  std::string out;
  for (const auto& value : values) {
    if (!out.empty()) out += ',';
    out += value;
  }
  return or_none(out);
}

std::string all_times(const std::vector<Micros>& times) {
  std::vector<std::string> texts;
  for (const auto time : times) texts.push_back(millis(time));
  return joined(texts);
}

std::optional<std::string> token(std::string_view name, const MonitorEvent& event,
                                 const SyslogSite& site) {
  const bool probe = event.kind == EventKind::probe;
  if (name == "hos") return event.service.fqdn;
  if (name == "tim") return utc_stamp(event.at);
  if (name == "reg") return site.region.empty() ? "global" : site.region;
  if (name == "sta") return event.state;
  if (name == "ser") return event.serial == 0 ? std::string(none) : std::to_string(event.serial);
  if (name == "rda") return joined(event.serving);
  if (name == "sit") return or_none(probe ? site.code : "");
  // The last attempt that was answered is the one that decided the round.
  if (name == "rti")
    return event.response_times.empty() ? std::string(none) : millis(event.response_times.back());
  if (name == "msg") return or_none(event.message);
  if (name == "adr") return or_none(event.address);
  if (name == "med") return median(event.response_times);
  if (name == "rts") return all_times(event.response_times);
  return std::nullopt;
}

// How many bytes of `text` at `at` make one valid UTF-8 character; 0: none does.
std::size_t character(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xc0u) != 0x80u) return 0;
  }
  const unsigned char second = byte(at + 1);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool beyond = (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f);
  return overlong || beyond ? 0 : length;
}

// C0, DEL, C1 and stray bytes become blanks: one line stays one line, whatever came from outside.
std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = character(text, at);
    const auto first = static_cast<unsigned char>(text[at]);
    const bool c1 = length == 2 && first == 0xc2 && static_cast<unsigned char>(text[at + 1]) < 0xa0;
    if (length == 0 || first < 0x20 || first == 0x7f || c1) {
      out += ' ';
    } else {
      out.append(text, at, length);
    }
    at += std::max<std::size_t>(length, 1);
  }
  return out;
}

// Header fields are one word: what would end them early becomes '-'.
std::string word(std::string_view text, std::string_view fallback, bool colon_ends) {
  std::string out;
  for (const char c : text) {
    const bool good = c > ' ' && c < 0x7f && !(colon_ends && c == ':');
    out += good ? c : '-';
  }
  return out.empty() ? std::string(fallback) : out;
}

}  // namespace

bool syslog_tells(const SyslogSpec& spec, const MonitorEvent& event) {
  return !spec.server.empty() && (event.change || spec.delivery == SyslogDelivery::all);
}

int syslog_severity(std::string_view state) noexcept {
  if (state == "up" || state == "ok") return 6;
  if (state == "trouble") return 4;
  if (state == "down" || state == "failover") return 3;
  return 5;
}

std::string syslog_text(const MonitorEvent& event, const SyslogSpec& spec, const SyslogSite& site) {
  const bool probe = event.kind == EventKind::probe;
  std::string_view format = probe ? spec.probe_fmt : spec.status_fmt;
  if (format.empty()) format = probe ? builtin_probe : event.aside ? builtin_aside : builtin_status;
  std::string out;
  for (std::size_t at = 0; at < format.size();) {
    if (format[at] != '%') {
      out += format[at++];
    } else if (format.substr(at + 1, 1) == "%") {
      out += '%';
      at += 2;
    } else if (const auto value = token(format.substr(at + 1, 3), event, site)) {
      out += *value;
      at += 4;
    } else {
      out += format[at++];
    }
  }
  return printable(out);
}

std::string syslog_frame(const MonitorEvent& event, const SyslogSpec& spec, const SyslogSite& site,
                         std::string_view host, std::chrono::seconds utc_offset) {
  const int priority = spec.facility * 8 + syslog_severity(event.state);
  std::string out = "<" + std::to_string(priority) + ">" + bsd_stamp(event.at, utc_offset) + " " +
                    word(host, "localhost", false) + " " + word(spec.ident, "hotswapd", true) +
                    ": " + syslog_text(event, spec, site);
  if (out.size() > syslog_max_3164) {
    std::size_t end = syslog_max_3164;
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xc0u) == 0x80u) --end;
    out.resize(end);
  }
  return out;
}

}  // namespace hotswapd
