// Any bytes end in a tree or in one located error, in bounded time.
#include <chrono>
#include <random>

#include "config/source.hpp"
#include "support.hpp"

namespace hotswapd::test {
namespace {

std::string only_error(const std::string& text) {
  const auto said = messages(load(text), Severity::error);
  EXPECT_EQ(said.size(), 1u);
  return said.empty() ? "" : said.front();
}

TEST(Source, RefusesWhatIsNoUtf8) {
  EXPECT_EQ(only_error("site: {code: \"a\xff\"}\n"),
            "t:1:16: error: (file): the byte 0xff is no text here; the file must be UTF-8 without "
            "control characters");
  EXPECT_EQ(only_error("# \xc3\xa9\n\xed\xa0\x80"),
            "t:2:1: error: (file): the byte 0xed is no text here; the file must be UTF-8 without "
            "control characters");
  EXPECT_EQ(only_error(std::string("a: b\0c\n", 7)),
            "t:1:5: error: (file): the byte 0x00 is no text here; the file must be UTF-8 without "
            "control characters");
  EXPECT_EQ(only_error("\xff\xfe"
                       "a\0"),
            "t:1:1: error: (file): the byte 0xff is no text here; the file must be UTF-8 without "
            "control characters");
  for (const char* bad : {"\xc0\xaf", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80",
                          "\xc3", "\x7f", "\xc2\x80"}) {
    EXPECT_NE(only_error(std::string("a: ") + bad).find("t:1:4: error:"), std::string::npos);
  }
}

TEST(Source, TakesEveryGoodCharacterAndAMark) {
  EXPECT_TRUE(load("\xef\xbb\xbfsite: {code: ams1}\n").config.has_value());
  EXPECT_TRUE(
      load("contacts: {ops: {city: \"\xe2\x82\xac \xf0\x9f\x9a\x80\"}}\n").config.has_value());
  EXPECT_TRUE(load("site: {code: ams1}\r\n").config.has_value());
}

TEST(Source, RefusesAFileOfMoreThan64MiB) {
  std::string text(config::Source::largest_file + 1, '#');
  EXPECT_EQ(only_error(text), "t:1:1: error: (file): the file is larger than 64 MiB");
}

TEST(Source, RefusesDepth) {
  const std::string deep = "a: " + std::string(200'000, '[');
  EXPECT_NE(only_error(deep).find("nested more than 32 levels deep"), std::string::npos);
  EXPECT_NE(only_error("a: " + std::string(200'000, '{')).find("nested more than 32 levels deep"),
            std::string::npos);
  std::string block;
  for (int i = 0; i < 1000; ++i) block += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  EXPECT_NE(only_error(block).find("nested more than 32 levels deep"), std::string::npos);
}

TEST(Source, BillionLaughsEndAtOnce) {
  std::string text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 30; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int j = 1; j < 10; ++j) text += "," + before;
    text += "]\n";
  }
  EXPECT_NE(
      only_error(text).find("with its aliases expanded this holds more than 8 million values"),
      std::string::npos);
}

// Many aliases of one long list: no single chain, but a product.
TEST(Source, AliasesThatMultiplyAreCounted) {
  std::string text = "x: &l [";
  for (int i = 0; i < 5000; ++i) text += "a,";
  text += "a]\ny: [";
  for (int i = 0; i < 5000; ++i) text += "*l,";
  text += "*l]\n";
  EXPECT_NE(only_error(text).find("aliases expanded"), std::string::npos);
}

TEST(Source, AliasesStandForWhatTheyName) {
  const Config config =
      good(kPrelude +
           "services:\n"
           "  - {zone: example.com, fqdn: a.example.com, address: 192.0.2.1, backups: [{data: "
           "192.0.2.2}],\n"
           "     monitor: &m {protocol: TCP, interval: 10s, timeout: 2s, port: 25}}\n"
           "  - {zone: example.com, fqdn: b.example.com, address: 192.0.2.1, backups: [{data: "
           "192.0.2.2}],\n"
           "     monitor: *m}\n");
  ASSERT_EQ(config.services.size(), 2u);
  EXPECT_EQ(config.services[0]->monitor, config.services[1]->monitor);
  EXPECT_EQ(config.services[1]->monitor->port, 25);
}

// Long lists are refused by their length, and long maps cost no more than their length.
TEST(Source, LongListsAndMapsCostTheirLength) {
  std::string backups = "services: [{backups: [";
  std::string zones = "dns_listen: [127.0.0.1]\nproviders: {a: {type: embedded, zones: {";
  for (int i = 0; i < 100'000; ++i) {
    backups += "{data: a" + std::to_string(i) + "},";
    zones += "z" + std::to_string(i) + ": ,";
  }
  const auto start = std::chrono::steady_clock::now();
  EXPECT_NE(all_messages(load(backups + "]}]\n"))
                .find("services[0].backups: has 100000 items; give 1 to 64"),
            std::string::npos);
  EXPECT_TRUE(load(zones + "}}}\n").config.has_value());
  // Half a second; compared each with each it would be many minutes.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));
}

// Random edits of a real file: always an answer, never for long.
TEST(Source, MutatedExamplesNeverCrash) {
  const TemporaryDirectory directory;
  const std::string full = full_example(directory);
  std::mt19937 random(20261121);
  const std::string spice = "{}[]:,&*#?|->'\"%@`!\n\t \\$~0a\xff\x80";
  std::size_t refused = 0;
  const auto start = std::chrono::steady_clock::now();
  for (int round = 0; round < 1500; ++round) {
    std::string text = full;
    for (unsigned edits = 1 + random() % 8; edits > 0; --edits) {
      const std::size_t at = random() % text.size();
      switch (random() % 4) {
        case 0:
          text[at] = spice[random() % spice.size()];
          break;
        case 1:
          text.insert(at, 1, spice[random() % spice.size()]);
          break;
        case 2:
          text.erase(at, 1 + random() % 40);
          break;
        default:
          text.insert(at, text.substr(random() % text.size(), random() % 80));
          break;
      }
    }
    const auto result = load(text, {{"BOARD_TOKEN", "x"}});
    EXPECT_EQ(result.config.has_value(), !has_errors(result.diagnostics));
    refused += result.config.has_value() ? 0 : 1;
  }
  EXPECT_GT(refused, 500u);
  // About a millisecond each; the bound only catches what hangs.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(120));
}

// A prefix of a file is never taken for a whole one by accident of a quote that does not end.
TEST(Source, EveryPrefixEndsInAnAnswer) {
  const TemporaryDirectory directory;
  const std::string full = full_example(directory);
  for (std::size_t size = 0; size < full.size(); size += 7) {
    const auto result = load(full.substr(0, size), {{"BOARD_TOKEN", "x"}});
    EXPECT_EQ(result.config.has_value(), !has_errors(result.diagnostics)) << size;
  }
}

}  // namespace
}  // namespace hotswapd::test
