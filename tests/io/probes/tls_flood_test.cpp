// TLS peers that send without end what is no answer: they fail, and they do not hold the loop.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "net/tls_contexts.hpp"
#include "probes/tls_client.hpp"
#include "scripted_peer.hpp"
#include "test_certificates.hpp"

namespace hotswapd {
namespace {

using namespace testing;

const Identity& self_signed() {
  static const Identity made = make_identity({}, nullptr);
  return made;
}

TargetSpec https_at(const ScriptedPeer& peer) {
  auto target = target_at(peer.port(), Protocol::https, Millis(5000));
  target.monitor.expected = "Example";
  target.monitor.tls.verify = false;
  return target;
}

bool closed(int fd) {
  pollfd gone{.fd = fd, .events = POLLRDHUP, .revents = 0};
  return ::poll(&gone, 1, 0) > 0;
}

// What a peer does to us that sends one thing after the other, instead of an answer.
ProbeResult flooded(int newest, const std::function<bool(TlsServer&)>& send_one) {
  ScriptedPeer peer([&](int fd) {
    TlsServer server(self_signed(), fd, newest);
    if (!server.shake()) return;
    server.read_request();
    // Longer than the attempt may last.
    const TimePoint until = Clock::now() + Seconds(8);
    while (Clock::now() < until && !closed(fd) && send_one(server)) {
    }
  });
  return probe(https_at(peer));
}

TEST(TlsFlood, MessagesWithoutEndAreAFailure) {
  const std::string reason =
      "fail protocol TLS messages without end from the server while the answer was read";
  const auto tickets = flooded(0, [](TlsServer& server) { return server.send_ticket(); });
  EXPECT_EQ(summary(tickets), reason);
  EXPECT_LT(tickets.times.total, Millis(4000));
  const auto updates = flooded(0, [](TlsServer& server) { return server.send_key_update(); });
  EXPECT_EQ(summary(updates), reason);
  EXPECT_LT(updates.times.total, Millis(4000));
  const auto requests =
      flooded(TLS1_2_VERSION, [](TlsServer& server) { return server.ask_to_renegotiate(); });
  EXPECT_EQ(summary(requests), reason);
  EXPECT_LT(requests.times.total, Millis(4000));
}

TEST(TlsFlood, AFewTicketsAreNoFlood) {
  ScriptedPeer peer([](int fd) {
    TlsServer server(self_signed(), fd);
    if (!server.shake()) return;
    server.read_request();
    for (int i = 0; i < 20; ++i) server.send_ticket();
    server.send("HTTP/1.1 200 OK\r\n\r\nExample");
    await_close(fd);
  });
  EXPECT_EQ(summary(probe(https_at(peer))), "pass none HTTP 200");
}

TEST(TlsFlood, AnAnswerThatIsNearlyAllPaddingIsAFailure) {
  ScriptedPeer peer([](int fd) {
    TlsServer server(self_signed(), fd);
    if (!server.shake()) return;
    server.read_request();
    server.send("HTTP/1.1 200 OK\r\n\r\n");
    server.pad_records_to(16 * 1024);
    for (int i = 0; i < 1000 && server.send("x"); ++i) {
    }
  });
  EXPECT_EQ(summary(probe(https_at(peer))),
            "fail protocol more than 4 MiB of TLS from the server while the answer was read");
}

// More than one turn's worth, all of it there when the first turn ends: no event tells of the rest.
TEST(TlsFlood, AHandshakeAndAnAnswerInManyRecordsComeToTheirEnd) {
  ScriptedPeer peer([](int fd) {
    const Identity middle = make_identity({.common_name = "M", .authority = true}, &self_signed());
    const auto context = make_server_context(self_signed());
    for (int i = 0; i < 100; ++i) SSL_CTX_add1_chain_cert(context.get(), middle.certificate.get());
    TlsServer server(context, fd);
    server.split_records_at(512);
    if (!server.shake()) return;
    server.read_request();
    server.send("HTTP/1.1 200 OK\r\n\r\n" + std::string(200'000, 'x') + "Example");
    await_close(fd);
  });
  EXPECT_EQ(summary(probe(https_at(peer))), "pass none HTTP 200");
}

TEST(TlsFlood, ATurnEndsAfterSoManyReads) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  ASSERT_EQ(::fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
  constexpr int records = 100;
  TlsContexts contexts;
  const auto context = contexts.in_use(TlsPolicy{false, {}}, Clock::now());
  ASSERT_TRUE(context);
  TlsClient client(context->context.get(), ends[0], "www.example.com");
  auto server = std::make_unique<TlsServer>(self_signed(), ends[1]);
  std::thread serving([&] {
    if (!server->shake()) return;
    for (int i = 0; i < records; ++i) server->send("x");
  });
  auto step = TlsClient::Step::again;
  while ((step = client.handshake()) == TlsClient::Step::again) client.begin_turn();
  ASSERT_EQ(step, TlsClient::Step::done);
  serving.join();
  int got = 0;
  int turns = 0;
  while (got < records) {
    client.begin_turn();
    ++turns;
    int in_this_turn = 0;
    for (;;) {
      std::array<char, 100> buffer;
      std::size_t size = 0;
      step = client.read(buffer, size);
      if (step != TlsClient::Step::done) break;
      in_this_turn += static_cast<int>(size);
    }
    ASSERT_EQ(step, TlsClient::Step::again);
    got += in_this_turn;
    EXPECT_EQ(client.yielded(), got < records);
    EXPECT_LE(in_this_turn, TlsClient::reads_at_once / 2);
    ASSERT_LT(turns, 50);
  }
  EXPECT_GE(turns, 4);
  server.reset();
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace hotswapd
