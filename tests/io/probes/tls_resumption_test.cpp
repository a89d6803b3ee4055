// Handshakes made short by an earlier one: how often, and what ends it.
#include <gtest/gtest.h>
#include <openssl/tls1.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "net/task_group.hpp"
#include "probes/factory.hpp"
#include "scripted_peer.hpp"
#include "test_certificates.hpp"

namespace hotswapd {
namespace {

using namespace testing;

// A server that remembers which of its handshakes were short: r resumed, F full, x broken off.
class Server {
 public:
  explicit Server(int newest = 0)
      : authority_(
            make_identity({.common_name = "Test Root", .names = {}, .authority = true}, nullptr)),
        trusted_(authority_),
        context_(make_server_context(make_identity({}, &authority_), newest)),
        peer_([this](int fd) { serve(fd); }) {}

  TargetSpec target() const {
    auto made = target_at(peer_.port(), Protocol::https);
    made.monitor.path = "/";
    made.monitor.interval = Millis(10'000);
    made.monitor.tls.ca_file = trusted_.path();
    return made;
  }
  ssl_ctx_st* context() { return context_.get(); }
  const Identity& authority() const { return authority_; }
  void answer(std::string status) {
    const std::lock_guard lock(mutex_);
    status_ = std::move(status);
  }
  void think(Millis time) {
    const std::lock_guard lock(mutex_);
    thinking_ = time;
  }
  // Called once, when the next request has come.
  void on_request(std::function<void()> hook) {
    const std::lock_guard lock(mutex_);
    hook_ = std::move(hook);
  }
  std::string handshakes() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  void serve(int fd) {
    TlsServer server(context_, fd);
    const bool shaken = server.shake();
    std::string status;
    Millis thinking;
    {
      const std::lock_guard lock(mutex_);
      seen_ += !shaken ? 'x' : server.resumed() ? 'r' : 'F';
      status = status_;
      thinking = thinking_;
    }
    if (!shaken) return await_close(fd);
    server.read_request();
    std::function<void()> hook;
    {
      const std::lock_guard lock(mutex_);
      hook = std::exchange(hook_, nullptr);
    }
    if (hook) hook();
    std::this_thread::sleep_for(thinking);
    if (server.send("HTTP/1.1 " + status + "\r\nContent-Length: 0\r\n\r\n")) await_close(fd);
  }

  const Identity authority_;
  const PemFile trusted_;
  const std::shared_ptr<ssl_ctx_st> context_;
  std::mutex mutex_;
  std::string seen_;
  std::string status_ = "200 OK";
  Millis thinking_{0};
  std::function<void()> hook_;
  ScriptedPeer peer_;
};

TEST(TlsResumption, AtLeastEveryTenthHandshakeIsFull) {
  for (const int newest : {0, TLS1_2_VERSION}) {
    Server server(newest);
    TlsContexts contexts;
    const auto results = probe_often(server.target(), contexts, 22);
    for (const auto& result : results) EXPECT_EQ(summary(result), "pass none HTTP 200");
    EXPECT_EQ(server.handshakes(), "FrrrrrrrrrFrrrrrrrrrFr") << newest;
    EXPECT_TRUE(results[0].certificate_ends);
    EXPECT_FALSE(results[1].certificate_ends);
    EXPECT_TRUE(results[10].certificate_ends);
  }
}

TEST(TlsResumption, ACertificateThatWentBadIsSeenByTheTenthHandshake) {
  Server server;
  TlsContexts contexts;
  const auto bad = make_identity({.not_before = Seconds(-7200), .not_after = Seconds(-3600)},
                                 &server.authority());
  const auto results = probe_often(server.target(), contexts, 11, [&](int i) {
    if (i == 1) show_instead(server.context(), bad);
  });
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(results[i].verdict, Verdict::pass) << i;
  EXPECT_TRUE(results[10].reason.starts_with("certificate expired on ")) << summary(results[10]);
}

// A ticket would hide it: the server's certificate is not looked at in a short handshake.
TEST(TlsResumption, NoTicketOutlivesItsCertificate) {
  Server server;
  const TimePoint made = Clock::now();
  show_instead(server.context(), make_identity({.not_after = Seconds(3)}, &server.authority()));
  TlsContexts contexts;
  const auto results = probe_often(server.target(), contexts, 3, [&](int i) {
    if (i == 2) std::this_thread::sleep_until(made + Seconds(4));
  });
  EXPECT_EQ(summary(results[0]), "pass none HTTP 200");
  EXPECT_EQ(summary(results[1]), "pass none HTTP 200");
  EXPECT_EQ(results[2].failure, FailureClass::tls);
  EXPECT_TRUE(results[2].reason.starts_with("certificate expired on ")) << summary(results[2]);
  EXPECT_TRUE(server.handshakes().starts_with("Fr")) << server.handshakes();
}

TEST(TlsResumption, AfterAnythingButAPassTheHandshakeIsFull) {
  Server server;
  TlsContexts contexts;
  const auto results = probe_often(server.target(), contexts, 5,
                                   [&](int i) { server.answer(i == 2 ? "503 Busy" : "200 OK"); });
  EXPECT_EQ(summary(results[2]), "fail content HTTP 503, wanted 2xx");
  EXPECT_EQ(server.handshakes(), "FrrFr");
}

void read_again(TlsContexts& contexts, const TargetSpec& target) {
  contexts.reload();
  const TlsPolicy policy{target.monitor.tls.verify, target.monitor.tls.ca_file};
  const TimePoint now = Clock::now();
  ASSERT_TRUE(contexts.get(policy, now, now + Seconds(20)));
}

TEST(TlsResumption, AfterAReloadTheHandshakeIsFull) {
  Server server;
  TlsContexts contexts;
  const auto target = server.target();
  probe_often(target, contexts, 4, [&](int i) {
    if (i == 2) read_again(contexts, target);
  });
  EXPECT_EQ(server.handshakes(), "FrFr");
}

// The probers of a loop share what they trust: another one may renew it while this one waits.
TEST(TlsResumption, AfterAReloadDuringTheExchangeTheHandshakeIsFull) {
  Server server;
  TlsContexts contexts;
  asio::io_context loop(1);
  TaskGroup tasks(loop.get_executor(), [](const std::string& task, const std::string& what) {
    ADD_FAILURE() << task << " ended by an exception: " << what;
  });
  const auto target = server.target();
  const auto one = make_prober(loop, target, contexts);
  const auto other = make_prober(loop, target, contexts);
  std::array<ProbeResult, 3> results;
  const auto timeout = target.monitor.timeout;
  server.on_request([&] {
    read_again(contexts, target);
    std::promise<void> begun;
    asio::post(loop, [&] {
      tasks.spawn("probe", run_into(*other, timeout, results[1]));
      begun.set_value();
    });
    begun.get_future().wait();
  });
  tasks.spawn("probe", run_into(*one, timeout, results[0]));
  loop.run();
  loop.restart();
  tasks.spawn("probe", run_into(*one, timeout, results[2]));
  loop.run();
  for (const auto& result : results) EXPECT_EQ(summary(result), "pass none HTTP 200");
  EXPECT_EQ(server.handshakes(), "FFF");
}

// The service is fine for everyone who comes for the first time: that is what the verdict says.
TEST(TlsResumption, AServerThatChokesOnItIsAskedInFull) {
  Server server;
  choke_on_resumption(server.context());
  TlsContexts contexts;
  const auto results = probe_often(server.target(), contexts, 4);
  for (const auto& result : results) EXPECT_EQ(summary(result), "pass none HTTP 200");
  EXPECT_EQ(server.handshakes(), "FxFFF") << "and is not offered a session soon again";
  ASSERT_TRUE(results[1].times.connect && results[1].times.tls);
  EXPECT_LE(*results[1].times.connect, *results[1].times.tls);
  EXPECT_LE(*results[1].times.tls, results[1].times.total);
}

// As behind boxes that lose a ClientHello of more than one segment: silence, in each try.
TEST(TlsResumption, AServerThatFallsSilentAtASessionIsAskedInFullInTheSameTime) {
  Server server;
  fall_silent_at_resumption(server.context());
  TlsContexts contexts;
  auto target = server.target();
  target.monitor.timeout = Millis(4000);
  const auto results = probe_often(target, contexts, 5);
  for (const auto& result : results) EXPECT_EQ(summary(result), "pass none HTTP 200");
  EXPECT_EQ(server.handshakes(), "FxFFFF");
  EXPECT_LT(results[1].times.total, Millis(900)) << "what the session cost is not the service's";
}

TEST(TlsResumption, SilenceAtSessionsAndWithoutThemFailsAtTheDeadline) {
  Server server;
  TlsContexts contexts;
  auto target = server.target();
  target.monitor.timeout = Millis(2000);
  const auto results = probe_often(target, contexts, 3, [&](int i) {
    if (i == 2) fall_silent(server.context());
  });
  EXPECT_EQ(summary(results[1]), "pass none HTTP 200");
  EXPECT_EQ(summary(results[2]),
            "fail timeout no answer within 2 s after connecting (waiting for the TLS handshake)");
  expect_at_deadline(results[2], target.monitor.timeout);
}

// The short handshake has a part of the time only; what comes after it has all of it.
TEST(TlsResumption, AnAnswerAfterAShortHandshakeHasTheWholeTime) {
  Server server;
  TlsContexts contexts;
  auto target = server.target();
  target.monitor.timeout = Millis(4000);
  const auto results = probe_often(target, contexts, 2, [&](int i) {
    if (i == 1) server.think(Millis(1500));
  });
  EXPECT_EQ(summary(results[1]), "pass none HTTP 200");
  EXPECT_EQ(server.handshakes(), "Fr");
  EXPECT_GE(results[1].times.total, Millis(1500));
}

TEST(TlsResumption, ProbersShareNothing) {
  Server server;
  TlsContexts contexts;
  probe_often(server.target(), contexts, 2);
  probe_often(server.target(), contexts, 2);
  EXPECT_EQ(server.handshakes(), "FrFr");
}

}  // namespace
}  // namespace hotswapd
