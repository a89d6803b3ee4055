// Where redirects lead, and where they must not.
#include "probes/redirect.hpp"

#include <gtest/gtest.h>

#include <string>

#include "core/text.hpp"

namespace hotswapd {
namespace {

WebPlace base(const char* path = "/a/b?c", Protocol protocol = Protocol::http,
              std::uint16_t port = 0) {
  MonitorSpec monitor;
  monitor.protocol = protocol;
  monitor.path = path;
  monitor.port = port;
  return first_place(monitor, "www.example.com");
}

// The URL and, where it says something else, the host that is looked up.
std::string led(const WebPlace& from, const std::string& location) {
  const auto to = resolve_location(from, location);
  return to ? to->text() : to.error().text;
}

TEST(Redirect, RelativeReferencesAsRfc3986HasThem) {
  const struct {
    const char* location;
    const char* wanted;
  } rows[] = {
      {"/login", "http://www.example.com/login"},
      {"login", "http://www.example.com/a/login"},
      {"../x?y#z", "http://www.example.com/x?y"},
      {"./", "http://www.example.com/a/"},
      {"..", "http://www.example.com/"},
      {"../../../x", "http://www.example.com/x"},
      {"/a//b/../../../../c", "http://www.example.com/c"},
      {"?only", "http://www.example.com/a/b?only"},
      {"#part", "http://www.example.com/a/b?c"},
      {"", "http://www.example.com/a/b?c"},
      {"//other.example", "http://other.example/"},
      {"//other.example:8080/q", "http://other.example:8080/q"},
      {"/a:b", "http://www.example.com/a:b"},
      {"./a:b", "http://www.example.com/a/a:b"},
  };
  for (const auto& row : rows) EXPECT_EQ(led(base(), row.location), row.wanted) << row.location;
}

// The operator's own path is sent as written; the place that a redirect names has no dots, so that
// a way back to it is known as such.
TEST(Redirect, AQueryAloneLeavesNoDotsOfTheFirstPath) {
  MonitorSpec monitor;
  monitor.path = "/a/../b/.";
  const auto first = first_place(monitor, "www.example.com");
  EXPECT_EQ(first.target, "/a/../b/.");
  const auto next = resolve_location(first, "?x=/../y");
  ASSERT_TRUE(next);
  EXPECT_EQ(next->target, "/b/?x=/../y");
}

TEST(Redirect, AbsoluteOnes) {
  const struct {
    const char* location;
    const char* wanted;
  } rows[] = {
      {"https://www.example.com", "https://www.example.com/"},
      {"HTTPS://WWW.Example.COM.:443/Path", "https://www.example.com/Path"},
      {"http://www.example.com:443/", "http://www.example.com:443/"},
      {"http://www.example.com:/", "http://www.example.com/"},
      {"http://192.0.2.7/x", "http://192.0.2.7/x"},
      {"https://[2001:DB8:0::1]:8443/x", "https://[2001:db8::1]:8443/x"},
      {"http://h?x", "http://h/?x"},
  };
  for (const auto& row : rows) EXPECT_EQ(led(base(), row.location), row.wanted) << row.location;
}

TEST(Redirect, WhatServersSendAlthoughItIsNoUriIsEscaped) {
  EXPECT_EQ(led(base(), "/caf\xc3\xa9 au lait"), "http://www.example.com/caf%C3%A9%20au%20lait");
  EXPECT_EQ(led(base(), "/a|b{c}"), "http://www.example.com/a%7Cb%7Bc%7D");
}

TEST(Redirect, PlacesThatAreNotGoneTo) {
  const struct {
    const char* location;
    const char* wanted;
  } rows[] = {
      {"ftp://www.example.com/", "to another scheme"},
      {"javascript:alert(1)", "to another scheme"},
      {"file:///etc/passwd", "to another scheme"},
      {"mailto:x@example.com", "to another scheme"},
      {"http:relative", "to no valid URL"},
      {"http:/path", "to no valid URL"},
      {"https://user:secret@www.example.com/", "to a URL with a user name"},
      {"https://www.example.com@other.example/", "to a URL with a user name"},
      {"http:///x", "to a host that is no name"},
      {"//", "to a host that is no name"},
      {"http://a..b/", "to a host that is no name"},
      {"http://www.example.com../", "to a host that is no name"},
      {"http://./", "to a host that is no name"},
      {"http://ex%61mple.com/", "to a host that is no name"},
      {"http://b\xc3\xbc"
       "cher.example/",
       "to a host that is no name"},
      {"http://a b/", "to a host that is no name"},
      {"http://[v1.x]/", "to a host that is no address"},
      {"http://[fe80::1%25eth0]/", "to no valid URL"},
      {"http://www.example.com:0/", "to a port that is none"},
      {"http://www.example.com:99999/", "to a port that is none"},
      {"http://www.example.com:4294967376/", "to a port that is none"},
      {"/%zz", "to no valid URL"},
      {"/a\\b", "to no valid URL"},
      {"\\\\other.example\\x", "to no valid URL"},
      {"/x\r\nSet-Cookie: a", "to no valid URL"},
  };
  for (const auto& row : rows) EXPECT_EQ(led(base(), row.location), row.wanted) << row.location;
}

TEST(Redirect, HostIsWhatTheUrlSays) {
  EXPECT_EQ(base("/", Protocol::http, 8080).authority, "www.example.com")
      << "the first is as configured: no port added";
  EXPECT_EQ(resolve_location(base(), "https://b.example/")->authority, "b.example");
  EXPECT_EQ(resolve_location(base(), "https://b.example:8443/")->authority, "b.example:8443");
  EXPECT_EQ(resolve_location(base(), "http://[::1]/")->authority, "[::1]");
  // A relative one stays with the port and the Host of the place before.
  const auto near = resolve_location(base("/", Protocol::http, 8080), "/x");
  EXPECT_EQ(near->authority, "www.example.com");
  EXPECT_EQ(near->port, 8080);
  EXPECT_EQ(near->text(), "http://www.example.com:8080/x") << "where it really goes";
}

TEST(RedirectTrail, NamesTheLoop) {
  RedirectTrail trail(base("/a"));
  EXPECT_FALSE(trail.follow(302, "/b"));
  const auto end = trail.follow(301, "http://WWW.example.com:80/a");
  ASSERT_TRUE(end);
  EXPECT_EQ(end->failure, FailureClass::content);
  EXPECT_EQ(end->reason, "redirect loop: HTTP 301 back to http://www.example.com/a");
}

TEST(RedirectTrail, FiveHopsAndNoMore) {
  RedirectTrail trail(base("/0"));
  for (int i = 1; i <= 5; ++i) EXPECT_FALSE(trail.follow(302, "/" + std::to_string(i))) << i;
  EXPECT_EQ(trail.where(), " (at http://www.example.com/5 after 5 redirects)");
  const auto end = trail.follow(302, "/6");
  ASSERT_TRUE(end);
  EXPECT_EQ(end->reason, "more than 5 redirects, the next to http://www.example.com/6");
}

TEST(RedirectTrail, TheOperatorsHeadersStayWithTheirHostAndUnderTls) {
  const struct {
    Protocol first;
    const char* location;
    bool here;
    bool headers;
  } rows[] = {
      {Protocol::http, "/x", true, true},
      {Protocol::http, "https://www.example.com/", true, true},
      {Protocol::http, "http://www.example.com:8080/", true, true},
      {Protocol::http, "http://other.example/", false, false},
      {Protocol::https, "https://www.example.com:8443/", true, true},
      {Protocol::https, "http://www.example.com/", true, false},
      {Protocol::https, "https://example.com/", false, false},
  };
  for (const auto& row : rows) {
    RedirectTrail trail(base("/", row.first));
    EXPECT_FALSE(trail.follow(302, row.location)) << row.location;
    EXPECT_EQ(trail.at_first_host(), row.here) << row.location;
    EXPECT_EQ(trail.own_headers(), row.headers) << row.location;
  }
}

TEST(RedirectTrail, AHostileLocationIsCleanedAndBoundedWhereItIsTold) {
  const std::string hostile = "ftp://x/\x1b[31m\xe2\x80\xae" + std::string(1900, 'a');
  RedirectTrail trail(base());
  const auto end = trail.follow(302, hostile);
  ASSERT_TRUE(end);
  EXPECT_LE(end->reason.size(), 256u);
  EXPECT_EQ(end->reason, clean(end->reason));
  EXPECT_TRUE(end->reason.starts_with("HTTP 302 to no valid URL (ftp://x/\\x1b[31m"))
      << end->reason;
}

TEST(RedirectTrail, WhatEndsALongWayIsToldWhole) {
  RedirectTrail trail(base());
  EXPECT_FALSE(trail.follow(302, "/" + std::string(1900, 'a')));
  const auto end = trail.follow(302, "http://[v1.x]/" + std::string(1900, 'b'));
  ASSERT_TRUE(end);
  EXPECT_TRUE(end->reason.starts_with("HTTP 302 to a host that is no address (http://[v1.x]/bbb"));
  EXPECT_TRUE(end->reason.ends_with(" after 1 redirect)")) << end->reason;
  EXPECT_EQ(end->reason, clean(end->reason)) << "nothing is cut from it later";
}

TEST(RedirectTrail, WhereIsBounded) {
  RedirectTrail trail(base());
  EXPECT_FALSE(trail.follow(302, "/" + std::string(2000, 'a')));
  EXPECT_LE(trail.where().size(), 160u);
}

}  // namespace
}  // namespace hotswapd
