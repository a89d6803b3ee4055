// Single values: what is taken, what it means, what is refused.
#include "config/values.hpp"

#include "support.hpp"

namespace hotswapd::test {
namespace {

using namespace config;

std::optional<Scalar> parse(const Type& type, std::string_view text) {
  Scalar out;
  std::string problem;
  if (parse_scalar(type, text, out, problem)) return out;
  EXPECT_FALSE(problem.empty()) << text;
  return std::nullopt;
}

void refused(const Type& type, std::initializer_list<std::string_view> texts) {
  for (const auto text : texts) EXPECT_FALSE(parse(type, text)) << text;
}

TEST(Values, Durations) {
  const Type type = duration(0, 1'000'000'000'000);
  const std::pair<const char*, std::int64_t> rows[] = {{"500ms", 500},         {"10s", 10'000},
                                                       {"1m", 60'000},         {"2h", 7'200'000},
                                                       {"21d", 1'814'400'000}, {"0s", 0}};
  for (const auto& [text, expected] : rows) EXPECT_EQ(parse(type, text)->number, expected) << text;
  refused(type, {"", "s", "10", "1.5s", "-1s", "10 s", "10S", "1m30s", "01s", "10sec",
                 "9223372036854775807d", "0x1s"});
}

TEST(Values, DurationTextReadsBack) {
  EXPECT_EQ(duration_text(0), "0s");
  EXPECT_EQ(duration_text(1), "1ms");
  EXPECT_EQ(duration_text(90'500), "1m30s500ms");
  EXPECT_EQ(duration_text(86'400'000), "1d");
  EXPECT_EQ(duration_text(300'000), "5m");
}

TEST(Values, PlainNumbersHaveTheUnitOfTheirKey) {
  EXPECT_EQ(parse(duration(0, 100'000'000, Unit::seconds), "10")->number, 10'000);
  EXPECT_EQ(parse(duration(0, 100'000'000, Unit::minutes), "10")->number, 600'000);
  EXPECT_EQ(parse(duration(0, 100'000'000, Unit::dyn_minutes), "15")->number, 900'000);
  refused(duration(0, 100'000'000, Unit::dyn_minutes), {"0", "2", "60", "05"});
  refused(duration(0, 100'000'000, Unit::seconds), {"99999999999999999999", "010"});
}

TEST(Values, Integers) {
  EXPECT_EQ(parse(integer(-5, 5), "-5")->number, -5);
  refused(integer(0, 10), {"", "-", "+1", "1.0", "1e1", "0x1", "01", " 1", "1 ", "11", "-1",
                           "99999999999999999999"});
}

TEST(Values, HostNames) {
  const Type type = simple(Kind::host_name);
  EXPECT_EQ(parse(type, "WWW.Example.com.")->text, "www.example.com");
  EXPECT_EQ(parse(type, "_sip._tcp.example.com")->text, "_sip._tcp.example.com");
  EXPECT_EQ(parse(type, "localhost")->text, "localhost");
  const std::string label(63, 'a');
  EXPECT_TRUE(parse(type, label + ".com"));
  EXPECT_FALSE(parse(type, label + "a.com"));
  EXPECT_FALSE(parse(type, label + "." + label + "." + label + "." + label));
  refused(type, {"", ".", "a..b", ".a", "a b", "a/b", "192.0.2.1", "1.2.3", "::1",
                 "b\xc3\xbc.example", "a..", "*.a"});
}

TEST(Values, Hosts) {
  const Type type = simple(Kind::host);
  EXPECT_EQ(parse(type, "192.0.2.1")->text, "192.0.2.1");
  EXPECT_EQ(parse(type, "2001:DB8::0:1")->text, "2001:db8::1");
  EXPECT_EQ(parse(type, "A.b.")->text, "a.b");
  refused(type, {"192.0.2", "192.0.2.256", "1.2.3.4.5", "2001:db8", "fe80::1%eth0", ""});
  refused(simple(Kind::address), {"a.b", "localhost", "1.2.3"});
}

TEST(Values, Sockets) {
  const auto is = [](const Type& type, std::string_view text, std::string_view host,
                     std::int64_t port) {
    const auto found = parse(type, text);
    ASSERT_TRUE(found) << text;
    EXPECT_EQ(found->text, host);
    EXPECT_EQ(found->number, port);
  };
  is(socket(53), "192.0.2.1", "192.0.2.1", 53);
  is(socket(53), "192.0.2.1:5300", "192.0.2.1", 5300);
  is(socket(53), "192.0.2.1:0", "192.0.2.1", 0);
  is(socket(53), "[2001:db8::1]:5300", "2001:db8::1", 5300);
  is(socket(53), "[2001:db8::1]", "2001:db8::1", 53);
  is(socket(53), "2001:db8::1", "2001:db8::1", 53);
  is(host_port(25), "Mail.example.com:587", "mail.example.com", 587);
  refused(socket(53), {"", ":53", "a:53", "[1.2.3.4]:53", "[::1]53", "[::1]:", "::1]:53",
                       "1.2.3.4:65536", "1.2.3.4:-1", "[]:1"});
  refused(socket(0), {"192.0.2.1", "[::1]"});
  refused(host_port(25), {"a:0", "a b:25", "a:b"});
}

TEST(Values, Networks) {
  const Type type = simple(Kind::network);
  EXPECT_EQ(parse(type, "169.254.0.0/16")->number, 16);
  EXPECT_EQ(parse(type, "192.0.2.1")->number, 32);
  EXPECT_EQ(parse(type, "2001:db8::/32")->text, "2001:db8::");
  EXPECT_EQ(parse(type, "0.0.0.0/0")->number, 0);
  EXPECT_EQ(parse(type, "::/0")->number, 0);
  refused(type, {"169.254.1.0/16", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "a/8",
                 "2001:db8::1/64"});
}

TEST(Values, Urls) {
  const Type type = simple(Kind::url);
  for (const char* text : {"http://a", "https://a.example/", "http://192.0.2.1:8081/x?y#z",
                           "http://[2001:db8::1]:80/"}) {
    EXPECT_EQ(parse(type, text)->text, text);
  }
  refused(type, {"a", "ftp://a/", "http://", "http:///x", "http://a b/", "http://u:p@a/",
                 "http://a:99999/", "HTTP//a", "http://a\x01/"});
}

TEST(Values, Times) {
  const Type type = simple(Kind::time);
  EXPECT_EQ(parse(type, "1970-01-01T00:00:00Z")->number, 0);
  EXPECT_EQ(parse(type, "2026-12-01T02:00:00Z")->number, 1'796'090'400'000);
  EXPECT_TRUE(parse(type, "2028-02-29T23:59:59Z"));
  refused(type, {"2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-12-01T24:00:00Z",
                 "2026-12-01T00:60:00Z", "2026-12-01 00:00:00Z", "2026-12-01T00:00:00",
                 "2026-12-01", "2026-12-0xT00:00:00Z"});
}

TEST(Values, WeeklyWindows) {
  const Type type = simple(Kind::weekly);
  const auto office = parse(type, "Mon-Fri 09:00-17:00 UTC");
  EXPECT_EQ(office->number, 0b0011111);
  EXPECT_EQ(office->second, 540);
  EXPECT_EQ(office->third, 1020);
  EXPECT_EQ(parse(type, "Sat,Sun 22:00-04:00 UTC")->number, 0b1100000);
  EXPECT_EQ(parse(type, "Sat-Mon 00:00-24:00 UTC")->number, 0b1100001);
  refused(type, {"", "Mon", "Mon 09:00-17:00", "Mon 09:00-17:00 CET", "mon 09:00-17:00 UTC",
                 "Mon 9:00-17:00 UTC", "Mon 24:00-01:00 UTC", "Mon 09:00 UTC",
                 "Mon- 09:00-10:00 UTC", "Mon 09:60-10:00 UTC", "Mon 10:00-10:00 UTC"});
}

TEST(Values, Mailboxes) {
  refused(simple(Kind::mailbox),
          {"", "a", "@b", "a@", "a@b@c", "a b@c", "<a@b>", "a@b,c@d", "a@b c", "a@b\n"});
  EXPECT_EQ(parse(simple(Kind::mailbox), "First.Last+x@example.com")->text,
            "First.Last+x@example.com");
}

TEST(Values, Inside) {
  EXPECT_TRUE(inside("www.example.com", "example.com"));
  EXPECT_TRUE(inside("example.com", "example.com"));
  EXPECT_FALSE(inside("badexample.com", "example.com"));
  EXPECT_FALSE(inside("com", "example.com"));
}

TEST(Values, AddressesThatNobodyCanReach) {
  for (const char* address : {"0.0.0.0", "::", "::ffff:0.0.0.0", "224.0.0.0", "239.255.255.255",
                              "ff02::1", "255.255.255.255", "::ffff:224.0.0.1"}) {
    EXPECT_NE(config::never_reachable(address), nullptr) << address;
  }
  for (const char* address : {"0.0.0.1", "127.0.0.1", "223.255.255.255", "240.0.0.1", "::1",
                              "fe80::1", "2001:db8::", "::ffff:192.0.2.1", "www.example.com", ""}) {
    EXPECT_EQ(config::never_reachable(address), nullptr) << address;
  }
}

}  // namespace
}  // namespace hotswapd::test
