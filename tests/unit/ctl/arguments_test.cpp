#include "ctl/arguments.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hotswapd::ctl {
namespace {

using Words = std::vector<std::string>;
using testing::HasSubstr;
using testing::IsEmpty;

ParsedArguments parse(Words words) {
  return parse_arguments(std::move(words), "1.2.3 (abc)");
}

TEST(Arguments, SharedOptionsComeBeforeOrAfterTheCommand) {
  for (const Words& words : {Words{"--socket", "/run/x.sock", "--json", "show", "www.example.com"},
                             Words{"show", "www.example.com", "--json", "--socket", "/run/x.sock"},
                             Words{"--json", "show", "--socket=/run/x.sock", "www.example.com"}}) {
    const auto parsed = parse(words);
    ASSERT_TRUE(parsed.arguments) << parsed.err;
    EXPECT_EQ(parsed.arguments->command, "show");
    EXPECT_EQ(parsed.arguments->socket, "/run/x.sock");
    EXPECT_TRUE(parsed.arguments->json);
    EXPECT_EQ(parsed.arguments->fqdn, "www.example.com");
  }
}

TEST(Arguments, HaveTheDefaultsOfTheContract) {
  const auto parsed = parse({"status"});
  ASSERT_TRUE(parsed.arguments);
  EXPECT_EQ(parsed.arguments->socket, "/run/hotswapd/control.sock");
  EXPECT_FALSE(parsed.arguments->json);
  EXPECT_FALSE(parsed.arguments->exit_code);
  EXPECT_FALSE(parsed.arguments->length);
}

TEST(Arguments, NamesAreCanonical) {
  const auto parsed = parse({"explain", "WWW.Example.COM.", "--zone", "Example.com."});
  ASSERT_TRUE(parsed.arguments);
  EXPECT_EQ(parsed.arguments->fqdn, "www.example.com");
  EXPECT_EQ(parsed.arguments->zone, "example.com");
}

TEST(Arguments, ActionsTakeAReasonAndALength) {
  for (const char* action : {"activate", "deactivate", "recover", "force-failover"}) {
    const auto parsed = parse({action, "--for", "2h", "www.example.com", "--reason", "rack move"});
    ASSERT_TRUE(parsed.arguments) << parsed.err;
    EXPECT_EQ(parsed.arguments->command, action);
    EXPECT_EQ(parsed.arguments->reason, "rack move");
    EXPECT_EQ(parsed.arguments->length, Millis(7'200'000));
  }
}

TEST(Arguments, WrongUsageIsStatusTwoAndSaysWhy) {
  for (const Words& words :
       {Words{}, Words{"fly"}, Words{"show"}, Words{"show", "a.example", "b.example"},
        Words{"status", "--limit", "3"}, Words{"history", "a.example", "--limit", "0"},
        Words{"history", "a.example", "--limit", "many"},
        Words{"recover", "a.example", "--for", "soon"},
        Words{"recover", "a.example", "--for", "0s"}, Words{"plan"}, Words{"show", "two words"},
        Words{"show", ""}, Words{"status", "--nonsense"}, Words{"--socket"},
        Words{"status", "show", "a.example"}, Words{"status", "--exit-code=maybe"}}) {
    const auto parsed = parse(words);
    EXPECT_FALSE(parsed.arguments) << testing::PrintToString(words);
    EXPECT_EQ(parsed.exit_status, 2) << testing::PrintToString(words);
    EXPECT_FALSE(parsed.err.empty()) << testing::PrintToString(words);
    EXPECT_THAT(parsed.out, IsEmpty()) << testing::PrintToString(words);
  }
}

TEST(Arguments, HelpAndVersionAreFine) {
  const auto version = parse({"--version"});
  EXPECT_FALSE(version.arguments);
  EXPECT_EQ(version.exit_status, 0);
  EXPECT_EQ(version.out, "hotswapctl 1.2.3 (abc)\n");
  const auto help = parse({"--help"});
  EXPECT_EQ(help.exit_status, 0);
  for (const char* command : {"status", "show", "explain", "history", "watch", "reload", "plan",
                              "activate", "deactivate", "recover", "force-failover"}) {
    EXPECT_THAT(help.out, HasSubstr(command));
  }
  EXPECT_EQ(parse({"recover", "--help"}).exit_status, 0);
}

}  // namespace
}  // namespace hotswapd::ctl
