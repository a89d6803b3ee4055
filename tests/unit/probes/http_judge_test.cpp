// What makes an HTTP answer good, and when the judge knows.
#include "probes/http_judge.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hotswapd {
namespace {

MonitorSpec monitor_with(std::string path, std::vector<StatusRange> status, std::string expected,
                         Redirects redirects = Redirects::fail) {
  MonitorSpec monitor;
  monitor.protocol = Protocol::http;
  monitor.path = std::move(path);
  monitor.status = std::move(status);
  monitor.expected = std::move(expected);
  monitor.redirects = redirects;
  return monitor;
}

std::string text_of(const Finding& finding) {
  return std::string(to_string(finding.verdict)) + " " + to_string(finding.failure) + " " +
         finding.reason;
}

std::string judged(const MonitorSpec& monitor, const std::string& wire, std::size_t cut = 4096) {
  const HttpRule rule(monitor);
  HttpJudge judge(rule);
  for (std::size_t at = 0; at < wire.size(); at += cut) {
    if (const auto finding = judge.feed(std::string_view(wire).substr(at, cut)))
      return text_of(*finding);
  }
  return text_of(judge.closed());
}

std::string response(int status, const std::string& body = "") {
  return "HTTP/1.1 " + std::to_string(status) +
         " x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST(HttpJudge, StatusRules) {
  const std::vector<StatusRange> none;
  const std::vector<StatusRange> given{{200, 204}, {301, 301}};
  struct Row {
    MonitorSpec monitor;
    int status;
    const char* wanted;
  };
  const Row rows[] = {
      // Nothing asked for: any answer is up.
      {monitor_with("", none, ""), 200, "pass none HTTP 200"},
      {monitor_with("", none, ""), 503, "pass none HTTP 503"},
      {monitor_with("", none, ""), 999, "pass none HTTP 999"},
      // A path: 2xx.
      {monitor_with("/h", none, ""), 299, "pass none HTTP 299"},
      {monitor_with("/h", none, ""), 300, "fail content HTTP 300, wanted 2xx"},
      {monitor_with("/h", none, ""), 404, "fail content HTTP 404, wanted 2xx"},
      // A status: that decides, with or without a path.
      {monitor_with("", given, ""), 204, "pass none HTTP 204"},
      {monitor_with("/h", given, ""), 301, "pass none HTTP 301"},
      {monitor_with("/h", given, ""), 205, "fail content HTTP 205, wanted 200-204 or 301"},
      // Redirects: judged as a status, or as a 2xx.
      {monitor_with("/h", none, "", Redirects::follow), 302,
       "fail protocol HTTP 302 without a Location"},
      {monitor_with("/h", none, "", Redirects::follow), 304, "fail content HTTP 304, wanted 2xx"},
      {monitor_with("/h", given, "", Redirects::follow), 301, "pass none HTTP 301"},
      {monitor_with("/h", none, "", Redirects::accept), 302, "pass none HTTP 302"},
      {monitor_with("/h", none, "", Redirects::accept), 400, "fail content HTTP 400, wanted 2xx"},
      {monitor_with("", given, "", Redirects::accept), 302, "pass none HTTP 302"},
      {monitor_with("", {{204, 204}}, "", Redirects::accept), 302, "pass none HTTP 302"},
      {monitor_with("", {{201, 404}}, "", Redirects::accept), 399, "pass none HTTP 399"},
      {monitor_with("", {{204, 204}}, "", Redirects::accept), 400,
       "fail content HTTP 400, wanted 204"},
      {monitor_with("", {{503, 503}}, "", Redirects::accept), 302,
       "fail content HTTP 302, wanted 503"},
  };
  for (const auto& row : rows) EXPECT_EQ(judged(row.monitor, response(row.status)), row.wanted);
}

TEST(HttpJudge, ARedirectThatIsToBeFollowedIsNoVerdictYet) {
  const HttpRule follow(monitor_with("/h", {}, "", Redirects::follow));
  for (const int status : {301, 302, 303, 307, 308}) {
    HttpJudge judge(follow);
    const auto head = "HTTP/1.1 " + std::to_string(status) + " x\r\nlocation:  /next \r\n\r\n";
    ASSERT_TRUE(judge.feed(head));
    ASSERT_NE(judge.redirect(), nullptr) << status;
    EXPECT_EQ(*judge.redirect(), "/next");
    EXPECT_EQ(judge.status(), status);
  }
  const HttpRule fail(monitor_with("/h", {}, ""));
  HttpJudge judge(fail);
  ASSERT_TRUE(judge.feed("HTTP/1.1 302 x\r\nLocation: /next\r\n\r\n"));
  EXPECT_EQ(judge.redirect(), nullptr);
}

TEST(HttpJudge, ExpectedText) {
  const auto alone = monitor_with("", {}, "Example");
  EXPECT_EQ(judged(alone, response(200, "an Example page")), "pass none HTTP 200");
  // Without path or status the text alone decides.
  EXPECT_EQ(judged(alone, response(503, "Example")), "pass none HTTP 503");
  EXPECT_EQ(judged(alone, response(200, "an example page")),
            "fail content HTTP 200 without the text \"Example\" in the body");
  EXPECT_EQ(judged(alone, response(204)),
            "fail content HTTP 204 without the text \"Example\" in the body");
  // The text in the header does not count.
  EXPECT_EQ(judged(alone, "HTTP/1.1 200 OK\r\nX: Example\r\n\r\nnothing"),
            "fail content HTTP 200 without the text \"Example\" in the body");
  const auto both = monitor_with("/h", {}, "Example");
  EXPECT_EQ(judged(both, response(500, "Example")), "fail content HTTP 500, wanted 2xx");
  EXPECT_EQ(judged(both, response(200, "Example")), "pass none HTTP 200");
}

TEST(HttpJudge, TextIsFoundAcrossEveryCut) {
  const auto monitor = monitor_with("", {}, "aabaaab");
  const std::string chunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\naab\r\n2\r\naa\r\n4\r\nbaaa\r\n2\r\nbx\r\n0\r\n\r\n";
  const std::string absent =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\naab\r\n2\r\naa\r\n2\r\nba\r\n1\r\nb\r\n0\r\n\r\n";
  for (std::size_t cut = 1; cut < 40; ++cut) {
    EXPECT_EQ(judged(monitor, chunked, cut), "pass none HTTP 200") << cut;
    EXPECT_EQ(judged(monitor, absent, cut),
              "fail content HTTP 200 without the text \"aabaaab\" in the body")
        << cut;
  }
}

TEST(HttpJudge, TheSearchAgreesWithFindForAllShortTexts) {
  // Every text and body over two letters: 2^2..2^4 texts in 2^10 bodies.
  for (unsigned length = 2; length <= 4; ++length) {
    for (unsigned t = 0; t < (1u << length); ++t) {
      std::string text;
      for (unsigned i = 0; i < length; ++i) text += ((t >> i) & 1u) != 0 ? 'a' : 'b';
      const HttpRule rule(monitor_with("", {}, text));
      for (unsigned b = 0; b < 1024; ++b) {
        std::string body;
        for (unsigned i = 0; i < 10; ++i) body += ((b >> i) & 1u) != 0 ? 'a' : 'b';
        HttpJudge judge(rule);
        const auto found = judge.feed(response(200, body));
        ASSERT_TRUE(found);
        EXPECT_EQ(found->verdict == Verdict::pass, body.find(text) != std::string::npos)
            << text << " in " << body;
      }
    }
  }
}

TEST(HttpJudge, TheVerdictDoesNotWaitForWhatCannotChangeIt) {
  {
    const HttpRule rule(monitor_with("/h", {}, ""));
    HttpJudge judge(rule);
    EXPECT_FALSE(judge.feed("HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n"));
    EXPECT_TRUE(judge.feed("\r\n"));
  }
  {
    const HttpRule rule(monitor_with("/h", {}, ""));
    HttpJudge judge(rule);
    const auto finding = judge.feed("HTTP/1.1 503 Down\r\n");
    ASSERT_TRUE(finding);
    EXPECT_EQ(finding->reason, "HTTP 503, wanted 2xx");
  }
  {
    const HttpRule rule(monitor_with("/h", {}, "abc"));
    HttpJudge judge(rule);
    EXPECT_FALSE(judge.feed("HTTP/1.1 200 OK\r\n\r\nab"));
    const auto finding = judge.feed("c");
    ASSERT_TRUE(finding);
    EXPECT_EQ(finding->verdict, Verdict::pass);
  }
}

TEST(HttpJudge, TheBodyIsReadToItsBound) {
  const auto monitor = monitor_with("", {}, "needle");
  const std::string head = "HTTP/1.1 200 OK\r\n\r\n";
  const std::string filler(HttpJudge::max_body - 6, 'x');
  EXPECT_EQ(judged(monitor, head + filler + "needle"), "pass none HTTP 200");
  EXPECT_EQ(judged(monitor, head + filler + "xneedle"),
            "fail content HTTP 200 without the text \"needle\" in the first 256 KiB of the body");
  const HttpRule rule(monitor);
  HttpJudge judge(rule);
  EXPECT_FALSE(judge.feed(head));
  std::size_t fed = 0;
  while (!judge.feed(std::string(4096, 'x'))) fed += 4096;
  EXPECT_LT(fed, HttpJudge::max_body);
}

TEST(HttpJudge, TinyChunksCannotKeepItReadingForEver) {
  const HttpRule rule(monitor_with("", {}, "needle"));
  HttpJudge judge(rule);
  EXPECT_FALSE(judge.feed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
  const std::string chunk = "1;" + std::string(900, 'x') + "\r\na\r\n";
  std::optional<Finding> finding;
  std::size_t fed = 0;
  while (!finding && fed < 3 * HttpJudge::max_wire) {
    finding = judge.feed(chunk);
    fed += chunk.size();
  }
  ASSERT_TRUE(finding);
  EXPECT_EQ(text_of(*finding), "fail protocol chunks too small for their overhead");
}

TEST(HttpJudge, ALossIsProtocolAndAnEndIsContent) {
  const auto monitor = monitor_with("/h", {}, "abc");
  EXPECT_EQ(judged(monitor, ""), "fail protocol connection closed without an answer");
  EXPECT_EQ(judged(monitor, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nxyz"),
            "fail protocol connection closed in the body");
  EXPECT_EQ(judged(monitor, "HTTP/1.1 200 OK\r\n\r\nxyz"),
            "fail content HTTP 200 without the text \"abc\" in the body");
}

TEST(HttpJudge, ReasonsAreCleanAndShort) {
  const auto monitor = monitor_with("", {}, std::string(500, 'e') + "\x1b[31m");
  const std::string said = judged(monitor, response(200, "x"));
  EXPECT_LT(said.size(), 256u);
  EXPECT_EQ(said.find('\x1b'), std::string::npos);
  std::vector<StatusRange> many;
  for (int i = 200; i < 300; i += 2) many.push_back({i, i});
  EXPECT_LT(judged(monitor_with("", many, ""), response(500)).size(), 120u);
}

}  // namespace
}  // namespace hotswapd
