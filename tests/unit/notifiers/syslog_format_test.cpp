// Every token, both formats, every facility and severity; and what text from outside can't do to a
// line.
#include "notifiers/syslog_format.hpp"

#include <gtest/gtest.h>

namespace hotswapd {
namespace {

using namespace std::chrono_literals;

constexpr WallTime new_year{std::chrono::sys_days(std::chrono::year(2026) / 1 / 31) + 12h + 3min +
                            9s + 987ms};

MonitorEvent probe() {
  MonitorEvent event;
  event.id = "e1";
  event.kind = EventKind::probe;
  event.service = {"example.com", "www.example.com"};
  event.at = new_year;
  event.state = "down";
  event.address = "192.0.2.10";
  event.serving = {"192.0.2.10", "192.0.2.11"};
  event.serial = 2026013101;
  event.message = "HTTP 503, wanted 200-299";
  event.response_times = {12'400us, 7'500us, 30'000us, 9'499us};
  return event;
}

MonitorEvent status() {
  MonitorEvent event = probe();
  event.kind = EventKind::status;
  event.state = "failover";
  event.address.clear();
  event.response_times.clear();
  event.serving = {"198.51.100.10"};
  return event;
}

SyslogSpec spec_of(const std::string& format = "") {
  SyslogSpec spec;
  spec.server = "192.0.2.9";
  spec.probe_fmt = format;
  spec.status_fmt = format;
  return spec;
}

const SyslogSite site{"ams1", "eu-west"};

struct TokenRow {
  const char* format;
  const char* probe;
  const char* status;
};

TEST(SyslogFormat, EachTokenHasItsValue) {
  const TokenRow rows[] = {
      {"%hos", "www.example.com", "www.example.com"},
      {"%tim", "2026-01-31T12:03:09Z", "2026-01-31T12:03:09Z"},
      {"%reg", "eu-west", "eu-west"},
      {"%sta", "down", "failover"},
      {"%ser", "2026013101", "2026013101"},
      {"%rda", "192.0.2.10,192.0.2.11", "198.51.100.10"},
      {"%sit", "ams1", "-"},
      {"%rti", "9", "-"},
      {"%msg", "HTTP 503, wanted 200-299", "HTTP 503, wanted 200-299"},
      {"%adr", "192.0.2.10", "-"},
      {"%med", "11", "-"},  // of 7.5 9.499 12.4 30: (9.499 + 12.4) / 2 = 10.95
      {"%rts", "12,8,30,9", "-"},
      {"%xyz", "%xyz", "%xyz"},
      {"%", "%", "%"},
      {"%h", "%h", "%h"},
      {"%ho", "%ho", "%ho"},
      {"%%", "%", "%"},
      {"%%hos", "%hos", "%hos"},
      {"%%%hos", "%www.example.com", "%www.example.com"},
      {"%HOS", "%HOS", "%HOS"},
      {"%status", "downtus", "failovertus"},
      {"a%sta%stab", "adowndownb", "afailoverfailoverb"},
      {"%x%sta", "%xdown", "%xfailover"},
      {"plain", "plain", "plain"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(syslog_text(probe(), spec_of(row.format), site), row.probe) << row.format;
    EXPECT_EQ(syslog_text(status(), spec_of(row.format), site), row.status) << row.format;
  }
}

TEST(SyslogFormat, MissingValuesAreADash) {
  MonitorEvent event;
  event.kind = EventKind::probe;
  event.state = "unk";
  event.service.fqdn = "a.example";
  EXPECT_EQ(
      syslog_text(event, spec_of("%ser %rda %sit %rti %msg %adr %med %rts %reg"), SyslogSite{}),
      "- - - - - - - - global");
}

TEST(SyslogFormat, MedianOfAnOddNumberIsTheMiddleOne) {
  MonitorEvent event = probe();
  event.response_times = {30ms, 1ms, 5ms};
  EXPECT_EQ(syslog_text(event, spec_of("%med"), site), "5");
  event.response_times = {400us};
  EXPECT_EQ(syslog_text(event, spec_of("%med %rti %rts"), site), "0 0 0");
}

TEST(SyslogFormat, EmptyFormatsMeanTheBuiltInOnes) {
  EXPECT_EQ(syslog_text(probe(), spec_of(), site),
            "2026-01-31T12:03:09Z www.example.com probe 192.0.2.10 from ams1: down (9 ms) HTTP "
            "503, wanted 200-299");
  EXPECT_EQ(syslog_text(status(), spec_of(), site),
            "2026-01-31T12:03:09Z www.example.com status failover, serving 198.51.100.10, serial "
            "2026013101");
}

TEST(SyslogFormat, TheTwoFormatsAreApart) {
  SyslogSpec spec = spec_of();
  spec.probe_fmt = "P";
  spec.status_fmt = "S";
  EXPECT_EQ(syslog_text(probe(), spec, site), "P");
  EXPECT_EQ(syslog_text(status(), spec, site), "S");
}

TEST(SyslogFormat, ValuesAreNotExpandedAgain) {
  MonitorEvent event = probe();
  event.message = "banner %adr %% %hos";
  EXPECT_EQ(syslog_text(event, spec_of("%msg|%sta"), site), "banner %adr %% %hos|down");
}

TEST(SyslogFormat, ControlCharactersBecomeBlanks) {
  MonitorEvent event = probe();
  event.message = "a\r\nb";
  event.message += '\0';
  event.message += "c\x1b[1m\x7f\xc2\x85";
  event.message += "d\xff\xc3(";
  EXPECT_EQ(syslog_text(event, spec_of("%msg"), site), "a  b c [1m  d  (");
  event.message = "Zürich 東京 \xf0\x9f\x98\x80";
  EXPECT_EQ(syslog_text(event, spec_of("%msg"), site), event.message);
  EXPECT_EQ(syslog_text(event, spec_of("a\nb"), site), "a b") << "a format may hold one too";
}

TEST(SyslogFormat, SeverityFollowsTheState) {
  const std::pair<const char*, int> rows[] = {{"up", 6},   {"ok", 6},       {"trouble", 4},
                                              {"down", 3}, {"failover", 3}, {"unk", 5},
                                              {"", 5},     {"other", 5}};
  for (const auto& [state, severity] : rows) EXPECT_EQ(syslog_severity(state), severity) << state;
}

TEST(SyslogFormat, PriorityIsFacilityTimesEightPlusSeverity) {
  for (int facility = 0; facility <= 23; ++facility) {
    SyslogSpec spec = spec_of("x");
    spec.facility = facility;
    const std::string frame = syslog_frame(probe(), spec, site, "h", 0s);
    EXPECT_EQ(frame.substr(0, frame.find('>') + 1), "<" + std::to_string(facility * 8 + 3) + ">");
  }
}

TEST(SyslogFormat, FrameIsRfc3164InLocalTime) {
  EXPECT_EQ(syslog_frame(probe(), spec_of("t"), site, "gw1", 0s),
            "<27>Jan 31 12:03:09 gw1 dynect: t");
  EXPECT_EQ(syslog_frame(probe(), spec_of("t"), site, "gw1", 12h),
            "<27>Feb  1 00:03:09 gw1 dynect: t");
  EXPECT_EQ(syslog_frame(probe(), spec_of("t"), site, "gw1", -(12h + 30min)),
            "<27>Jan 30 23:33:09 gw1 dynect: t");
}

TEST(SyslogFormat, HeaderFieldsStayOneWord) {
  SyslogSpec spec = spec_of("t");
  spec.ident = "a b:c";
  EXPECT_EQ(syslog_frame(probe(), spec, site, "my host\n", 0s),
            "<27>Jan 31 12:03:09 my-host- a-b-c: t");
  spec.ident.clear();
  EXPECT_EQ(syslog_frame(probe(), spec, site, "", 0s), "<27>Jan 31 12:03:09 localhost hotswapd: t");
}

TEST(SyslogFormat, FramesAreCutBetweenCharacters) {
  for (int pad = 0; pad < 4; ++pad) {
    MonitorEvent event = probe();
    event.message = std::string(static_cast<std::size_t>(pad), 'x');
    for (int i = 0; i < 600; ++i) event.message += "é東";
    const std::string frame = syslog_frame(event, spec_of("%msg"), site, "h", 0s);
    EXPECT_LE(frame.size(), syslog_max_3164);
    EXPECT_GT(frame.size(), syslog_max_3164 - 4);
    const auto last = static_cast<unsigned char>(frame.back());
    EXPECT_TRUE(frame.ends_with("é") || frame.ends_with("東")) << static_cast<int>(last);
  }
}

TEST(SyslogFormat, TheBuiltInFormatSaysWhatAnAlarmIsAbout) {
  MonitorEvent event = status();
  event.aside = true;
  event.message = "applied, not proved: 192.0.2.53:53 still old";
  EXPECT_TRUE(syslog_text(event, spec_of(), site).ends_with(": " + event.message));
  EXPECT_EQ(syslog_text(event, spec_of("%sta"), site), event.state)
      << "an operator's format is kept";
}

TEST(SyslogFormat, DeliveryDecidesWhoIsTold) {
  SyslogSpec spec = spec_of();
  MonitorEvent event = probe();
  event.change = false;
  EXPECT_FALSE(syslog_tells(spec, event));
  spec.delivery = SyslogDelivery::all;
  EXPECT_TRUE(syslog_tells(spec, event));
  event.change = true;
  EXPECT_TRUE(syslog_tells(spec, event));
  spec.delivery = SyslogDelivery::change;
  EXPECT_TRUE(syslog_tells(spec, event));
  spec.server.clear();
  EXPECT_FALSE(syslog_tells(spec, event)) << "off";
}

}  // namespace
}  // namespace hotswapd
