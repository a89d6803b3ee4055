#include "core/timestamp.hpp"

#include <array>
#include <charconv>
#include <cstdio>

namespace hotswapd {
namespace {

using std::chrono::floor;

struct Reader {
  std::string_view rest;
  bool ok = true;

  int number(std::size_t digits) {
    int value = 0;
    if (rest.size() < digits) return fail();
    for (std::size_t i = 0; i < digits; ++i) {
      if (rest[i] < '0' || rest[i] > '9') return fail();
      value = value * 10 + (rest[i] - '0');
    }
    rest.remove_prefix(digits);
    return value;
  }
  bool take(char a, char b = '\0') {
    if (rest.empty() || (rest.front() != a && (b == '\0' || rest.front() != b))) return false;
    rest.remove_prefix(1);
    return true;
  }
  void expect(char a, char b = '\0') { ok = take(a, b) && ok; }
  int fail() {
    ok = false;
    return 0;
  }
};

}  // namespace

std::string to_rfc3339(WallTime at) {
  const auto day = floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(floor<Seconds>(at) - day);
  std::array<char, 40> out{};
  std::snprintf(out.data(), out.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()));
  return out.data();
}

std::string to_rfc3339_millis(WallTime at) {
  auto text = to_rfc3339(at);
  std::array<char, 16> fraction{};
  const auto millis = (at - floor<Seconds>(at)).count();
  std::snprintf(fraction.data(), fraction.size(), ".%03dZ", static_cast<int>(millis));
  text.pop_back();
  return text + fraction.data();
}

std::optional<WallTime> parse_rfc3339(std::string_view text) {
  Reader in{text};
  const int year = in.number(4);
  in.expect('-');
  const int month = in.number(2);
  in.expect('-');
  const int day = in.number(2);
  in.expect('T', 't');
  const int hour = in.number(2);
  in.expect(':');
  const int minute = in.number(2);
  in.expect(':');
  const int second = in.number(2);
  int millis = 0;
  if (in.take('.')) {
    int digits = 0;
    while (!in.rest.empty() && in.rest.front() >= '0' && in.rest.front() <= '9') {
      if (digits < 3) millis = millis * 10 + (in.rest.front() - '0');
      ++digits;
      in.rest.remove_prefix(1);
    }
    if (digits == 0) return std::nullopt;
    for (; digits < 3; ++digits) millis *= 10;
  }
  std::chrono::minutes offset{0};
  if (!in.take('Z', 'z')) {
    const bool west = in.take('-');
    if (!west) in.expect('+');
    const int hours = in.number(2);
    in.expect(':');
    const int minutes = in.number(2);
    if (hours > 23 || minutes > 59) return std::nullopt;
    offset = std::chrono::hours(hours) + std::chrono::minutes(minutes);
    if (west) offset = -offset;
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!in.ok || !in.rest.empty() || !date.ok() || hour > 23 || minute > 59 || second > 59) {
    return std::nullopt;
  }
  return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
         std::chrono::minutes(minute) + Seconds(second) + Millis(millis) - offset;
}

}  // namespace hotswapd
