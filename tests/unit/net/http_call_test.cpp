// HTTP calls as values: URLs, what may be sent, what may be shown, what a server asks to wait.
#include "net/http_call.hpp"

#include <gtest/gtest.h>

#include "net/http_proxy.hpp"

namespace hotswapd {
namespace {

TEST(HttpUrl, TakesApart) {
  const auto url = parse_http_url("HTTPS://me:pa%20ss@API.Example.com:8443/a/../b?c=d#e");
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->tls);
  EXPECT_EQ(url->userinfo, "me:pa%20ss");
  EXPECT_EQ(url->host, "api.example.com");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->target, "/a/../b?c=d");
  EXPECT_EQ(url->origin(), "https://api.example.com:8443");
  EXPECT_EQ(parse_http_url("http://[2001:db8::1]?x")->origin(), "http://[2001:db8::1]");
  EXPECT_EQ(parse_http_url("http://[2001:db8::1]?x")->target, "/?x");
  EXPECT_EQ(parse_http_url("https://h:443")->origin(), "https://h");
  EXPECT_EQ(parse_http_url("http://h:443")->origin(), "http://h:443");
}

TEST(HttpUrl, RefusesWhatIsNone) {
  for (const char* const url :
       {"", "example.com", "ftp://h/", "file:///etc/passwd", "http://", "http:///x", "http://h:0/",
        "http://h:65536/", "http://h:x/", "http://h:-1/", "http://a b/", "http://h/\r\nX: 1",
        "http://h/\xc3\xa9", "http://[::1/", "http://[::1]x/", "http://h\\@evil/", "http://h%41/"})
    EXPECT_FALSE(parse_http_url(url)) << url;
  EXPECT_FALSE(parse_http_url("http://h/" + std::string(9000, 'a')));
}

HttpCall call_with(std::vector<HttpHeader> headers) {
  HttpCall call;
  call.url = "https://me:passphrase@api.example.com/x?token=q-secret";
  call.headers = std::move(headers);
  return call;
}

TEST(HttpCall, LineBreaksDoNotPass) {
  EXPECT_TRUE(check(call_with({{"X-Key", "a\tb \xc3\xa9"}, {"X-Empty", ""}})));
  for (const auto& bad : std::vector<HttpHeader>{{"X-Key", "a\r\nX: 1"},
                                                 {"X-Key", "a\nb"},
                                                 {"X-Key", std::string("a\0b", 3)},
                                                 {"X Key", "a"},
                                                 {"", "a"},
                                                 {"X:Y", "a"}}) {
    const auto checked = check(call_with({bad}));
    ASSERT_FALSE(checked) << bad.name;
    EXPECT_EQ(checked.error().code, errc::invalid_argument);
  }
  auto call = call_with({});
  call.method = "GET /";
  EXPECT_FALSE(check(call));
}

TEST(HttpCall, ShowsNothingSecret) {
  auto call = call_with({{"Authorization", "Bearer abcd1234"},
                         {"X-API-Key", "abcd1234-and-more"},
                         {"Content-Type", "application/json"}});
  call.secrets = {"inside-the-body"};
  EXPECT_EQ(redacted("bad key abcd1234-and-more, token abcd1234, q-secret token=q-secret me: "
                     "passphrase inside-the-body application/json",
                     call),
            "bad key ***, token ***, q-secret *** me: *** *** application/json");
  EXPECT_EQ(redacted("a\nb", call), "a\\x0ab");
  EXPECT_EQ(redacted(std::string(500, 'a'), call, 20).size(), 20u);
}

TEST(HttpCall, PercentEncodes) {
  EXPECT_EQ(percent_encoded("a-Z_0.~/ \xc3\xa9"), "a-Z_0.~%2F%20%C3%A9");
}

WallTime at(int year, unsigned month, unsigned day, Seconds of_day) {
  return WallTime(std::chrono::sys_days(std::chrono::year_month_day(
                      std::chrono::year(year), std::chrono::month(month), std::chrono::day(day))) +
                  of_day);
}

TEST(HttpDate, ReadsTheOneForm) {
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"),
            at(1994, 11, 6, Seconds(8 * 3600 + 49 * 60 + 37)));
  for (const char* const text :
       {"", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 CET", "Sun, -6 Nov 1994 08:49:37 GMT"})
    EXPECT_FALSE(parse_http_date(text)) << text;
}

TEST(RetryAfter, SecondsOrADate) {
  const auto now = at(2026, 1, 2, Seconds(60));
  const auto asked = [&](const std::string& value) {
    HttpReply reply;
    reply.headers = {{"retry-after", value}};
    return retry_after(reply, now);
  };
  EXPECT_EQ(asked("120"), Seconds(120));
  EXPECT_EQ(asked("0"), Seconds(0));
  EXPECT_EQ(asked("Fri, 02 Jan 2026 00:02:00 GMT"), Seconds(60));
  EXPECT_EQ(asked("Fri, 02 Jan 2026 00:00:00 GMT"), Seconds(0));
  EXPECT_EQ(asked("99999999999999999999"), Seconds(86400));
  EXPECT_EQ(asked("86401"), Seconds(86400));
  EXPECT_FALSE(asked("-1"));
  EXPECT_FALSE(asked("soon"));
  EXPECT_FALSE(asked(""));
  EXPECT_FALSE(retry_after(HttpReply(), now));
}

std::string way(const ProxySettings& settings, const std::string& url) {
  const auto proxy = proxy_for(settings, *parse_http_url(url));
  if (!proxy) return "error";
  return *proxy ? (*proxy)->origin() : "straight";
}

TEST(HttpProxy, ByScheme) {
  const auto settings = proxy_settings("p1:3128", "http://me:pw@p2:3129/", "", "");
  EXPECT_EQ(way(settings, "http://api.example.com/"), "http://p1:3128");
  EXPECT_EQ(way(settings, "https://api.example.com/"), "http://p2:3129");
  EXPECT_EQ(proxy_for(settings, *parse_http_url("https://a/")).value()->userinfo, "me:pw");
  const auto all = proxy_settings("", "p2", "p3:1", "");
  EXPECT_EQ(way(all, "http://a/"), "http://p3:1");
  EXPECT_EQ(way(all, "https://a/"), "http://p2:1080");
  EXPECT_EQ(way(proxy_settings("", "", "", ""), "https://a/"), "straight");
}

TEST(HttpProxy, Exceptions) {
  const auto settings = proxy_settings(
      "p:1", "p:1", "", "localhost, .example.com internal,10.0.0.0/8 [2001:db8::]/32,192.0.2.1");
  for (const char* const host :
       {"localhost", "example.com", "api.example.com", "x.internal", "10.1.2.3", "192.0.2.1"})
    EXPECT_EQ(way(settings, "https://" + std::string(host) + "/"), "straight") << host;
  for (const char* const host : {"notexample.com", "localhost.net", "11.1.2.3", "192.0.2.10"})
    EXPECT_EQ(way(settings, "https://" + std::string(host) + "/"), "http://p:1") << host;
  const auto six = proxy_settings("p:1", "p:1", "", "2001:db8::/32,::1");
  EXPECT_EQ(way(six, "http://[2001:db8::5]/"), "straight");
  EXPECT_EQ(way(six, "http://[::1]/"), "straight");
  EXPECT_EQ(way(six, "http://[2001:db9::5]/"), "http://p:1");
  EXPECT_EQ(way(proxy_settings("p:1", "p:1", "", "*"), "http://a/"), "straight");
}

TEST(HttpProxy, WhatIsNoProxyIsAnErrorAndNotPassedOver) {
  for (const char* const value : {"socks5://h:1080", "https://h:443", "http://", "h:0", "a b"})
    EXPECT_EQ(way(proxy_settings(value, value, "", ""), "https://a/"), "error") << value;
  const auto proxy =
      proxy_for(proxy_settings("", "socks5://u:secret@h", "", ""), *parse_http_url("https://a/"));
  EXPECT_EQ(proxy.error().text.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace hotswapd
