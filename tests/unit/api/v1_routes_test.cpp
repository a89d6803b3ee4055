// The routes of /api/v1, what a request becomes, and the answers that come back.
#include "api/v1_routes.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "api/problem.hpp"
#include "api/v1_handler.hpp"

namespace hotswapd {
namespace {

namespace json = boost::json;

TEST(V1Routes, FindsWhatIsThere) {
  struct Row {
    const char* method;
    const char* path;
    const char* pattern;  // "": none
    const char* fqdn;
    const char* allow;
  };
  const Row rows[] = {
      {"GET", "/api/v1/services", "/api/v1/services", "", "GET, HEAD"},
      {"HEAD", "/api/v1/services", "/api/v1/services", "", "GET, HEAD"},
      {"POST", "/api/v1/services", "", "", "GET, HEAD"},
      {"GET", "/api/v1/services/www.example.com", "/api/v1/services/{fqdn}", "www.example.com",
       "GET, HEAD"},
      {"GET", "/api/v1/services/www%2Eexample.com/explain", "/api/v1/services/{fqdn}/explain",
       "www.example.com", "GET, HEAD"},
      {"POST", "/api/v1/services/a/recover", "/api/v1/services/{fqdn}/recover", "a", "POST"},
      {"GET", "/api/v1/services/a/recover", "", "", "POST"},
      {"DELETE", "/api/v1/services/a", "", "", "GET, HEAD"},
      {"GET", "/api/v1/events", "/api/v1/events", "", "GET, HEAD"},
      {"get", "/api/v1/events", "", "", "GET, HEAD"},
      {"GET", "", "", "", ""},
      {"GET", "/api", "", "", ""},
      {"GET", "/api/v1", "", "", ""},
      {"GET", "/api/v1/", "", "", ""},
      {"GET", "/api/v1/services/", "", "", ""},
      {"GET", "/api/v1/services//explain", "", "", ""},
      {"GET", "/api/v1/services/a/", "", "", ""},
      {"GET", "/api/v1/services/a/nothing", "", "", ""},
      {"GET", "/api/v1/services/a/explain/b", "", "", ""},
      {"GET", "/api/v1/services/a%2Fexplain", "", "", ""},
      {"GET", "/api/v1/services/a%00", "", "", ""},
      {"GET", "/api/v1/services/a%0a", "", "", ""},
      {"GET", "/api/v1/services/a%4", "", "", ""},
      {"GET", "/api/v1/services/a%zz", "", "", ""},
      {"GET", "//api/v1/services", "", "", ""},
      {"GET", "/API/V1/services", "", "", ""},
  };
  for (const auto& row : rows) {
    const auto match = match_v1(row.method, row.path);
    EXPECT_EQ(match.route == nullptr ? "" : match.route->pattern, row.pattern) << row.path;
    EXPECT_EQ(match.fqdn, row.fqdn) << row.path;
    EXPECT_EQ(match.allow, row.allow) << row.path;
  }
}

TEST(V1Routes, OnlyWritesNeedMoreThanReading) {
  for (const auto& route : v1_routes()) {
    EXPECT_EQ(route.scope == ApiScope::read, route.method == "GET") << route.pattern;
    EXPECT_TRUE(route.method == "GET" || route.method == "POST") << route.pattern;
  }
}

Fallible<ControlRequest> asked(const std::string& method, const std::string& path,
                               const std::string& query = {}, const std::string& body = {}) {
  const HttpRequest request{method, path, query, {}, body};
  return command_of(match_v1(method, path), request, "ops (acme)");
}

TEST(V1Command, BecomesTheCommandOfTheControlSocket) {
  auto command = asked("POST", "/api/v1/services/a.example/force-failover", "",
                       R"({"reason": "new\u202e rack", "for_ms": 5000})");
  ASSERT_TRUE(command);
  EXPECT_EQ(command->command, "force-failover");
  EXPECT_EQ(command->peer_user, "ops (acme)");
  EXPECT_EQ(command->body, (json::object{{"reason", "new\\xe2\\x80\\xae rack"},
                                         {"for_ms", 5000},
                                         {"command", "force-failover"},
                                         {"fqdn", "a.example"}}));
  command = asked("GET", "/api/v1/services/a.example/history", "limit=20");
  ASSERT_TRUE(command);
  EXPECT_EQ(command->body,
            (json::object{{"limit", 20}, {"command", "history"}, {"fqdn", "a.example"}}));
  EXPECT_TRUE(asked("POST", "/api/v1/config/reload", "", "{}"));
  EXPECT_TRUE(asked("POST", "/api/v1/services/a/recover"));
}

TEST(V1Command, WhatIsNotKnownIsRefused) {
  struct Row {
    const char* method;
    const char* path;
    const char* query;
    const char* body;
    const char* says;
  };
  const Row rows[] = {
      {"GET", "/api/v1/services", "x=1", "", "\"x\" is no parameter"},
      {"GET", "/api/v1/services", "limit=1", "", "\"limit\" is no parameter"},
      {"GET", "/api/v1/services/a/history", "limit=", "", "whole number"},
      {"GET", "/api/v1/services/a/history", "limit", "", "whole number"},
      {"GET", "/api/v1/services/a/history", "limit=1x", "", "whole number"},
      {"GET", "/api/v1/services/a/history", "limit=99999999999999999999", "", "whole number"},
      {"POST", "/api/v1/services/a/recover", "", "[]", "not one JSON object"},
      {"POST", "/api/v1/services/a/recover", "", "{", "not one JSON object"},
      {"POST", "/api/v1/services/a/recover", "", "{} {}", "not one JSON object"},
      {"POST", "/api/v1/services/a/recover", "", R"({"raison": "x"})", "\"raison\" is no member"},
      {"POST", "/api/v1/services/a/recover", "", R"({"fqdn": "b"})", "\"fqdn\" is no member"},
      {"POST", "/api/v1/services/a/recover", "", R"({"command": "b"})", "\"command\" is no member"},
      {"POST", "/api/v1/config/reload", "", R"({"reason": "x"})", "\"reason\" is no member"},
  };
  for (const auto& row : rows) {
    const auto command = asked(row.method, row.path, row.query, row.body);
    ASSERT_FALSE(command) << row.path << row.query << row.body;
    EXPECT_EQ(command.error().code, errc::invalid_argument);
    EXPECT_NE(command.error().text.find(row.says), std::string::npos) << command.error().text;
  }
}

TEST(V1Command, JsonIsSaidInSoManyWords) {
  for (const char* type :
       {"application/json", "Application/JSON; charset=utf-8", "application/json ;x"})
    EXPECT_TRUE(says_json(type)) << type;
  for (const char* type : {"", "text/plain", "application/x-www-form-urlencoded",
                           "application/jsonx", "text/plain; application/json"})
    EXPECT_FALSE(says_json(type)) << type;
}

TEST(Problem, SaysWhatAndWhy) {
  const auto response = problem({errc::not_found, "no service a\x1b is configured"}, {"line 1\n"});
  EXPECT_EQ(response.status, 404u);
  EXPECT_EQ(response.content_type, "application/problem+json");
  EXPECT_EQ(json::parse(response.body), (json::object{{"type", "about:blank"},
                                                      {"title", "Not Found"},
                                                      {"status", 404},
                                                      {"code", "not_found"},
                                                      {"detail", "no service a\\x1b is configured"},
                                                      {"errors", json::array{"line 1\\x0a"}}}));
}

TEST(Problem, EveryFailureHasAStatusWithATitle) {
  for (int i = static_cast<int>(errc::invalid_argument); i <= static_cast<int>(errc::internal);
       ++i) {
    const auto response = problem(Error{static_cast<errc>(i), "x"});
    EXPECT_GE(response.status, 400u);
    const auto title = json::parse(response.body).at("title").as_string();
    EXPECT_EQ(title == "Internal Server Error", response.status == 500) << i;
  }
}

TEST(Problem, BrowsersAreToldToKeepOff) {
  HttpResponse response;
  response.headers.emplace_back("Cache-Control", "no-cache");
  add_security_headers(response);
  int found = 0;
  for (const auto& [name, value] : response.headers) {
    EXPECT_EQ(name.find("Access-Control"), std::string::npos) << "no CORS";
    EXPECT_TRUE(name != "Cache-Control" || value == "no-cache");
    found += name == "Content-Security-Policy" || name == "X-Content-Type-Options" ? 1 : 0;
  }
  EXPECT_EQ(found, 2);
}

}  // namespace
}  // namespace hotswapd
