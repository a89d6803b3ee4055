// Syslog datagrams against a real socket, and what becomes of them when nobody listens.
#include "notifiers/syslog_udp.hpp"

#include <gtest/gtest.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>

namespace hotswapd {
namespace {

using asio::ip::udp;

Fallible<void> deliver(Notifier& notifier, const std::string& body) {
  asio::io_context context(1);
  Fallible<void> out = Error{errc::internal, "not called"};
  asio::co_spawn(
      context, notifier.deliver(body, Clock::now() + Seconds(1)),
      [&out](const std::exception_ptr&, Fallible<void> result) { out = std::move(result); });
  context.run();
  return out;
}

std::string sink_at(const udp::endpoint& where) {
  return "syslog:udp:" + where.address().to_string() + ":" + std::to_string(where.port());
}

class Collector {
 public:
  explicit Collector(const char* address)
      : socket_(context_, udp::endpoint(asio::ip::make_address(address), 0)) {}
  udp::endpoint where() const { return socket_.local_endpoint(); }
  std::string take() {
    std::array<char, 4096> buffer{};
    std::size_t size = 0;
    bool got = false;
    socket_.async_receive(asio::buffer(buffer), [&](const error_code& ec, std::size_t n) {
      got = !ec;
      size = n;
    });
    context_.restart();
    context_.run_for(Seconds(5));
    socket_.cancel();
    context_.restart();
    context_.run();
    return got ? std::string(buffer.data(), size) : "(nothing)";
  }

 private:
  asio::io_context context_;
  udp::socket socket_;
};

TEST(SyslogUdp, AMessageIsADatagramIPv4AndIPv6) {
  for (const char* address : {"127.0.0.1", "::1"}) {
    Collector collector(address);
    auto notifier = make_syslog_notifier(sink_at(collector.where()));
    ASSERT_TRUE(notifier) << notifier.error().text;
    EXPECT_TRUE(deliver(**notifier, "<27>one"));
    EXPECT_TRUE(deliver(**notifier, "<27>two"));
    EXPECT_EQ(collector.take(), "<27>one");
    EXPECT_EQ(collector.take(), "<27>two");
  }
}

TEST(SyslogUdp, ACollectorThatIsGoneLosesItsOwnMessagesAndNoLaterOne) {
  udp::endpoint where;
  {
    Collector gone("127.0.0.1");
    where = gone.where();
  }
  auto notifier = make_syslog_notifier(sink_at(where));
  ASSERT_TRUE(notifier);
  for (int i = 0; i < 20; ++i)
    EXPECT_TRUE(deliver(**notifier, "<27>lost")) << "no error of an earlier datagram";
}

TEST(SyslogUdp, ADatagramTooLongIsNotTriedAgain) {
  Collector collector("127.0.0.1");
  auto notifier = make_syslog_notifier(sink_at(collector.where()));
  const auto result = deliver(**notifier, std::string(70'000, 'x'));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, errc::invalid_argument);
}

TEST(SyslogUdp, WhatTheKernelDeclinesIsTriedAgain) {
  // Broadcast without leave for it: EACCES on every machine, as a firewall's EPERM or a missing
  // route would be.
  auto notifier = make_syslog_notifier("syslog:udp:255.255.255.255:514");
  ASSERT_TRUE(notifier) << notifier.error().text;
  const auto result = deliver(**notifier, "<27>x");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, errc::unavailable) << result.error().text;
}

TEST(SyslogUdp, SinkNamesGoRoundAndBadOnesSayWhatIsWrong) {
  SyslogSpec spec;
  spec.server = "2001:db8::9";
  spec.port = 1514;
  EXPECT_EQ(syslog_sink(spec), "syslog:udp:2001:db8::9:1514");
  EXPECT_TRUE(make_syslog_notifier(syslog_sink(spec)));
  struct Row {
    const char* sink;
    errc code;
    const char* part;
  };
  const Row rows[] = {
      {"syslog:udp:collector.example.net:514", errc::not_built, "resolver"},
      {"syslog:tcp:192.0.2.9:514", errc::not_built, "TCP"},
      {"syslog:tls:192.0.2.9:6514", errc::not_built, "TLS"},
      {"mail:ops", errc::invalid_argument, "mail:ops"},
      {"syslog:udp:192.0.2.9", errc::invalid_argument, "no syslog sink"},
      {"syslog:udp:192.0.2.9:", errc::invalid_argument, "no syslog sink"},
      {"syslog:udp:192.0.2.9:0", errc::invalid_argument, "no syslog sink"},
      {"syslog:udp:192.0.2.9:65536", errc::invalid_argument, "no syslog sink"},
      {"syslog:udp:192.0.2.9:5x", errc::invalid_argument, "no syslog sink"},
      {"syslog:", errc::invalid_argument, "no syslog sink"},
      {"", errc::invalid_argument, "no syslog sink"},
  };
  for (const auto& row : rows) {
    const auto made = make_syslog_notifier(row.sink);
    ASSERT_FALSE(made) << row.sink;
    EXPECT_EQ(made.error().code, row.code) << row.sink;
    EXPECT_NE(made.error().text.find(row.part), std::string::npos) << made.error().text;
  }
}

}  // namespace
}  // namespace hotswapd
