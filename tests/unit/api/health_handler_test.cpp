#include "api/health_handler.hpp"

#include <gtest/gtest.h>

namespace hotswapd {
namespace {

TEST(HealthHandler, HealthIsTheProcess) {
  HealthHandler handler([] { return std::string("no round yet"); });
  for (const char* method : {"GET", "HEAD"}) {
    const auto response = handler.answer({method, "/healthz"});
    EXPECT_EQ(response.status, 200u);
    EXPECT_EQ(response.body, "ok\n");
  }
}

TEST(HealthHandler, ReadinessIsAskedEachTime) {
  std::string why = "the first full round is not done\x1b";
  HealthHandler handler([&] { return why; });
  EXPECT_EQ(handler.answer({"GET", "/readyz"}).status, 503u);
  EXPECT_EQ(handler.answer({"GET", "/readyz"}).body, "the first full round is not done\\x1b\n");
  why.clear();
  EXPECT_EQ(handler.answer({"GET", "/readyz"}).status, 200u);
}

TEST(HealthHandler, OtherPathsAndMethodsAreRefused) {
  HealthHandler handler([] { return std::string(); });
  for (const char* path : {"", "/", "/healthz/", "/healthzz", "/HEALTHZ", "healthz", "*"}) {
    EXPECT_EQ(handler.answer({"GET", path}).status, 404u) << path;
  }
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "get", "BREW"}) {
    const auto response = handler.answer({method, "/readyz"});
    EXPECT_EQ(response.status, 405u) << method;
    bool allow = false;
    for (const auto& [name, value] : response.headers)
      allow = allow || (name == "Allow" && value == "GET, HEAD");
    EXPECT_TRUE(allow) << method;
  }
}

}  // namespace
}  // namespace hotswapd
