// TCP probes against peers that accept, refuse, drop and vanish; and what is common to all probes.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <thread>
#include <vector>

#include "net/poller.hpp"
#include "net/task_group.hpp"
#include "own_network.hpp"
#include "probes/factory.hpp"
#include "scripted_peer.hpp"

namespace hotswapd {
namespace {

using namespace testing;

TEST(TcpProbe, AConnectionThatStandsIsAPass) {
  ScriptedPeer peer(await_close);
  const auto result = probe(target_at(peer.port(), Protocol::tcp));
  EXPECT_EQ(summary(result), "pass none connected");
  EXPECT_EQ(result.phase, Phase::connect);
  ASSERT_TRUE(result.times.connect);
  EXPECT_LE(*result.times.connect, result.times.total);
  EXPECT_FALSE(result.times.tls);
  EXPECT_FALSE(result.times.first_byte);
}

TEST(TcpProbe, Ipv6) {
  std::unique_ptr<ScriptedPeer> peer;
  try {
    peer = std::make_unique<ScriptedPeer>(await_close, "::1");
  } catch (const std::runtime_error& e) {
    GTEST_SKIP() << e.what();
  }
  EXPECT_EQ(summary(probe(target_at(peer->port(), Protocol::tcp, Millis(5000), "::1"))),
            "pass none connected");
}

TEST(TcpProbe, RefusedIsTheTargetsFailure) {
  ClosedPort closed;
  const auto result = probe(target_at(closed.port(), Protocol::tcp));
  EXPECT_EQ(summary(result),
            "fail connect connection refused by 127.0.0.1 port " + std::to_string(closed.port()));
  EXPECT_EQ(result.phase, Phase::connect);
  EXPECT_FALSE(result.times.connect);
}

TEST(TcpProbe, DroppedSynFailsAtTheDeadline) {
  DeafPort deaf;
  const auto result = probe(target_at(deaf.port(), Protocol::tcp, Millis(300)));
  EXPECT_EQ(summary(result), "fail timeout no connection to 127.0.0.1 port " +
                                 std::to_string(deaf.port()) + " within 300 ms");
  expect_at_deadline(result, Millis(300));
}

TEST(TcpProbe, NoDescriptorLeftIsOurTrouble) {
  ScriptedPeer peer(await_close);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  asio::io_context context(1);
  TlsContexts contexts;
  const auto target = target_at(peer.port(), Protocol::tcp);
  const auto prober = make_prober(context, target, contexts);
  rlimit none = before;
  none.rlim_cur = 3;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  ProbeResult result;
  TaskGroup tasks(context.get_executor(),
                  [](const std::string&, const std::string& what) { ADD_FAILURE() << what; });
  const auto run = [](Prober& p, ProbeResult& into) -> awaitable<void> {
    const TimePoint deadline = Clock::now() + Seconds(1);
    into = co_await p.run(deadline);
  };
  tasks.spawn("probe", run(*prober, result));
  context.run();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(result.verdict, Verdict::inconclusive);
  EXPECT_EQ(result.failure, FailureClass::local);
  EXPECT_NE(result.reason.find("no file descriptor left"), std::string::npos) << result.reason;
}

// What connect() itself returns is this host's word about its own routes and firewall.
TEST(TcpProbe, ARouteOfThisHostThatLeadsNowhereIsOurTrouble) {
  const auto trouble = in_own_network([] {
    const auto tried = [](const std::string& address) {
      const auto result = probe(target_at(80, Protocol::tcp, Millis(1000), address));
      EXPECT_TRUE(result.reason.ends_with(": " + address + " port 80")) << result.reason;
      return std::string(to_string(result.verdict)) + " " +
             result.reason.substr(0, result.reason.rfind(": "));
    };
    EXPECT_EQ(tried("192.0.2.1"), "inconclusive this host has no route to the target");
    if (!run("ip route add blackhole 192.0.2.0/25 && ip route add unreachable 192.0.2.128/25 && "
             "ip route add prohibit 198.51.100.0/24 && "
             "ip route add blackhole 2001:db8::/64 && ip route add unreachable 2001:db8:1::/64 && "
             "ip route add prohibit 2001:db8:2::/64"))
      GTEST_SKIP() << "needs ip(8)";
    const std::string blackhole =
        "inconclusive a blackhole route of this host takes what goes to the target (see ip route "
        "get)";
    const std::string unreachable =
        "inconclusive this host has no route to the target, or its own firewall rejects it (see ip "
        "route get)";
    const std::string prohibited =
        "inconclusive this host does not permit the connection (firewall, prohibit route or "
        "privilege)";
    EXPECT_EQ(tried("192.0.2.1"), blackhole);
    EXPECT_EQ(tried("192.0.2.129"), unreachable);
    EXPECT_EQ(tried("198.51.100.1"), prohibited);
    EXPECT_EQ(tried("2001:db8::1"), blackhole);
    EXPECT_EQ(tried("2001:db8:1::1"), unreachable);
    EXPECT_EQ(tried("2001:db8:2::1"), prohibited);
  });
  if (trouble) GTEST_SKIP() << *trouble;
}

// A neighbour that does not answer is told later, and is the target's failure.
TEST(TcpProbe, ASilentNeighbourIsTheTargetsFailure) {
  const auto trouble = in_own_network([] {
    if (!run("ip link add deaf0 type veth peer name deaf1 && "
             "ip addr add 198.51.100.1/24 dev deaf0 && ip link set deaf0 up && "
             "ip link set deaf1 up arp off && echo 20 > "
             "/proc/sys/net/ipv4/neigh/deaf0/retrans_time_ms"))
      GTEST_SKIP() << "needs ip(8) and veth";
    const auto result = probe(target_at(80, Protocol::tcp, Millis(5000), "198.51.100.9"));
    EXPECT_EQ(summary(result), "fail connect host unreachable: 198.51.100.9 port 80");
  });
  if (trouble) GTEST_SKIP() << *trouble;
}

TEST(Probes, WhatCannotBeProbedIsInconclusive) {
  EXPECT_EQ(summary(probe(target_at(0, Protocol::none))),
            "inconclusive local this target is not monitored");
}

awaitable<void> run_one(Prober& prober, Millis timeout, ProbeResult& result) {
  const TimePoint deadline = Clock::now() + timeout;
  result = co_await prober.run(deadline);
}

TEST(Probes, AStoppedAttemptSaysSoAtOnce) {
  ScriptedPeer silent(await_close);
  asio::io_context context(1);
  TlsContexts contexts;
  TaskGroup tasks(context.get_executor(),
                  [](const std::string&, const std::string& what) { ADD_FAILURE() << what; });
  const auto prober =
      make_prober(context, target_at(silent.port(), Protocol::http, Seconds(60)), contexts);
  ProbeResult result;
  result.failure = FailureClass::none;
  const auto id = tasks.spawn("probe", run_one(*prober, Seconds(60), result));
  while (Poller::of(context).watching() == 0) context.run_one();
  tasks.cancel(id);
  tasks.cancel(id);  // again, and after its end: nothing
  context.run();
  tasks.cancel(id);
  EXPECT_EQ(summary(result), "inconclusive local stopped");
  EXPECT_LT(result.times.total, Seconds(30));
}

TEST(Probes, ALoopThatDidNotRunBlamesItself) {
  ScriptedPeer silent(await_close);
  asio::io_context context(1);
  TlsContexts contexts;
  TaskGroup tasks(context.get_executor(),
                  [](const std::string&, const std::string& what) { ADD_FAILURE() << what; });
  const auto prober =
      make_prober(context, target_at(silent.port(), Protocol::http, Millis(50)), contexts);
  ProbeResult result;
  tasks.spawn("probe", run_one(*prober, Millis(50), result));
  asio::post(context, [] {
    const TimePoint until = Clock::now() + Millis(1000);
    while (Clock::now() < until) {
    }
  });
  context.run();
  EXPECT_EQ(result.verdict, Verdict::inconclusive);
  EXPECT_TRUE(result.reason.starts_with("this process was not running for ")) << result.reason;
}

TEST(Probes, AnAnswerThatCameInTimeIsNotOvertakenByItsDeadline) {
  std::atomic<bool> asked{false};
  std::atomic<bool> may_answer{false};
  std::atomic<bool> answered{false};
  ScriptedPeer peer([&](int fd) {
    read_request(fd);
    asked = true;
    while (!may_answer) std::this_thread::yield();
    send_all(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    answered = true;
    await_close(fd);
  });
  asio::io_context context(1);
  TlsContexts contexts;
  TaskGroup tasks(context.get_executor(),
                  [](const std::string&, const std::string& what) { ADD_FAILURE() << what; });
  const Millis timeout(2000);
  const auto prober =
      make_prober(context, target_at(peer.port(), Protocol::http, timeout), contexts);
  ProbeResult result;
  tasks.spawn("probe", run_one(*prober, timeout, result));
  const TimePoint deadline = Clock::now() + timeout;
  while (!asked) context.run_one_for(Millis(1));
  may_answer = true;
  // The loop does not run until the deadline is over.
  while (!answered || Clock::now() < deadline + Millis(20)) std::this_thread::yield();
  context.run();
  EXPECT_EQ(summary(result), "pass none HTTP 200");
}

TEST(Probes, ManySilentTargetsLeaveTheOthersOnTime) {
  constexpr std::size_t count = 1000;
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  if (limit.rlim_max < count + 100) GTEST_SKIP() << "no descriptors for that many";
  const MutePort silent(count);
  ScriptedPeer good([](int fd) {
    read_request(fd);
    send_all(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  asio::io_context context(1);
  TlsContexts contexts;
  TaskGroup tasks(context.get_executor(),
                  [](const std::string&, const std::string& what) { ADD_FAILURE() << what; });
  std::vector<std::unique_ptr<Prober>> probers;
  std::vector<ProbeResult> results(count + 1);
  const Millis timeout(1500);
  for (std::size_t i = 0; i < count; ++i) {
    probers.push_back(
        make_prober(context, target_at(silent.port(), Protocol::http, timeout), contexts));
    tasks.spawn("probe", run_one(*probers.back(), timeout, results[i]));
  }
  probers.push_back(
      make_prober(context, target_at(good.port(), Protocol::http, timeout), contexts));
  tasks.spawn("probe", run_one(*probers.back(), timeout, results[count]));
  context.run();
  EXPECT_EQ(summary(results[count]), "pass none HTTP 200");
  EXPECT_LT(results[count].times.total, Millis(1000));
  for (std::size_t i = 0; i < count; ++i) {
    EXPECT_EQ(summary(results[i]),
              "fail timeout no answer within 1.5 s after connecting (waiting for the status line)");
    expect_at_deadline(results[i], timeout);
  }
}

TEST(Probes, ALoopDestroyedWithAttemptsInFlightLetsGoOfThem) {
  ScriptedPeer silent(await_close);
  TlsContexts contexts;
  std::unique_ptr<Prober> prober;
  ProbeResult result;
  {
    asio::io_context context(1);
    TaskGroup tasks(context.get_executor(), [](const std::string&, const std::string&) {});
    prober = make_prober(context, target_at(silent.port(), Protocol::http), contexts);
    tasks.spawn("probe", run_one(*prober, Seconds(60), result));
    while (Poller::of(context).watching() == 0) context.run_one();
  }
  EXPECT_TRUE(result.reason.empty());
}

}  // namespace
}  // namespace hotswapd
