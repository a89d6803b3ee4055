// Peers that accept and reset before the loop gets to look: the verdict must not depend on which
// was quicker.
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <string>
#include <string_view>

#include "net/poller.hpp"
#include "net/task_group.hpp"
#include "probes/factory.hpp"
#include "scripted_peer.hpp"

namespace hotswapd {
namespace {

using namespace testing;

awaitable<void> run_into(Prober& prober, ProbeResult& result) {
  const TimePoint deadline = Clock::now() + Seconds(5);
  result = co_await prober.run(deadline);
}

// The loop stands still from the moment the request to connect has left until the peer, which says
// `greeting` first, has reset.
std::string probed_late(Protocol protocol, std::string_view greeting = {}) {
  ScriptedPeer peer([greeting](int fd) {
    send_all(fd, greeting);
    reset(fd);
  });
  asio::io_context context(1);
  TlsContexts contexts;
  TaskGroup tasks(context.get_executor(),
                  [](const std::string&, const std::string& what) { ADD_FAILURE() << what; });
  auto target = target_at(peer.port(), protocol);
  target.monitor.tls.verify = false;
  const auto prober = make_prober(context, target, contexts);
  ProbeResult result;
  tasks.spawn("probe", run_into(*prober, result));
  while (Poller::of(context).watching() == 0) context.run_one();
  peer.await_ended(1);
  context.run();
  return summary(result);
}

TEST(EarlyReset, ATcpTargetHasAccepted) {
  EXPECT_EQ(probed_late(Protocol::tcp), "pass none connected");
}

TEST(EarlyReset, OthersFailByProtocol) {
  EXPECT_EQ(probed_late(Protocol::http),
            "fail protocol connection reset while the answer was read");
  EXPECT_EQ(probed_late(Protocol::https), "fail protocol connection reset in the TLS handshake");
  EXPECT_EQ(probed_late(Protocol::smtp),
            "fail protocol connection reset while the SMTP greeting was read");
}

// What came before the reset is there to be read.
TEST(EarlyReset, WhatWasSaidBeforeCounts) {
  EXPECT_EQ(probed_late(Protocol::http, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
            "pass none HTTP 200");
  EXPECT_EQ(probed_late(Protocol::smtp, "220 mail.example.com\r\n"), "pass none SMTP 220");
}

}  // namespace
}  // namespace hotswapd
