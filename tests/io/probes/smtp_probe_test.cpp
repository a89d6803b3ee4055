// SMTP probes against servers that greet, refuse, stall, flood and vanish; and how they are left.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "net/poller.hpp"
#include "net/task_group.hpp"
#include "probes/factory.hpp"
#include "probes/farewell.hpp"
#include "scripted_peer.hpp"

namespace hotswapd {
namespace {

using namespace testing;

TargetSpec smtp_at(const ScriptedPeer& peer, Millis timeout = Millis(5000),
                   std::string expected = {}) {
  auto target = target_at(peer.port(), Protocol::smtp, timeout, peer.address());
  target.monitor.expected = std::move(expected);
  return target;
}

// Greets, and closes when it is told QUIT.
ScriptedPeer::Script greet(std::string greeting) {
  return [greeting = std::move(greeting)](int fd) {
    if (!send_all(fd, greeting)) return;
    char byte = 0;
    while (::recv(fd, &byte, 1, 0) == 1 && byte != '\n') {
    }
    send_all(fd, "221 bye\r\n");
  };
}

TEST(SmtpProbe, AGreetingIsAPassWithAllItsTimes) {
  ScriptedPeer peer(greet("220 mx.example.com ESMTP\r\n"));
  const auto result = probe(smtp_at(peer));
  EXPECT_EQ(summary(result), "pass none SMTP 220");
  EXPECT_EQ(result.phase, Phase::exchange);
  ASSERT_TRUE(result.times.connect && result.times.first_byte);
  EXPECT_LE(*result.times.connect, *result.times.first_byte);
  EXPECT_LE(*result.times.first_byte, result.times.total);
}

TEST(SmtpProbe, Ipv6) {
  std::unique_ptr<ScriptedPeer> peer;
  try {
    peer = std::make_unique<ScriptedPeer>(greet("220 mx\r\n"), "::1");
  } catch (const std::runtime_error& e) {
    GTEST_SKIP() << e.what();
  }
  EXPECT_EQ(summary(probe(smtp_at(*peer))), "pass none SMTP 220");
}

TEST(SmtpProbe, GreetingsOfManyLinesAndTheExpectedText) {
  ScriptedPeer peer(greet("220-mx.example.com\r\n220-no spam\r\n220 ready\r\n"));
  EXPECT_EQ(summary(probe(smtp_at(peer))), "pass none SMTP 220");
  EXPECT_EQ(summary(probe(smtp_at(peer, Millis(5000), "no spam"))), "pass none SMTP 220");
  EXPECT_EQ(summary(probe(smtp_at(peer, Millis(5000), "Postfix"))),
            "fail content SMTP 220 without the text \"Postfix\" in the greeting");
}

TEST(SmtpProbe, WrongGreetings) {
  struct Row {
    const char* bytes;
    const char* wanted;
  };
  const Row rows[] = {
      {"421 mx too busy\r\n", "fail content SMTP 421 \"mx too busy\", wanted 220"},
      {"554-no\r\n554 mail here\r\n", "fail content SMTP 554 \"no\", wanted 220"},
      {"220-mx\r\n450 come later\r\n", "fail content SMTP 450 \"come later\", wanted 220"},
      {"SSH-2.0-OpenSSH_9.2\r\n",
       "fail protocol the answer is no SMTP greeting, it begins with \"SSH-2.0-OpenSSH_9.2\""},
  };
  for (const auto& row : rows) {
    ScriptedPeer peer(greet(row.bytes));
    EXPECT_EQ(summary(probe(smtp_at(peer))), row.wanted);
  }
}

TEST(SmtpProbe, ClosedOrResetInTheGreetingIsProtocol) {
  for (const char* begin : {"", "220-mx\r\n", "220 m"}) {
    ScriptedPeer closing([begin](int fd) { send_all(fd, begin); });
    EXPECT_EQ(summary(probe(smtp_at(closing))),
              *begin == '\0'
                  ? "fail protocol connection closed before the SMTP greeting"
                  : "fail protocol connection closed in the middle of the SMTP greeting");
    ScriptedPeer resetting([begin](int fd) {
      send_all(fd, begin);
      reset(fd);
    });
    EXPECT_EQ(summary(probe(smtp_at(resetting))),
              "fail protocol connection reset while the SMTP greeting was read");
  }
}

TEST(SmtpProbe, SilentAndDrippingPeersFailAtTheDeadline) {
  const Millis timeout(300);
  ScriptedPeer silent(await_close);
  const auto nothing = probe(smtp_at(silent, timeout));
  EXPECT_EQ(summary(nothing),
            "fail timeout no answer within 300 ms after connecting (waiting for the SMTP "
            "greeting)");
  expect_at_deadline(nothing, timeout);
  ScriptedPeer dripping(
      [](int fd) { drip(fd, "220-" + std::string(900, 'x') + "\r\n", Millis(20)); });
  const auto slow = probe(smtp_at(dripping, timeout));
  EXPECT_EQ(summary(slow),
            "fail timeout no answer within 300 ms after connecting (waiting for the rest of the "
            "SMTP greeting)");
  expect_at_deadline(slow, timeout);
}

TEST(SmtpProbe, FloodsEndAtTheirBound) {
  const auto forever = [](std::string first, std::string piece) {
    return [first = std::move(first), piece = std::move(piece)](int fd) {
      if (!send_all(fd, first)) return;
      while (send_all(fd, piece)) {
      }
    };
  };
  ScriptedPeer line(forever("220 ", std::string(16 * 1024, 'x')));
  EXPECT_EQ(summary(probe(smtp_at(line))),
            "fail protocol a line of the SMTP greeting is longer than 1024 bytes");
  ScriptedPeer lines(forever("220-mx\r\n", "220-more\r\n"));
  EXPECT_EQ(summary(probe(smtp_at(lines))),
            "fail protocol the SMTP greeting has more than 100 lines");
}

TEST(SmtpProbe, IsLeftWithAQuitAndWithoutAReset) {
  std::mutex mutex;
  std::string heard;
  int end = 1;
  int error = 0;
  {
    ScriptedPeer peer([&](int fd) {
      send_all(fd, "220 mx\r\n");
      std::string text;
      char byte = 0;
      while (!text.ends_with('\n') && ::recv(fd, &byte, 1, 0) == 1) text += byte;
      send_all(fd, "221 bye\r\n");
      // Does not close: it sees an orderly end.
      const auto n = ::recv(fd, &byte, 1, 0);
      const std::lock_guard lock(mutex);
      heard = text;
      end = static_cast<int>(n);
      error = errno;
    });
    const auto result = probe(smtp_at(peer));
    EXPECT_EQ(summary(result), "pass none SMTP 220");
    EXPECT_LT(result.times.total, Farewells::patience) << "the verdict waited for the farewell";
    const TimePoint until = Clock::now() + Seconds(5);
    for (bool done = false; !done && Clock::now() < until;) {
      std::this_thread::sleep_for(Millis(5));
      const std::lock_guard lock(mutex);
      done = !heard.empty();
    }
  }
  EXPECT_EQ(heard, "QUIT\r\n");
  EXPECT_EQ(end, 0) << std::strerror(error);
}

TEST(SmtpProbe, AServerThatClosesAfterQuitEndsTheFarewellAtOnce) {
  ScriptedPeer peer(greet("220 mx\r\n"));
  const TimePoint began = Clock::now();
  EXPECT_EQ(summary(probe(smtp_at(peer))), "pass none SMTP 220");
  EXPECT_LT(Clock::now() - began, Farewells::patience / 2);
}

awaitable<void> run_one(Prober& prober, Millis timeout, ProbeResult& result,
                        std::atomic<int>& ended) {
  const TimePoint deadline = Clock::now() + timeout;
  result = co_await prober.run(deadline);
  ++ended;
}

TEST(SmtpProbe, FarewellsAreBounded) {
  ScriptedPeer peer([](int fd) {
    send_all(fd, "220 mx\r\n");
    await_close(fd);  // never closes first
  });
  asio::io_context context(1);
  TlsContexts contexts;
  TaskGroup tasks(context.get_executor(),
                  [](const std::string&, const std::string& what) { ADD_FAILURE() << what; });
  constexpr std::size_t count = Farewells::most + 50;
  std::vector<std::unique_ptr<Prober>> probers;
  std::vector<ProbeResult> results(count);
  std::atomic<int> ended{0};
  for (std::size_t i = 0; i < count; ++i) {
    probers.push_back(make_prober(context, smtp_at(peer), contexts));
    tasks.spawn("probe", run_one(*probers.back(), Millis(5000), results[i], ended));
  }
  auto& farewells = Farewells::of(context);
  std::size_t most = 0;
  while (ended < static_cast<int>(count)) {
    context.run_one();
    most = std::max(most, farewells.waiting());
  }
  EXPECT_EQ(most, Farewells::most);
  context.run();
  EXPECT_EQ(farewells.waiting(), 0u);
  for (const auto& result : results) EXPECT_EQ(summary(result), "pass none SMTP 220");
}

TEST(SmtpProbe, ALoopDestroyedInAFarewellClosesIt) {
  std::atomic<bool> closed{false};
  ScriptedPeer peer([&](int fd) {
    send_all(fd, "220 mx\r\n");
    await_close(fd);
    closed = true;
  });
  {
    asio::io_context context(1);
    TlsContexts contexts;
    TaskGroup tasks(context.get_executor(), [](const std::string&, const std::string&) {});
    const auto prober = make_prober(context, smtp_at(peer), contexts);
    ProbeResult result;
    std::atomic<int> ended{0};
    tasks.spawn("probe", run_one(*prober, Millis(5000), result, ended));
    while (ended == 0) context.run_one();
    EXPECT_EQ(Farewells::of(context).waiting(), 1u);
  }
  const TimePoint until = Clock::now() + Seconds(5);
  while (!closed && Clock::now() < until) std::this_thread::sleep_for(Millis(5));
  EXPECT_TRUE(closed);
}

}  // namespace
}  // namespace hotswapd
