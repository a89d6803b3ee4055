// HTTP probes against peers that behave, lie, stall and flood.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <memory>
#include <mutex>
#include <string>

#include "scripted_peer.hpp"

namespace hotswapd {
namespace {

using namespace testing;

ScriptedPeer::Script answer(std::string bytes) {
  return [bytes = std::move(bytes)](int fd) {
    read_request(fd);
    if (send_all(fd, bytes)) await_close(fd);
  };
}

ScriptedPeer::Script answer_and_close(std::string bytes) {
  return [bytes = std::move(bytes)](int fd) {
    read_request(fd);
    send_all(fd, bytes);
  };
}

TargetSpec path_at(const ScriptedPeer& peer, Millis timeout = Millis(5000)) {
  auto target = target_at(peer.port(), Protocol::http, timeout, peer.address());
  target.monitor.path = "/health";
  return target;
}

TEST(HttpProbe, AGoodAnswerPassesWithAllItsTimes) {
  ScriptedPeer peer(answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  const auto result = probe(path_at(peer));
  EXPECT_EQ(summary(result), "pass none HTTP 200");
  EXPECT_EQ(result.phase, Phase::exchange);
  ASSERT_TRUE(result.times.connect && result.times.first_byte);
  EXPECT_LE(*result.times.connect, *result.times.first_byte);
  EXPECT_LE(*result.times.first_byte, result.times.total);
}

TEST(HttpProbe, TheRequestIsWhatWasConfigured) {
  std::mutex mutex;
  std::string seen;
  ScriptedPeer peer([&](int fd) {
    const std::string request = read_request(fd);
    {
      const std::lock_guard lock(mutex);
      seen = request;
    }
    send_all(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  auto target = path_at(peer);
  target.monitor.host = "shop.example.com";
  target.monitor.headers = {{"X-Probe", "hotswapd"}, {"User-Agent", "own/1"}};
  EXPECT_EQ(probe(target).verdict, Verdict::pass);
  const std::lock_guard lock(mutex);
  EXPECT_EQ(seen,
            "GET /health HTTP/1.1\r\nHost: shop.example.com\r\nAccept: */*\r\nConnection: close\r\n"
            "X-Probe: hotswapd\r\nUser-Agent: own/1\r\n\r\n");
}

TEST(HttpProbe, Ipv6) {
  std::unique_ptr<ScriptedPeer> peer;
  try {
    peer = std::make_unique<ScriptedPeer>(answer("HTTP/1.1 200 OK\r\n\r\n"), "::1");
  } catch (const std::runtime_error& e) {
    GTEST_SKIP() << e.what();
  }
  EXPECT_EQ(summary(probe(path_at(*peer))), "pass none HTTP 200");
}

TEST(HttpProbe, AWrongStatusIsContent) {
  ScriptedPeer peer(
      answer("HTTP/1.1 503 Service Unavailable\r\n"));  // and never finishes its header
  EXPECT_EQ(summary(probe(path_at(peer))), "fail content HTTP 503, wanted 2xx");
  EXPECT_EQ(
      summary(probe(target_at(peer.port(), Protocol::http, Millis(300)))),
      "fail timeout no answer within 300 ms after connecting (waiting for the rest of the header)");
}

TEST(HttpProbe, TheVerdictDoesNotWaitForAnEndlessBody) {
  ScriptedPeer peer([](int fd) {
    read_request(fd);
    if (!send_all(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\nbody with Example"))
      return;
    const std::string filler(16 * 1024, 'x');
    while (send_all(fd, filler)) {
    }
  });
  auto target = path_at(peer);
  EXPECT_EQ(summary(probe(target)), "pass none HTTP 200");
  target.monitor.expected = "Example";
  EXPECT_EQ(summary(probe(target)), "pass none HTTP 200");
  target.monitor.expected = "missing";
  EXPECT_EQ(summary(probe(target)),
            "fail content HTTP 200 without the text \"missing\" in the first 256 KiB of the body");
}

TEST(HttpProbe, WhatIsCompressedStaysCompressed) {
  // gzip of "Example": whoever unpacks it can be made to unpack without end.
  const std::string packed(
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x73\xad\x48\xcc\x2d\xc8\x49\x05\x00\x03\xa2\x51\xa1"
      "\x07\x00\x00\x00",
      27);
  ScriptedPeer peer(
      answer("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 27\r\n\r\n" + packed));
  auto target = path_at(peer);
  EXPECT_EQ(summary(probe(target)), "pass none HTTP 200");
  target.monitor.expected = "Example";
  EXPECT_EQ(summary(probe(target)),
            "fail content HTTP 200 without the text \"Example\" in the body");
}

TEST(HttpProbe, TextSplitOverChunksAndSegments) {
  ScriptedPeer peer([](int fd) {
    read_request(fd);
    drip(fd,
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nEx\r\n3\r\namp\r\n2\r\nle\r\n",
         Millis(1));
  });
  auto target = path_at(peer);
  target.monitor.expected = "Example";
  EXPECT_EQ(summary(probe(target)), "pass none HTTP 200");
}

TEST(HttpProbe, BrokenAnswersAreProtocol) {
  struct Row {
    std::string bytes;
    const char* wanted;
  };
  std::string flood;
  for (int i = 0; i < 1000; ++i) flood += "HTTP/1.1 100 Continue\r\n\r\n";
  std::string many = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 100'000; ++i) many += "A: b\r\n";
  const std::string nul("HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", 27);
  const Row rows[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
       "differing Content-Lengths"},
      {"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\n", "malformed Content-Length \"-3\""},
      {"HTTP/1.1 200 OK\r\nX: " + std::string(10 << 20, 'a'), "header block larger than 32 KiB"},
      {many, "header block larger than 32 KiB"},
      {nul, "control character in the header"},
      {"HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n", "control character in the header"},
      {flood, "more than 8 interim answers (1xx)"},
      {"SSH-2.0-OpenSSH_9.2\r\n", "malformed status line \"SSH-2.0-OpenSSH_9.2\""},
  };
  for (const auto& row : rows) {
    ScriptedPeer peer(answer(row.bytes));
    EXPECT_EQ(summary(probe(path_at(peer))), std::string("fail protocol ") + row.wanted);
  }
}

TEST(HttpProbe, ACloseAtEachPhaseIsProtocol) {
  struct Row {
    const char* bytes;
    const char* wanted;
  };
  const Row rows[] = {
      {"", "connection closed without an answer"},
      {"HTTP/1.1 2", "connection closed in the status line"},
      {"HTTP/1.1 200 OK\r\nX: y\r\n", "connection closed in the header"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "connection closed in the body"},
  };
  for (const auto& row : rows) {
    ScriptedPeer peer(answer_and_close(row.bytes));
    auto target = path_at(peer);
    target.monitor.expected = "Example";
    EXPECT_EQ(summary(probe(target)), std::string("fail protocol ") + row.wanted);
  }
}

TEST(HttpProbe, AResetAtEachPhaseIsProtocol) {
  for (const char* const bytes : {"", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\nX: y\r\n",
                                  "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"}) {
    ScriptedPeer peer([bytes](int fd) {
      read_request(fd);
      send_all(fd, bytes);
      reset(fd);
    });
    auto target = path_at(peer);
    target.monitor.expected = "Example";
    const auto result = probe(target);
    EXPECT_EQ(summary(result), "fail protocol connection reset while the answer was read") << bytes;
  }
  // Before the request is even read.
  ScriptedPeer at_once(reset);
  const auto result = probe(path_at(at_once));
  EXPECT_EQ(result.verdict, Verdict::fail);
  EXPECT_EQ(result.failure, FailureClass::protocol) << result.reason;
}

TEST(HttpProbe, AHalfClosedPeerCanStillAnswerAndASilentOneCannot) {
  ScriptedPeer peer([](int fd) {
    read_request(fd);
    send_all(fd, "HTTP/1.1 200 OK\r\n\r\nthe end");
    ::shutdown(fd, SHUT_WR);
    await_close(fd);
  });
  auto target = path_at(peer);
  target.monitor.expected = "Example";
  EXPECT_EQ(summary(probe(target)),
            "fail content HTTP 200 without the text \"Example\" in the body");
  ScriptedPeer silent([](int fd) {
    ::shutdown(fd, SHUT_WR);
    await_close(fd);
  });
  EXPECT_EQ(summary(probe(path_at(silent))), "fail protocol connection closed without an answer");
}

TEST(HttpProbe, SilenceAndDripsEndAtTheOneDeadline) {
  const Millis timeout(300);
  struct Row {
    const char* bytes;
    const char* waiting;
  };
  const Row rows[] = {
      {"", "waiting for the status line"},
      {"HTTP/1.1 200 OK and a reason that takes its time", "waiting for the status line"},
      {"HTTP/1.1 200 OK\r\nX: a header that takes its time", "waiting for the rest of the header"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0000000000000001",
       "waiting for the rest of the body"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\na body that takes its time",
       "waiting for the rest of the body"},
  };
  for (const auto& row : rows) {
    ScriptedPeer peer([&row](int fd) {
      read_request(fd);
      const std::string_view bytes = row.bytes;
      const auto quick = bytes.size() > 8 ? bytes.size() - 8 : 0;
      // Most of it quickly, the rest one byte at a time, never all before the deadline.
      if (send_all(fd, bytes.substr(0, quick))) drip(fd, bytes.substr(quick), Millis(60));
    });
    auto target = path_at(peer, timeout);
    target.monitor.expected = "Example";
    const auto result = probe(target);
    EXPECT_EQ(
        summary(result),
        std::string("fail timeout no answer within 300 ms after connecting (") + row.waiting + ")");
    expect_at_deadline(result, timeout);
  }
}

TEST(HttpProbe, ALongRequestIsSentWholeOrRunsOutOfTime) {
  ScriptedPeer peer(answer("HTTP/1.1 200 OK\r\n\r\n"));
  auto target = path_at(peer);
  target.monitor.headers = {{"X-Long", std::string(100'000, 'a')}};
  EXPECT_EQ(summary(probe(target)), "pass none HTTP 200");
}

TEST(HttpProbe, AnImpossibleRequestIsOurOwnTrouble) {
  ScriptedPeer peer(await_close);
  auto target = path_at(peer);
  target.monitor.path = "/a b";
  EXPECT_EQ(summary(probe(target)),
            "inconclusive local path holds a character that cannot be sent: correct it");
}

TEST(HttpProbe, NoConnectionSaysWhy) {
  ClosedPort closed;
  auto target = target_at(closed.port(), Protocol::http);
  EXPECT_EQ(summary(probe(target)),
            "fail connect connection refused by 127.0.0.1 port " + std::to_string(closed.port()));
}

}  // namespace
}  // namespace hotswapd
