// The table of broken configurations: every message exactly, and nothing else said.
#include "support.hpp"

namespace hotswapd::test {
namespace {

struct Case {
  std::string name;
  std::string text;
  std::vector<std::string> said;
};

std::vector<Case> cases() {
  std::vector<Case> out;
  std::istringstream in(read_text(source_file("tests/data/config/broken.txt")));
  bool said = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("=== ")) {
      out.push_back({line.substr(4), "", {}});
      said = false;
    } else if (line == "--- said") {
      said = true;
    } else if (said && !line.empty()) {
      out.back().said.push_back("t:" + line);
    } else if (!said && !out.empty()) {
      out.back().text += line + '\n';
    }
  }
  return out;
}

TEST(BrokenConfiguration, SaysExactlyThis) {
  const auto all = cases();
  ASSERT_GT(all.size(), 100u);
  for (const auto& broken : all) {
    SCOPED_TRACE(broken.name);
    const auto result = load(broken.text, {{"SITE", "ams1"}});
    EXPECT_FALSE(result.config.has_value());
    EXPECT_FALSE(broken.said.empty());
    EXPECT_EQ(messages(result, Severity::error), broken.said);
  }
}

// What is too long for the table.
TEST(BrokenConfiguration, ValuesThatAreTooLong) {
  const std::string text(9000, 'x');
  for (const std::string& key :
       {"expected: " + text, "header: {A: " + text + "}", "path: /" + text, "host: " + text}) {
    const auto result = load(one_service("", "protocol: HTTP, interval: 1, " + key));
    const auto said = messages(result, Severity::error);
    ASSERT_EQ(said.size(), 1u) << key.substr(0, 20);
    EXPECT_NE(said[0].find("is longer than"), std::string::npos) << said[0];
    EXPECT_LT(said[0].size(), 300u);
  }
}

TEST(BrokenConfiguration, StopsCountingAtAThousandErrors) {
  std::string text = kPrelude + "services:\n";
  for (int i = 0; i < 5000; ++i) text += "  - {}\n";
  const auto said = messages(load(text), Severity::error);
  ASSERT_EQ(said.size(), 1001u);
  EXPECT_NE(all_messages(load(text)).find("more than 1000 errors"), std::string::npos);
}

TEST(BrokenConfiguration, NeverShowsASecret) {
  const auto result = load(
      "api:\n  listen: 127.0.0.1:1\n  users: [{customer: a, user: b, password_hash: hunter2}]\n"
      "  tokens: [{name: a, token: {hunter2: x}, scope: read}]\n"
      "notify: {webhooks: [{name: a, url: \"http://${WHERE}/ \", secret: \"hunter2\\u0001\"}]}\n",
      {{"WHERE", "hunter2"}});
  EXPECT_EQ(messages(result, Severity::error).size(), 4u) << all_messages(result);
  EXPECT_EQ(all_messages(result).find("hunter2"), std::string::npos) << all_messages(result);
}

}  // namespace
}  // namespace hotswapd::test
