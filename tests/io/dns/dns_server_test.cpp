// The embedded DNS on real sockets: both transports, both families, limits, slow and rude clients,
// stopping.
#include "dns/dns_server.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <functional>
#include <thread>

#include "dns/zone_editor.hpp"
#include "tests/io/dns/dns_client.hpp"

namespace hotswapd {
namespace {

using test::Bytes;
using test::operator+;
using namespace std::chrono_literals;

bool eventually(const std::function<bool()>& condition) {
  const auto until = Clock::now() + 10s;
  while (!condition()) {
    if (Clock::now() > until) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

class DnsServerTest : public testing::Test {
 protected:
  DnsServerTest() {
    EXPECT_TRUE(editor_.put_zone({"example.com", {{"ns1.example.net", {}}}, "h@example.com"}, 1));
    put("www.example.com", {"192.0.2.10"});
    std::vector<std::string> many;
    for (int i = 0; i < 200; ++i) many.push_back("192.0.2." + std::to_string(i));
    put("many.example.com", many);
  }

  void put(const std::string& fqdn, std::vector<std::string> values) {
    EXPECT_TRUE(editor_.put_record({"example.com", fqdn}, {RecordType::a, 30, std::move(values)}));
    holder_.publish(editor_.publish());
  }

  DnsServer& serve(DnsServerOptions options) {
    auto started = DnsServer::start(options, holder_);
    EXPECT_TRUE(started) << (started ? "" : started.error().text);
    server_ = std::move(*started);
    return *server_;
  }
  DnsServer& serve(std::vector<std::string> listen) {
    DnsServerOptions options;
    options.listen = std::move(listen);
    return serve(options);
  }

  static test::Message ask_udp(const DnsEndpoint& at, const test::QuerySpec& spec = {}) {
    const auto fd = test::connected(at, SOCK_DGRAM);
    test::send_bytes(fd, test::query(spec));
    return test::parse(test::receive(fd));
  }

  ZoneEditor editor_;
  SnapshotHolder holder_;
  std::unique_ptr<DnsServer> server_;
};

TEST_F(DnsServerTest, AnswersOnBothFamiliesByBothTransports) {
  auto& server = serve({"127.0.0.1:0", "[::1]:0"});
  ASSERT_EQ(server.endpoints().size(), 2U);
  for (const auto& at : server.endpoints()) {
    EXPECT_NE(at.port, 0);
    EXPECT_EQ(ask_udp(at).lines(0), std::vector<std::string>{"www.example.com 30 A 192.0.2.10"});
    const auto fd = test::connected(at, SOCK_STREAM);
    test::send_bytes(fd, test::framed(test::query({})));
    EXPECT_EQ(test::parse(test::receive_framed(fd)).lines(0),
              std::vector<std::string>{"www.example.com 30 A 192.0.2.10"});
  }
  EXPECT_TRUE(eventually([&] { return server.figures().udp == 2 && server.figures().tcp == 2; }));
  EXPECT_EQ(server.figures().by_rcode[0], 4U);
}

TEST_F(DnsServerTest, ListenersOnAnyAnswerFromTheAddressThatWasAsked) {
  auto& server = serve({"0.0.0.0:0", "[::]:0"});
  for (const char* text : {"127.0.0.1", "127.0.0.77"}) {
    auto at = DnsEndpoint::parse(text, server.endpoints()[0].port).value();
    EXPECT_EQ(ask_udp(at).lines(0).size(), 1U)
        << "a connected socket takes answers from " << text << " only";
  }
  EXPECT_EQ(ask_udp(DnsEndpoint::parse("::1", server.endpoints()[1].port).value()).lines(0).size(),
            1U);
}

TEST_F(DnsServerTest, ManyPacketsInOneBatchAreAllAnswered) {
  auto& server = serve({"127.0.0.1:0"});
  const auto fd = test::connected(server.endpoints()[0], SOCK_DGRAM);
  constexpr int count = 200;
  for (int i = 0; i < count; ++i) {
    test::QuerySpec spec;
    spec.id = static_cast<std::uint16_t>(i);
    test::send_bytes(fd, i % 10 == 0 ? test::bytes({1, 2, 3}) : test::query(spec));
  }
  std::set<int> ids;
  for (int i = 0; i < count * 9 / 10; ++i) ids.insert(test::parse(test::receive(fd)).header.id);
  EXPECT_EQ(ids.size(), count * 9U / 10);
  EXPECT_TRUE(eventually([&] { return server.figures().silent == count / 10; }));
}

TEST_F(DnsServerTest, SeveralWorkersShareOnePort) {
  DnsServerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.udp_workers = 3;
  auto& server = serve(options);
  for (int i = 0; i < 30; ++i) EXPECT_EQ(ask_udp(server.endpoints()[0]).lines(0).size(), 1U);
  EXPECT_TRUE(eventually([&] { return server.figures().udp == 30; }));
}

TEST_F(DnsServerTest, ANewVersionIsServedAtOnce) {
  auto& server = serve({"127.0.0.1:0"});
  for (int i = 1; i < 50; ++i) {
    const auto value = "198.51.100." + std::to_string(i);
    put("www.example.com", {value});
    EXPECT_EQ(ask_udp(server.endpoints()[0]).lines(0)[0], "www.example.com 30 A " + value);
  }
}

TEST_F(DnsServerTest, TruncatedByUdpWholeByTcp) {
  auto& server = serve({"127.0.0.1:0"});
  test::QuerySpec spec;
  spec.name = "many.example.com";
  EXPECT_TRUE(ask_udp(server.endpoints()[0], spec).header.has(wire::Header::tc));
  const auto fd = test::connected(server.endpoints()[0], SOCK_STREAM);
  test::send_bytes(fd, test::framed(test::query(spec)));
  EXPECT_EQ(test::parse(test::receive_framed(fd)).lines(0).size(), 200U);
  EXPECT_EQ(server.figures().truncated, 1U);
}

TEST_F(DnsServerTest, RateLimitDropsAndSlips) {
  DnsServerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.rate_limits.loopback = 10;
  auto& server = serve(options);
  const auto fd = test::connected(server.endpoints()[0], SOCK_DGRAM);
  constexpr int count = 100;
  for (int i = 0; i < count; ++i) test::send_bytes(fd, test::query({}));
  ASSERT_TRUE(
      eventually([&] { return server.figures().udp + server.figures().rate_limited >= count; }));
  int whole = 0, slipped = 0;
  for (auto raw = test::receive(fd, 200); !raw.empty(); raw = test::receive(fd, 200)) {
    (test::parse(raw).header.has(wire::Header::tc) ? slipped : whole)++;
  }
  EXPECT_GE(whole, 10);
  EXPECT_LE(whole, 30) << "a burst may meet two or three seconds";
  EXPECT_GE(slipped, 30);
  const auto tcp = test::connected(server.endpoints()[0], SOCK_STREAM);
  for (int i = 0; i < 20; ++i) {
    test::send_bytes(tcp, test::framed(test::query({})));
    EXPECT_EQ(test::parse(test::receive_framed(tcp)).lines(0).size(), 1U) << "TCP is exempt";
  }
}

TEST_F(DnsServerTest, TcpAnswersAPipelineAndByteByByte) {
  auto& server = serve({"127.0.0.1:0"});
  const auto fd = test::connected(server.endpoints()[0], SOCK_STREAM);
  Bytes all;
  constexpr int count = 300;  // with 200 records each: far more than one buffer of answers
  for (int i = 0; i < count; ++i) {
    test::QuerySpec spec;
    spec.name = "many.example.com";
    spec.id = static_cast<std::uint16_t>(i);
    all = all + test::framed(test::query(spec));
  }
  test::send_bytes(fd, all);
  for (int i = 0; i < count; ++i) {
    const auto message = test::parse(test::receive_framed(fd));
    ASSERT_EQ(message.header.id, i);
    ASSERT_EQ(message.lines(0).size(), 200U);
  }
  for (const auto byte : test::framed(test::query({}))) test::send_bytes(fd, Bytes{byte});
  EXPECT_EQ(test::parse(test::receive_framed(fd)).lines(0).size(), 1U);
}

TEST_F(DnsServerTest, TcpAnswersAClientThatHasShutItsSide) {
  auto& server = serve({"127.0.0.1:0"});
  const auto fd = test::connected(server.endpoints()[0], SOCK_STREAM);
  test::send_bytes(fd, test::framed(test::query({})) + test::framed(test::query({})));
  ::shutdown(fd.get(), SHUT_WR);
  EXPECT_FALSE(test::receive_framed(fd).empty());
  EXPECT_FALSE(test::receive_framed(fd).empty());
  EXPECT_TRUE(test::closed_within(fd));
}

TEST_F(DnsServerTest, TcpDeadlines) {
  DnsServerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.tcp.idle = 150ms;
  options.tcp.message = 100ms;
  options.tcp.flush = 100ms;
  auto& server = serve(options);
  const auto& at = server.endpoints()[0];

  const auto idle = test::connected(at, SOCK_STREAM);
  EXPECT_TRUE(test::closed_within(idle)) << "says nothing";

  const auto dripping = test::connected(at, SOCK_STREAM);
  const auto began = Clock::now();
  const auto question = test::framed(test::query({}));
  bool closed = false;
  for (std::size_t i = 0; i + 1 < question.size() && !closed; ++i) {
    ::send(dripping.get(), &question[i], 1, MSG_NOSIGNAL);
    closed = test::closed_within(dripping, 20);
  }
  EXPECT_TRUE(closed || test::closed_within(dripping))
      << "a byte now and then does not prolong the deadline";
  EXPECT_LT(Clock::now() - began, 5s);

  const auto deaf = test::connected(at, SOCK_STREAM);
  test::QuerySpec spec;
  spec.name = "many.example.com";
  Bytes pipeline;
  for (int i = 0; i < 1000; ++i) pipeline = pipeline + test::framed(test::query(spec));
  for (int i = 0; i < 10; ++i)
    ::send(deaf.get(), pipeline.data(), pipeline.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  EXPECT_TRUE(eventually([&] { return server.figures().tcp_timeouts == 3; }))
      << "never reads its answers";
}

TEST_F(DnsServerTest, TcpConnectionsAreLimitedPerAddressAndInAll) {
  DnsServerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.tcp.connections = 5;
  options.tcp.per_address = 3;
  auto& server = serve(options);
  const auto& at = server.endpoints()[0];
  const auto works = [](const Descriptor& fd) {
    ::send(fd.get(), test::framed(test::query({})).data(), test::framed(test::query({})).size(),
           MSG_NOSIGNAL);
    return !test::receive_framed(fd).empty();
  };
  std::vector<Descriptor> kept;
  for (int i = 0; i < 3; ++i) {
    kept.push_back(test::connected(at, SOCK_STREAM));
    EXPECT_TRUE(works(kept.back()));
  }
  EXPECT_FALSE(works(test::connected(at, SOCK_STREAM))) << "the fourth of one address";
  const auto other = DnsEndpoint::parse("127.0.0.2:0");
  for (int i = 0; i < 2; ++i) {
    kept.push_back(test::connected(at, SOCK_STREAM, other));
    EXPECT_TRUE(works(kept.back()));
  }
  EXPECT_FALSE(works(test::connected(at, SOCK_STREAM, other))) << "the sixth in all";
  EXPECT_EQ(server.figures().tcp_refused, 2U);
  kept.clear();
  EXPECT_TRUE(eventually([&] { return works(test::connected(at, SOCK_STREAM)); }))
      << "places become free again";
}

TEST_F(DnsServerTest, WithoutDescriptorsTcpRefusesAndUdpGoesOn) {
  auto& server = serve({"127.0.0.1:0"});
  const auto& at = server.endpoints()[0];
  const auto udp = test::connected(at, SOCK_DGRAM);
  Descriptor tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  {
    const Descriptor next(::dup(0));  // the lowest free number: from here on there is none
    none.rlim_cur = static_cast<rlim_t>(next.get());
  }
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  sockaddr_storage storage;
  const auto size = at.fill(storage);
  EXPECT_EQ(::connect(tcp.get(), reinterpret_cast<sockaddr*>(&storage), size), 0);
  const bool closed = test::closed_within(tcp);
  test::send_bytes(udp, test::query({}));
  const auto answer = test::receive(udp);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(closed);
  EXPECT_EQ(test::parse(answer).lines(0).size(), 1U);
  EXPECT_EQ(server.figures().tcp_refused, 1U) << "refused once, not for ever";
  const auto again = test::connected(at, SOCK_STREAM);
  test::send_bytes(again, test::framed(test::query({})));
  EXPECT_FALSE(test::receive_framed(again).empty());
}

TEST_F(DnsServerTest, TcpGarbageDoesNotDisturbOthers) {
  auto& server = serve({"127.0.0.1:0"});
  const auto bad = test::connected(server.endpoints()[0], SOCK_STREAM);
  const auto good = test::connected(server.endpoints()[0], SOCK_STREAM);
  test::send_bytes(bad, test::bytes({0, 0, 0, 3, 1, 2, 3}) + test::framed(Bytes(60'000)) +
                            test::framed(test::query({})));
  EXPECT_EQ(test::parse(test::receive_framed(bad)).rcode(), 1U)
      << "60,000 zeros are FORMERR; shorter is silence";
  EXPECT_EQ(test::parse(test::receive_framed(bad)).lines(0).size(), 1U);
  test::send_bytes(good, test::framed(test::query({})));
  EXPECT_FALSE(test::receive_framed(good).empty());
}

TEST_F(DnsServerTest, AnAddressInUseIsNamedWithARemedy) {
  auto& server = serve({"127.0.0.1:0"});
  const auto taken = server.endpoints()[0].text();
  DnsServerOptions options;
  for (const int workers : {1, 2}) {
    options.listen = {taken};
    options.udp_workers = workers;
    const auto second = DnsServer::start(options, holder_);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().text.find(taken), std::string::npos) << second.error().text;
    EXPECT_NE(second.error().text.find("choose another port"), std::string::npos);
  }
  options.listen = {"192.0.2.1:5300"};
  EXPECT_NE(DnsServer::start(options, holder_).error().text.find("no interface"),
            std::string::npos);
  options.listen = {"localhost:5300"};
  EXPECT_EQ(DnsServer::start(options, holder_).error().code, errc::invalid_argument);
}

TEST_F(DnsServerTest, StopIsCleanAndTheAddressIsFreeAgain) {
  auto& server = serve({"127.0.0.1:0"});
  const auto at = server.endpoints()[0];
  const auto open = test::connected(at, SOCK_STREAM);
  test::send_bytes(open, test::framed(test::query({})));
  EXPECT_FALSE(test::receive_framed(open).empty());
  server.stop();
  server.stop();
  EXPECT_TRUE(test::closed_within(open));
  server_.reset();
  EXPECT_TRUE(serve({at.text()}).endpoints()[0] == at);
}

}  // namespace
}  // namespace hotswapd
