// The request of an HTTP probe, byte by byte.
#include "probes/http_request.hpp"

#include <gtest/gtest.h>

#include "probes/prober.hpp"
#include "probes/tls_client.hpp"

namespace hotswapd {
namespace {

TargetSpec target_with(std::string host, std::string path,
                       std::vector<std::pair<std::string, std::string>> headers = {}) {
  TargetSpec target;
  target.address = "192.0.2.1";
  target.service = "www.example.com";
  target.monitor.protocol = Protocol::http;
  target.monitor.port = 8080;
  target.monitor.host = std::move(host);
  target.monitor.path = std::move(path);
  target.monitor.headers = std::move(headers);
  return target;
}

Fallible<std::string> build_request(const TargetSpec& target) {
  return build_request(target.monitor, target.service);
}

TEST(HttpRequest, DefaultsNameTheServiceWithoutAPort) {
  const auto request = build_request(target_with("", ""));
  ASSERT_TRUE(request);
  EXPECT_TRUE(
      request->starts_with("GET / HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: hotswapd/"))
      << *request;
  EXPECT_TRUE(request->ends_with("\r\nAccept: */*\r\nConnection: close\r\n\r\n")) << *request;
}

TEST(HttpRequest, HostIsSentExactlyAsGiven) {
  const auto request = build_request(target_with("Shop.Example.COM:8443", "/health?x=1"));
  ASSERT_TRUE(request);
  EXPECT_TRUE(request->starts_with("GET /health?x=1 HTTP/1.1\r\nHost: Shop.Example.COM:8443\r\n"))
      << *request;
}

TEST(HttpRequest, AMissingSlashIsAdded) {
  EXPECT_TRUE(build_request(target_with("", "x"))->starts_with("GET /x HTTP/1.1\r\n"));
}

TEST(HttpRequest, AnIpv6ServiceNameIsBracketed) {
  auto target = target_with("", "");
  target.service = "2001:db8::1";
  EXPECT_TRUE(build_request(target)->starts_with("GET / HTTP/1.1\r\nHost: [2001:db8::1]\r\n"));
}

TEST(HttpRequest, HeadersGoVerbatimAndReplaceOurs) {
  const auto request = build_request(target_with("", "/",
                                                 {{"X-Probe", "a  b"},
                                                  {"user-agent", "other/1"},
                                                  {"ACCEPT", "text/plain"},
                                                  {"connection", "x"}}));
  ASSERT_TRUE(request);
  EXPECT_EQ(*request,
            "GET / HTTP/1.1\r\nHost: www.example.com\r\nX-Probe: a  b\r\nuser-agent: other/1\r\n"
            "ACCEPT: text/plain\r\nconnection: x\r\n\r\n");
}

TEST(HttpRequest, WhatCannotBeSentIsRefused) {
  const std::string zero("a\0b", 3);
  EXPECT_FALSE(build_request(target_with("", "/a b")));
  EXPECT_FALSE(build_request(target_with("", "/a\r\nX: y")));
  EXPECT_FALSE(build_request(target_with("", zero)));
  EXPECT_FALSE(build_request(target_with("a\nb", "/")));
  EXPECT_FALSE(build_request(target_with("", "/", {{"X", "a\r\nY: b"}})));
  EXPECT_FALSE(build_request(target_with("", "/", {{"X y", "a"}})));
  EXPECT_FALSE(build_request(target_with("", "/", {{"", "a"}})));
}

TEST(HttpRequest, TheTlsNameIsTheHostWithoutItsPort) {
  EXPECT_EQ(tls_name("www.example.com"), "www.example.com");
  EXPECT_EQ(tls_name("www.example.com:8443"), "www.example.com");
  EXPECT_EQ(tls_name("www.example.com."), "www.example.com");
  EXPECT_EQ(tls_name("[2001:db8::1]:443"), "2001:db8::1");
  EXPECT_EQ(tls_name("2001:db8::1"), "2001:db8::1");
  EXPECT_EQ(tls_name("192.0.2.1:443"), "192.0.2.1");
}

}  // namespace
}  // namespace hotswapd
