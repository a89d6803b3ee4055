#include "api/control_protocol.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/array.hpp>

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

TEST(ControlProtocol, AnAnswerIsTakenApartAgain) {
  const auto good = parse_answer(answer_line({{"services", boost::json::array{"a}\n"}}}));
  EXPECT_EQ(good.data, "{\"services\":[\"a}\\n\"]}");
  const auto bad =
      parse_answer(error_line({errc::conflict, "it stands in the way"}, {"one", "two"}));
  EXPECT_EQ(bad.data, "");
  EXPECT_EQ(bad.error.code, errc::conflict);
  EXPECT_EQ(bad.error.text, "it stands in the way");
  EXPECT_EQ(bad.errors, (std::vector<std::string>{"one", "two"}));
  for (const char* nonsense : {"", "{}", "[]", "{\"ok\":true", "{\"code\":7,\"errors\":7}"}) {
    EXPECT_EQ(parse_answer(nonsense).data, "") << nonsense;
    EXPECT_EQ(parse_answer(nonsense).error.code, errc::internal) << nonsense;
  }
}

}  // namespace
}  // namespace hotswapd
