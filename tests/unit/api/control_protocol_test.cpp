#include "api/control_protocol.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hotswapd {
namespace {

using testing::HasSubstr;

TEST(ControlProtocol, ARequestIsAnObjectWithACommand) {
  const auto request = parse_request(R"({"command":"show","fqdn":"www.example.com"})", "alice");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->command, "show");
  EXPECT_EQ(request->body.at("fqdn").as_string(), "www.example.com");
  EXPECT_EQ(request->peer_user, "alice");
}

TEST(ControlProtocol, AnythingElseIsRefusedWithASentence) {
  for (const char* line : {"", "hello", "{", "[]", "null", "\"status\"", "{}", R"({"command":1})",
                           R"({"command":"a"} x)", "{\"command\":\"\xff\"}"}) {
    const auto request = parse_request(line, "alice");
    ASSERT_FALSE(request) << line;
    EXPECT_EQ(request.error().code, errc::invalid_argument);
    EXPECT_THAT(request.error().text, HasSubstr("request"));
  }
  EXPECT_FALSE(parse_request(std::string(100'000, '['), "alice"));
}

TEST(ControlProtocol, EnvelopesAreOneLineEach) {
  EXPECT_EQ(answer_line({{"text", "a\nb"}}), "{\"ok\":true,\"data\":{\"text\":\"a\\nb\"}}\n");
  EXPECT_EQ(event_line({{"kind", "swap"}}), "{\"event\":{\"kind\":\"swap\"}}\n");
  EXPECT_EQ(error_line({errc::not_found, "no such service"}),
            "{\"ok\":false,\"code\":\"not_found\",\"error\":\"no such service\"}\n");
  EXPECT_EQ(error_line({errc::invalid_argument, "bad\x1b"}, {"h.yaml:1:1: error", "x\xff"}),
            "{\"ok\":false,\"code\":\"invalid_argument\",\"error\":\"bad\\\\x1b\","
            "\"errors\":[\"h.yaml:1:1: error\",\"x\\\\xff\"]}\n");
}

}  // namespace
}  // namespace hotswapd
