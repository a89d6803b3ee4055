#include "ctl/moment.hpp"

#include <array>
#include <charconv>
#include <cstdio>

namespace hotswapd::ctl {
namespace {

// The digits text[at, at + count) as a number; -1 when they are not digits.
int digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  if (at + count > text.size()) return -1;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

// The fraction between the seconds and the final Z, in milliseconds; -1 when it is none.
int fraction(std::string_view text) {
  if (text.empty()) return 0;
  if (text.size() < 2 || text.front() != '.' || text.size() > 10) return -1;
  if (digits(text, 1, text.size() - 1) < 0) return -1;
  const std::string padded = std::string(text.substr(1)) + "00";
  return digits(padded, 0, 3);
}

std::string shown(double value, int decimals, const char* unit) {
  std::array<char, 64> buffer{};
  const int length = std::snprintf(buffer.data(), buffer.size(), "%.*f %s", decimals, value, unit);
  return std::string(buffer.data(), length < 0 ? 0 : static_cast<std::size_t>(length));
}

}  // namespace

std::optional<WallTime> parse_time(std::string_view text) {
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
      text[16] != ':' || text.back() != 'Z') {
    return std::nullopt;
  }
  const int year = digits(text, 0, 4);
  const int month = digits(text, 5, 2);
  const int day = digits(text, 8, 2);
  const int hour = digits(text, 11, 2);
  const int minute = digits(text, 14, 2);
  const int second = digits(text, 17, 2);
  const int millis = fraction(text.substr(19, text.size() - 20));
  if (year < 0 || month < 0 || day < 0 || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
      second < 0 || second > 60 || millis < 0) {
    return std::nullopt;
  }
  using namespace std::chrono;
  const year_month_day date{std::chrono::year(year),
                            std::chrono::month(static_cast<unsigned>(month)),
                            std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  return WallTime(sys_days(date)) + hours(hour) + minutes(minute) + seconds(second) +
         Millis(millis);
}

std::string span(Millis length) {
  const auto total = length.count() < 0 ? 0 : length.count() / 1000;
  const auto two = [](auto first, const char* unit, auto second, const char* small) {
    std::string out = std::to_string(first) + unit;
    if (second != 0) out += " " + std::to_string(second) + small;
    return out;
  };
  if (total < 60) return std::to_string(total) + "s";
  if (total < 3600) return two(total / 60, "m", total % 60, "s");
  if (total < 86400) return two(total / 3600, "h", total % 3600 / 60, "m");
  return two(total / 86400, "d", total % 86400 / 3600, "h");
}

std::string age(std::string_view time, WallTime now) {
  const auto parsed = parse_time(time);
  return parsed ? span(now - *parsed) : std::string();
}

std::string moment(std::string_view time) {
  std::string out(time);
  if (parse_time(time)) out[10] = ' ';
  return out;
}

std::string moment(std::string_view time, WallTime now) {
  const auto parsed = parse_time(time);
  if (!parsed) return std::string(time);
  if (*parsed > now + Seconds(1)) return moment(time) + " (in " + span(*parsed - now) + ")";
  return moment(time) + " (" + span(now - *parsed) + " ago)";
}

std::string time_of_day(std::string_view time) {
  return std::string(parse_time(time) ? time.substr(11) : time);
}

std::string length_text(Millis length) {
  const auto ms = length.count();
  if (ms % 86'400'000 == 0 && ms != 0) return std::to_string(ms / 86'400'000) + "d";
  if (ms % 3'600'000 == 0 && ms != 0) return std::to_string(ms / 3'600'000) + "h";
  if (ms % 60'000 == 0 && ms != 0) return std::to_string(ms / 60'000) + "m";
  if (ms % 1'000 == 0) return std::to_string(ms / 1'000) + "s";
  return std::to_string(ms) + "ms";
}

std::string milliseconds(double value) {
  if (value < 10) return shown(value, 1, "ms");
  if (value < 10'000) return shown(value, 0, "ms");
  return shown(value / 1000, 1, "s");
}

}  // namespace hotswapd::ctl
