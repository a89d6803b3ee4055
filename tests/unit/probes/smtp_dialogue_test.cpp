// The SMTP greeting: the same verdict however the bytes are cut, and bounds for every flood.
#include "probes/smtp_dialogue.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hotswapd {
namespace {

std::string said(const Finding& finding) {
  return std::string(to_string(finding.verdict)) + " " + to_string(finding.failure) + " " +
         finding.reason;
}

// Feeds `wire` in pieces of `cut` bytes, then closes.
std::string judged(std::string_view wire, std::size_t cut, std::string_view expected = {}) {
  SmtpDialogue dialogue(expected);
  while (!wire.empty()) {
    const std::string piece(wire.substr(0, cut));
    wire.remove_prefix(piece.size());
    if (const auto finding = dialogue.feed(piece)) return said(*finding);
  }
  return said(dialogue.closed());
}

TEST(SmtpDialogue, Greetings) {
  struct Row {
    const char* wire;
    const char* expected;
    const char* wanted;
  };
  const Row rows[] = {
      {"220 mx.example.com ESMTP\r\n", "", "pass none SMTP 220"},
      {"220\r\n", "", "pass none SMTP 220"},
      {"220 \n", "", "pass none SMTP 220"},
      {"220-mx.example.com\r\n220-no spam\r\n220 ready\r\n", "", "pass none SMTP 220"},
      {"220-mx.example.com\r\n220-no spam\r\n220 ready\r\n", "spam", "pass none SMTP 220"},
      {"220-mx.example.com\r\n220 ready\r\n", "ready", "pass none SMTP 220"},
      {"220 mx.example.com ESMTP\r\n", "ESMTP", "pass none SMTP 220"},
      {"220-a\r\n220 b\r\n", "a\r\n220",
       "fail content SMTP 220 without the text \"a\\x0d\\x0a220\" in the greeting"},
      {"220 mx.example.com\r\n", "ESMTP",
       "fail content SMTP 220 without the text \"ESMTP\" in the greeting"},
      {"421 too busy\r\n", "", "fail content SMTP 421 \"too busy\", wanted 220"},
      {"421\r\n", "", "fail content SMTP 421, wanted 220"},
      {"554-no\r\n554 mail here\r\n", "", "fail content SMTP 554 \"no\", wanted 220"},
      {"554 no\r\n", "no", "fail content SMTP 554 \"no\", wanted 220"},
      {"250 hello\r\n", "", "fail content SMTP 250 \"hello\", wanted 220"},
      {"220-teaser\r\n450 come later\r\n", "", "fail content SMTP 450 \"come later\", wanted 220"},
      {"220-a\r\n250 b\r\n", "", "fail protocol the SMTP greeting mixes the codes 220 and 250"},
      {"220 a\rb\r\n", "", "fail protocol a bare CR in the SMTP greeting"},
      {"220 a\001b\r\n", "", "fail protocol a control character in the SMTP greeting"},
      {"554 \033[2J\r\n", "", "fail protocol a control character in the SMTP greeting"},
      {"", "", "fail protocol connection closed before the SMTP greeting"},
      {"22", "", "fail protocol connection closed in the middle of the SMTP greeting"},
      {"220 mx", "", "fail protocol connection closed in the middle of the SMTP greeting"},
      {"220-mx\r\n", "", "fail protocol connection closed in the middle of the SMTP greeting"},
  };
  for (const auto& row : rows) {
    for (const std::size_t cut : {1u, 2u, 3u, 7u, 1000u}) {
      EXPECT_EQ(judged(row.wire, cut, row.expected), row.wanted) << row.wire << " by " << cut;
    }
  }
}

TEST(SmtpDialogue, WhatIsNoSmtpIsKnownAtItsFirstByte) {
  const std::string begin = "fail protocol the answer is no SMTP greeting, it begins with ";
  EXPECT_EQ(judged("SSH-2.0-OpenSSH_9.2\r\n", 1000), begin + "\"SSH-2.0-OpenSSH_9.2\"");
  EXPECT_EQ(judged("SSH-2.0-OpenSSH_9.2\r\n", 1), begin + "\"S\"");
  EXPECT_EQ(judged("HTTP/1.1 400 Bad Request\r\n", 1000), begin + "\"HTTP/1.1 400 Bad Request\"");
  EXPECT_EQ(judged("2200 x\r\n", 1000), begin + "\"2200 x\"");
  EXPECT_EQ(judged("+OK POP3\r\n", 1000), begin + "\"+OK POP3\"");
  EXPECT_EQ(judged("\r\n220 x\r\n", 1000), begin + "\"\"");
  EXPECT_EQ(judged("22\r\n", 1000), begin + "\"22\"");
  EXPECT_EQ(judged("220-a\r\nb\r\n", 1000), begin + "\"b\"");
  EXPECT_EQ(judged("620 x\r\n", 1000), begin + "\"620 x\"");
}

TEST(SmtpDialogue, EveryFloodEnds) {
  const std::string line = "220 " + std::string(SmtpDialogue::max_line - 6, 'x');
  EXPECT_EQ(judged(line + "\r\n", 100), "pass none SMTP 220");
  EXPECT_EQ(judged(line + "x\r\n", 100),
            "fail protocol a line of the SMTP greeting is longer than 1024 bytes");
  std::string lines;
  for (int i = 1; i < SmtpDialogue::max_lines; ++i) lines += "220-x\r\n";
  EXPECT_EQ(judged(lines + "220 x\r\n", 100), "pass none SMTP 220");
  EXPECT_EQ(judged(lines + "220-x\r\n", 100),
            "fail protocol the SMTP greeting has more than 100 lines");
}

TEST(SmtpDialogue, SaysWhatItWaitsForAndWhetherAQuitIsInPlace) {
  SmtpDialogue dialogue("");
  EXPECT_STREQ(dialogue.waiting_for(), "waiting for the SMTP greeting");
  EXPECT_FALSE(dialogue.feed("220-a"));
  EXPECT_STREQ(dialogue.waiting_for(), "waiting for the rest of the SMTP greeting");
  EXPECT_FALSE(dialogue.understood());
  EXPECT_FALSE(dialogue.feed("\r\n"));
  EXPECT_STREQ(dialogue.waiting_for(), "waiting for the rest of the SMTP greeting");
  EXPECT_TRUE(dialogue.understood());
  SmtpDialogue other("");
  EXPECT_TRUE(other.feed("SSH-2.0\r\n"));
  EXPECT_FALSE(other.understood());
}

TEST(SmtpDialogue, ReasonsStayCleanAndShort) {
  const std::string wire = "554 " + std::string(900, '\xff') + "\r\n";
  EXPECT_LE(judged(wire, 1000).size(), 256u + 20u);
  const std::string expected(4000, '"');
  EXPECT_LE(judged("220 x\r\n", 1000, expected).size(), 256u + 20u);
}

}  // namespace
}  // namespace hotswapd
