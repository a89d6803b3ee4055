// `hotswapctl probe` is over when its verdict is, whatever name servers and targets go on doing.
#include <gtest/gtest.h>
#include <unistd.h>

#include <future>

#include "ctl/probe_command.hpp"
#include "tests/io/net/dns_peer.hpp"
#include "tests/io/probes/scripted_peer.hpp"

namespace hotswapd::ctl {
namespace {

using namespace hotswapd::testing;
using namespace std::chrono_literals;

struct Timed {
  TargetRound round;
  Clock::duration took;
};

Timed timed_round(Protocol protocol, std::string address, std::uint16_t port, Millis timeout,
                  int retries, const std::vector<DnsEndpoint>& resolver) {
  TargetSpec target;
  target.address = target.service = std::move(address);
  target.monitor.protocol = protocol;
  target.monitor.port = port;
  target.monitor.timeout = timeout;
  target.monitor.retries = retries;
  Timed out;
  const auto began = Clock::now();
  out.round = run_round(target, resolver);
  out.took = Clock::now() - began;
  return out;
}

TEST(ProbeRound, EndsAtItsTimeoutWhenNoNameServerAnswers) {
  DnsPeer silent([](const Asked&) { return std::vector<Packet>(); });
  for (const int retries : {0, 1}) {
    const auto ended =
        timed_round(Protocol::tcp, "www.example.net", 1, 400ms, retries, {silent.endpoint()});
    EXPECT_EQ(ended.round.verdict, Verdict::inconclusive);
    EXPECT_EQ(ended.round.attempts.size(), static_cast<std::size_t>(retries) + 1);
    EXPECT_LT(ended.took, 400ms * (retries + 1) + 300ms);
  }
}

TEST(ProbeRound, EndsWithItsVerdictWhileHalfOfTheAnswerIsMissing) {
  DnsPeer half([](const Asked& asked) {
    return asked.type == wire::type::a ? addresses(asked, "127.0.0.1", "") : std::vector<Packet>();
  });
  ScriptedPeer peer(await_close);
  const auto ended =
      timed_round(Protocol::tcp, "www.example.net", peer.port(), 5000ms, 0, {half.endpoint()});
  EXPECT_EQ(ended.round.verdict, Verdict::pass);
  EXPECT_LT(ended.took, 700ms);
}

TEST(ProbeRound, DoesNotWaitForAMailServerToTakeItsLeave) {
  std::promise<std::string> heard;
  ScriptedPeer peer([&heard](int fd) {
    send_all(fd, "220 mail.example.net\r\n");
    char bytes[64];
    std::string all;
    for (ssize_t n = 0; (n = ::read(fd, bytes, sizeof bytes)) > 0;)
      all.append(bytes, static_cast<std::size_t>(n));
    heard.set_value(all);
  });
  const auto ended = timed_round(Protocol::smtp, "127.0.0.1", peer.port(), 5000ms, 0, {});
  EXPECT_EQ(ended.round.verdict, Verdict::pass);
  EXPECT_LT(ended.took, 700ms) << "the mail server answers to QUIT in its own time";
  auto told = heard.get_future();
  ASSERT_EQ(told.wait_for(10s), std::future_status::ready);
  EXPECT_EQ(told.get(), "QUIT\r\n");
}

}  // namespace
}  // namespace hotswapd::ctl
