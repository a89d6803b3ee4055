// Targets given by host name: resolved first, then probed at the address, with one verdict.
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <map>
#include <memory>

#include "net/resolver.hpp"
#include "net/task_group.hpp"
#include "own_network.hpp"
#include "probes/factory.hpp"
#include "scripted_peer.hpp"
#include "test_certificates.hpp"
#include "tests/io/net/dns_peer.hpp"

namespace hotswapd {
namespace {

using namespace testing;
using wire::Rcode;

const std::string name = "www.example.net";

ResolverSettings asking(const DnsPeer& peer) {
  ResolverSettings out;
  out.servers = {peer.endpoint()};
  out.trouble.clear();
  return out;
}

ProbeResult probe_by_name(const DnsPeer& dns, std::uint16_t port, Protocol protocol,
                          Millis timeout = Millis(5000)) {
  TlsContexts contexts;
  return probe(target_at(port, protocol, timeout, name), contexts, asking(dns));
}

std::string server(const DnsPeer& peer) {
  return "name server " + peer.endpoint().text();
}

DnsPeer::Script at(std::vector<std::string> fours, std::string six = {}) {
  return [fours, six](const Asked& asked) {
    AnswerMaker answer(asked);
    if (asked.type == wire::type::a)
      for (const auto& four : fours) answer.address(asked.text(), four, 60);
    if (asked.type == wire::type::aaaa && !six.empty()) answer.address(asked.text(), six, 60);
    return std::vector<Packet>{answer.packet()};
  };
}

// Answers a question when it comes for the second time, which is 0.8 s after the first.
DnsPeer::Script late(std::vector<std::string> fours) {
  return [answer = at(std::move(fours)),
          times = std::make_shared<std::map<std::uint16_t, int>>()](const Asked& asked) {
    return ++(*times)[asked.type] < 2 ? std::vector<Packet>() : answer(asked);
  };
}

TEST(NamedProbe, TcpAndHttpByName) {
  DnsPeer dns(at({"127.0.0.1"}));
  ScriptedPeer peer([](int fd) {
    read_request(fd);
    send_all(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  const auto tcp = probe_by_name(dns, peer.port(), Protocol::tcp);
  EXPECT_EQ(summary(tcp), "pass none connected (at 127.0.0.1)");
  EXPECT_EQ(tcp.address, "127.0.0.1");
  EXPECT_FALSE(tcp.stale);
  ASSERT_TRUE(tcp.times.resolve && tcp.times.connect);
  EXPECT_LE(*tcp.times.resolve, *tcp.times.connect);
  EXPECT_LE(*tcp.times.connect, tcp.times.total);
  const auto http = probe_by_name(dns, peer.port(), Protocol::http);
  EXPECT_EQ(http.verdict, Verdict::pass) << http.reason;
}

TEST(NamedProbe, HttpsVerifiesTheNameOfTheServiceNotTheAddress) {
  DnsPeer dns(at({"127.0.0.1"}));
  ScriptedPeer peer([](int fd) { read_request(fd); });
  const auto result = probe_by_name(dns, peer.port(), Protocol::https, Millis(300));
  EXPECT_EQ(result.verdict, Verdict::fail);
  EXPECT_EQ(result.phase, Phase::tls) << result.reason;
}

TEST(NamedProbe, WhatTheNameServersSay) {
  ClosedPort closed;
  const auto port = closed.port();
  DnsPeer gone([](const Asked& a) { return nothing_but(a, Rcode::nxdomain); });
  auto result = probe_by_name(gone, port, Protocol::tcp);
  EXPECT_EQ(summary(result), "fail resolve www.example.net does not exist (NXDOMAIN)");
  EXPECT_EQ(result.phase, Phase::resolve);
  EXPECT_FALSE(result.times.resolve) << "the phase was not ended";

  DnsPeer empty([](const Asked& a) { return nothing_but(a, Rcode::noerror); });
  EXPECT_EQ(summary(probe_by_name(empty, port, Protocol::http)),
            "fail resolve www.example.net has no address (neither A nor AAAA)");

  DnsPeer ill([](const Asked& a) { return nothing_but(a, Rcode::servfail); });
  EXPECT_EQ(
      summary(probe_by_name(ill, port, Protocol::tcp)),
      "inconclusive resolve cannot resolve www.example.net: " + server(ill) + " answers SERVFAIL");
  TlsContexts contexts;
  EXPECT_EQ(summary(probe(target_at(port, Protocol::tcp, Millis(100), name), contexts)),
            "inconclusive resolve cannot resolve www.example.net: no name server is configured");
}

TEST(NamedProbe, OneDeadlineForResolvingAndTheRest) {
  DnsPeer silent([](const Asked&) { return std::vector<Packet>(); });
  ClosedPort closed;
  auto result = probe_by_name(silent, closed.port(), Protocol::tcp, Millis(300));
  EXPECT_EQ(result.verdict, Verdict::inconclusive);
  EXPECT_EQ(result.failure, FailureClass::resolve);
  EXPECT_GE(result.times.total, Millis(280));

  DnsPeer slow(late({"127.0.0.1"}));
  DeafPort deaf;
  result = probe_by_name(slow, deaf.port(), Protocol::tcp, Millis(2500));
  EXPECT_EQ(result.failure, FailureClass::timeout) << result.reason;
  expect_at_deadline(result, Millis(2500));
}

TEST(NamedProbe, ASlowNameServerIsNotTheTargetsFault) {
  DnsPeer slow(late({"127.0.0.1"}));
  DeafPort deaf;
  const auto result = probe_by_name(slow, deaf.port(), Protocol::tcp, Millis(1200));
  EXPECT_EQ(result.verdict, Verdict::inconclusive);
  EXPECT_EQ(result.failure, FailureClass::resolve);
  EXPECT_TRUE(result.reason.starts_with("resolving www.example.net took ")) << result.reason;
  EXPECT_NE(result.reason.find(", then no connection to 127.0.0.1 port "), std::string::npos);
  expect_at_deadline(result, Millis(1200));
}

TEST(NamedProbe, ARefusingAddressGivesWayToTheNext) {
  DnsPeer dns(at({"127.0.0.3", "127.0.0.2", "127.0.0.1"}));
  ScriptedPeer peer(await_close, "127.0.0.3");
  const auto result = probe_by_name(dns, peer.port(), Protocol::tcp);
  EXPECT_EQ(summary(result), "pass none connected (at 127.0.0.3, after 2 other addresses)");
  EXPECT_EQ(result.address, "127.0.0.3");
}

TEST(NamedProbe, AllRefuse) {
  DnsPeer dns(at({"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"}));
  ClosedPort closed;  // of 127.0.0.1; nobody listens on the others
  EXPECT_EQ(summary(probe_by_name(dns, closed.port(), Protocol::tcp)),
            "fail connect connection refused by 127.0.0.4 port " + std::to_string(closed.port()) +
                " (after 3 other addresses)");
}

TEST(NamedProbe, AnAnswerThatIsWrongIsTheVerdict) {
  DnsPeer dns(at({"127.0.0.1", "127.0.0.2"}));
  ScriptedPeer peer([](int fd) {
    read_request(fd);
    send_all(fd, "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
  });
  TlsContexts contexts;
  auto target = target_at(peer.port(), Protocol::http, Millis(2000), name);
  target.monitor.path = "/";
  const auto result = probe(target, contexts, asking(dns));
  EXPECT_EQ(summary(result), "fail content HTTP 503, wanted 2xx (at 127.0.0.1)");
}

TEST(NamedProbe, AFamilyWithoutARouteIsLeftOut) {
  DnsPeer dns(at({"127.0.0.1"}, "::1"));
  ScriptedPeer peer(await_close);
  EXPECT_EQ(probe_by_name(dns, peer.port(), Protocol::tcp).verdict, Verdict::pass);
}

TEST(NamedProbe, ARouteThatLeadsNowhereIsNone) {
  const auto trouble = in_own_network([] {
    if (!run("ip route add blackhole 10.0.0.0/24 && ip route add unreachable 10.0.1.0/24 && "
             "ip route add prohibit 10.0.2.0/24"))
      GTEST_SKIP() << "needs ip(8)";
    DnsPeer dns(at({"10.0.0.1", "10.0.1.1", "10.0.2.1", "127.0.0.1"}));
    ScriptedPeer peer(await_close);
    EXPECT_EQ(summary(probe_by_name(dns, peer.port(), Protocol::tcp)),
              "pass none connected (at 127.0.0.1)");
  });
  if (trouble) GTEST_SKIP() << *trouble;
}

TEST(NamedProbe, TheHostsFile) {
  ScriptedPeer peer(await_close);
  ResolverSettings names;
  names.hosts = read_hosts("127.0.0.1 WWW.example.net. www\n");
  TlsContexts contexts;
  const auto result =
      probe(target_at(peer.port(), Protocol::tcp, Millis(2000), name), contexts, names);
  EXPECT_EQ(summary(result), "pass none connected (at 127.0.0.1)");
}

awaitable<void> run_one(Prober& prober, ProbeResult& result, Millis timeout) {
  const TimePoint deadline = Clock::now() + timeout;
  result = co_await prober.run(deadline);
}

TEST(NamedProbe, TheLastAddressKnownIsShownAsSuch) {
  DnsPeer dns([](const Asked& a) { return addresses(a, "127.0.0.1", "", 0); });
  ScriptedPeer peer(await_close);
  asio::io_context context(1);
  TaskGroup tasks(context.get_executor(),
                  [](const std::string&, const std::string& what) { ADD_FAILURE() << what; });
  Resolver::of(context).configure(std::make_shared<const ResolverSettings>(asking(dns)));
  TlsContexts contexts;
  const auto prober =
      make_prober(context, target_at(peer.port(), Protocol::tcp, Millis(2000), name), contexts);
  ProbeResult result;
  const auto run = [&] {
    context.restart();
    tasks.spawn("probe", run_one(*prober, result, Millis(2000)));
    context.run();
  };
  run();
  EXPECT_FALSE(result.stale);
  dns.set([](const Asked& a) { return nothing_but(a, Rcode::refused); });
  const auto until = Clock::now() + Seconds(10);
  while (!result.stale && Clock::now() < until) run();  // once the TTL is over
  EXPECT_TRUE(result.stale);
  EXPECT_EQ(summary(result), "pass none connected (at 127.0.0.1, the last address known: " +
                                 server(dns) + " answers REFUSED)");
}

TEST(NamedProbe, StoppedWhileResolving) {
  DnsPeer silent([](const Asked&) { return std::vector<Packet>(); });
  asio::io_context context(1);
  TaskGroup tasks(context.get_executor(),
                  [](const std::string&, const std::string& what) { ADD_FAILURE() << what; });
  Resolver::of(context).configure(std::make_shared<const ResolverSettings>(asking(silent)));
  TlsContexts contexts;
  const auto prober =
      make_prober(context, target_at(1, Protocol::tcp, Seconds(60), name), contexts);
  ProbeResult result;
  tasks.spawn("probe", run_one(*prober, result, Seconds(60)));
  context.poll();
  const auto began = Clock::now();
  tasks.request_stop();
  Resolver::of(context).stop();
  context.run();
  EXPECT_LT(Clock::now() - began, Millis(500));
  EXPECT_EQ(summary(result), "inconclusive local stopped");
}

}  // namespace
}  // namespace hotswapd
