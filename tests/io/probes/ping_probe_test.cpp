// PING probes on real ICMP sockets, both kinds, in networks of their own: answers, silence, errors
// of the network, and every way in which this host itself may be at fault.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "ping_world.hpp"

namespace hotswapd {
namespace {

using namespace testing;
using Means = PingEngine::Means;

INSTANTIATE_TEST_SUITE_P(Sockets, PingProbe, ::testing::Values(Means::datagram, Means::raw),
                         name_of);

TEST_P(PingProbe, AReplyIsAPass) {
  in_network([] {
    Loop loop;
    const ProbeResult& v4 = loop.start("127.0.0.1");
    const ProbeResult& v6 = loop.start("::1");
    loop.run();
    EXPECT_EQ(summary(v4), "pass none echo reply");
    EXPECT_EQ(summary(v6), "pass none echo reply");
    EXPECT_EQ(v4.phase, Phase::exchange);
    ASSERT_TRUE(v4.times.first_byte);
    EXPECT_FALSE(v4.times.connect);
    EXPECT_LE(*v4.times.first_byte, v4.times.total);
    EXPECT_EQ(loop.engine().means(IpFamily::v4), GetParam());
    EXPECT_EQ(loop.engine().means(IpFamily::v6), GetParam());
    EXPECT_EQ(loop.ping("127.9.8.7"), "pass none echo reply");
  });
}

TEST_P(PingProbe, NoReplyComesFromTheUnspecifiedAddress) {
  in_network([] {
    Loop loop;
    for (const char* const address : {"0.0.0.0", "::"}) {
      EXPECT_EQ(loop.ping(address, Millis(300)),
                std::string("inconclusive local ") + address +
                    " cannot be pinged, for replies come from another address: name 127.0.0.1 or "
                    "::1 for this host");
    }
  });
}

TEST_P(PingProbe, SilenceFailsAtTheDeadline) {
  in_network([] {
    ASSERT_TRUE(write_sysctl("net/ipv4/icmp_echo_ignore_all", "1"));
    ASSERT_TRUE(write_sysctl("net/ipv6/icmp/echo_ignore_all", "1"));
    Loop loop;
    const Millis timeout(300);
    const ProbeResult& v4 = loop.start("127.0.0.1", timeout);
    const ProbeResult& v6 = loop.start("::1", timeout);
    loop.run();
    EXPECT_EQ(summary(v4), "fail timeout no echo reply from 127.0.0.1 within 300 ms");
    EXPECT_EQ(summary(v6), "fail timeout no echo reply from ::1 within 300 ms");
    expect_at_deadline(v4, timeout);
  });
}

// An Ethernet at whose other end nobody answers ARP.
bool make_deaf_link() {
  return run(
      "ip link add deaf0 type veth peer name deaf1 && ip addr add 198.51.100.1/24 dev deaf0 && "
      "ip addr add 2001:db8::1/64 dev deaf0 nodad && "
      "ip link set deaf0 up && ip link set deaf1 up arp off && "
      "ip neigh flush dev deaf0 && "
      "echo 20 > /proc/sys/net/ipv4/neigh/deaf0/retrans_time_ms");
}

TEST_P(PingProbe, OwnNetworkTroubleIsInconclusive) {
  in_network([] {
    Loop loop;
    EXPECT_EQ(loop.ping("192.0.2.1"),
              "inconclusive local this host has no route to the target: 192.0.2.1");
    EXPECT_EQ(loop.ping("2001:db8::1"),
              "inconclusive local this host has no route to the target: 2001:db8::1");
    if (!run("ip route add unreachable 192.0.2.0/24 && ip route add prohibit 203.0.113.0/24 && "
             "ip route add blackhole 198.51.100.0/24"))
      GTEST_SKIP() << "needs ip(8)";
    EXPECT_EQ(
        loop.ping("198.51.100.1"),
        "inconclusive local a blackhole route of this host takes what goes to the target (see "
        "ip route get): 198.51.100.1");
    EXPECT_EQ(loop.ping("192.0.2.1"),
              "inconclusive local this host has no route to the target: 192.0.2.1");
    EXPECT_EQ(loop.ping("203.0.113.1"),
              "inconclusive local this host does not permit to send (firewall or privilege): "
              "203.0.113.1");
  });
}

TEST_P(PingProbe, TheOnlyLinkGoesAndComes) {
  in_network([] {
    if (!make_deaf_link()) GTEST_SKIP() << "needs ip(8) and veth";
    Loop loop;
    const std::string silence = "fail timeout no echo reply from 198.51.100.9 within 10 ms";
    EXPECT_EQ(loop.ping("198.51.100.9", Millis(10)), silence);
    ASSERT_TRUE(run("ip link set deaf0 down"));
    EXPECT_EQ(loop.ping("198.51.100.9", Millis(10)),
              "inconclusive local this host has no route to the target: 198.51.100.9");
    ASSERT_TRUE(run("ip link set deaf0 up"));
    EXPECT_EQ(loop.ping("198.51.100.9", Millis(10)), silence);
  });
}

TEST_P(PingProbe, AnIcmpErrorIsTheReasonAndComesAtOnce) {
  in_network([] {
    if (!make_deaf_link()) GTEST_SKIP() << "needs ip(8) and veth";
    Loop loop;
    const ProbeResult& v4 = loop.start("198.51.100.9", Millis(9000));
    const ProbeResult& v6 = loop.start("2001:db8::9", Millis(9000));
    loop.run();
    EXPECT_EQ(summary(v4), "fail connect host unreachable: 198.51.100.9 (said by 198.51.100.1)");
    EXPECT_TRUE(summary(v6).starts_with("fail connect host unreachable: 2001:db8::9"))
        << summary(v6);
    EXPECT_LT(v4.times.total, Millis(7000));
    EXPECT_LT(v6.times.total, Millis(7000));
  });
}

TEST_P(PingProbe, AnErrorForOneTargetDoesNotHitTheNext) {
  in_network([] {
    if (!make_deaf_link()) GTEST_SKIP() << "needs ip(8) and veth";
    Loop loop;
    std::vector<const ProbeResult*> bad;
    for (int i = 10; i < 20; ++i)
      bad.push_back(&loop.start("198.51.100." + std::to_string(i), Millis(5000)));
    // The errors lie in the socket before the next request goes out of it.
    const TimePoint until = Clock::now() + Seconds(20);
    while (!run("ip neigh show 198.51.100.19 dev deaf0 | grep FAILED") && Clock::now() < until)
      std::this_thread::sleep_for(Millis(10));
    const ProbeResult& good = loop.start("127.0.0.1");
    loop.run();
    EXPECT_EQ(summary(good), "pass none echo reply");
    for (const auto* result : bad) {
      EXPECT_TRUE(summary(*result).starts_with("fail connect host unreachable: 198.51.100.1"))
          << summary(*result);
    }
  });
}

TEST_P(PingProbe, ManyAtOnceAllGetTheirReplies) {
  in_network([] {
    asio::io_context context(1);
    TlsContexts contexts;
    constexpr std::size_t count = 16'000;  // more than the largest buffer holds
    std::vector<std::unique_ptr<Prober>> probers;
    std::vector<ProbeResult> results(count);
    TaskGroup tasks(context.get_executor(),
                    [](const std::string&, const std::string& what) { ADD_FAILURE() << what; });
    for (std::size_t i = 0; i < count; ++i) {
      const std::string address =
          i % 8 == 0 ? "::1"
                     : "127.1." + std::to_string(i / 200) + "." + std::to_string(1 + i % 200);
      probers.push_back(make_prober(context, ping_to(address), contexts));
      tasks.spawn("probe", run_one(*probers.back(), Millis(5000), results[i]));
    }
    context.run();
    for (const auto& result : results) ASSERT_EQ(summary(result), "pass none echo reply");
  });
}

TEST_P(PingProbe, ForeignPingsAreNeitherHeardNorBlamed) {
  in_network([] {
    Loop ours;
    EXPECT_EQ(ours.ping("127.0.0.1"), "pass none echo reply");
    // Far more than a socket's buffer holds, while our loop does not read.
    std::thread others([] {
      Loop theirs;
      for (int i = 0; i < 3000; ++i) theirs.start("127.0.0.1");
      theirs.run();
    });
    others.join();
    ASSERT_TRUE(write_sysctl("net/ipv4/icmp_echo_ignore_all", "1"));
    EXPECT_EQ(ours.ping("127.0.0.1", Millis(100)),
              "fail timeout no echo reply from 127.0.0.1 within 100 ms");
  });
}

TEST_P(PingProbe, AStoppedPingSaysSoAndALoopMayBeDestroyed) {
  in_network([] {
    ASSERT_TRUE(write_sysctl("net/ipv4/icmp_echo_ignore_all", "1"));
    TlsContexts contexts;
    std::unique_ptr<Prober> prober;
    std::unique_ptr<Prober> other;
    ProbeResult result;
    ProbeResult none;
    {
      asio::io_context context(1);
      TaskGroup tasks(context.get_executor(), [](const std::string&, const std::string&) {});
      prober = make_prober(context, ping_to("127.0.0.1"), contexts);
      other = make_prober(context, ping_to("127.0.0.1"), contexts);
      const auto id = tasks.spawn("probe", run_one(*prober, Seconds(60), result));
      tasks.spawn("probe", run_one(*other, Seconds(60), none));
      while (Poller::of(context).watching() != 2) context.run_one();
      tasks.cancel(id);
      while (Poller::of(context).watching() != 1) context.run_one();
      context.poll();
      EXPECT_EQ(summary(result), "inconclusive local stopped");
      EXPECT_EQ(PingEngine::of(context).out(IpFamily::v4), 1u);
    }
    EXPECT_TRUE(none.reason.empty());
  });
}

TEST(PingPrivilege, WithoutAnyTheReasonSaysWhatHelpsAndItIsTriedAgain) {
  const auto trouble = in_own_network([] {
    allow_datagram_pings(false);
    drop_raw_privilege();
    Loop loop;
    const std::string denied =
        "inconclusive local this process may not ping: give it CAP_NET_RAW, or put its group into "
        "the sysctl net.ipv4.ping_group_range";
    EXPECT_EQ(loop.ping("127.0.0.1"), denied);
    EXPECT_EQ(loop.ping("::1"), denied);
    allow_datagram_pings(true);
    EXPECT_EQ(loop.ping("127.0.0.1"), "pass none echo reply");
    EXPECT_EQ(loop.ping("::1"), "pass none echo reply");
  });
  if (trouble) GTEST_SKIP() << *trouble;
}

TEST_P(PingProbe, NoDescriptorLeftIsOurTrouble) {
  in_network([] {
    Loop loop;
    loop.engine();
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    rlimit none = before;
    none.rlim_cur = 3;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    const std::string said = loop.ping("127.0.0.1");
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_EQ(
        said,
        "inconclusive local no file descriptor left in this process (raise LimitNOFILE): ping");
    EXPECT_EQ(loop.ping("127.0.0.1"), "pass none echo reply");
  });
}

TEST(PingPrivilege, AsThisProcessIs) {
  // Whatever this host grants: a pass, or the remedy.
  for (const char* address : {"127.0.0.1", "::1"}) {
    const auto result = probe(ping_to(address));
    if (result.verdict == Verdict::inconclusive) {
      EXPECT_TRUE(result.reason.starts_with("this ")) << result.reason;
    } else {
      EXPECT_EQ(summary(result), "pass none echo reply");
    }
  }
}

}  // namespace
}  // namespace hotswapd
