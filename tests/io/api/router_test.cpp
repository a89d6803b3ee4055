#include "api/router.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>

namespace hotswapd {
namespace {

class Named final : public HttpHandler {
 public:
  explicit Named(std::string name) : name_(std::move(name)) {}
  awaitable<HttpResponse> handle(HttpRequest request) override {
    HttpResponse response;
    response.body = name_ + " " + request.path;
    co_return response;
  }

 private:
  std::string name_;
};

HttpResponse ask(Router& router, const std::string& path) {
  asio::io_context context;
  std::optional<HttpResponse> answer;
  asio::co_spawn(context, router.handle({"GET", path}),
                 [&](std::exception_ptr, HttpResponse found) { answer = std::move(found); });
  context.run();
  return answer.value_or(HttpResponse{});
}

bool browsers_obey(const HttpResponse& response) {
  for (const auto& [name, value] : response.headers)
    if (name == "Content-Security-Policy") return true;
  return false;
}

TEST(Router, TheLongestMountThatFitsAnswers) {
  Named health("health");
  Named rest("rest");
  Named api("api");
  Named below("below");
  Router router;
  router.mount("/healthz", health);
  router.mount("/REST/", rest, Router::Headers::its_own);
  router.mount("/api/", api);
  router.mount("/api/v1/", below);
  const std::pair<const char*, const char*> rows[] = {
      {"/healthz", "health /healthz"},
      {"/REST/Session/", "rest /REST/Session/"},
      {"/REST", "rest /REST"},
      {"/REST/", "rest /REST/"},
      {"/api/v2", "api /api/v2"},
      {"/api/v1", "below /api/v1"},
      {"/api/v1/x/y", "below /api/v1/x/y"},
  };
  for (const auto& [path, body] : rows) EXPECT_EQ(ask(router, path).body, body);
  for (const char* path :
       {"", "/", "/healthz/", "/healthzz", "/RESTful", "/rest/", "//api/v1", "*"}) {
    EXPECT_EQ(ask(router, path).status, 404u) << path;
    EXPECT_EQ(ask(router, path).content_type, "application/problem+json") << path;
  }
  EXPECT_TRUE(browsers_obey(ask(router, "/healthz")));
  EXPECT_TRUE(browsers_obey(ask(router, "/nowhere")));
  EXPECT_FALSE(browsers_obey(ask(router, "/REST/Session/")));
}

}  // namespace
}  // namespace hotswapd
