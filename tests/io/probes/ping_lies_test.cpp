// PING probes against somebody who answers in the kernel's place: wrong, late, double, too much.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "ping_world.hpp"

namespace hotswapd {
namespace {

using namespace testing;
using Means = PingEngine::Means;

class PingLies : public PingProbe {};

INSTANTIATE_TEST_SUITE_P(Sockets, PingLies, ::testing::Values(Means::datagram, Means::raw),
                         name_of);

// What answers in the kernel's place: sees each echo request whole, sends what the script makes.
class Responder {
 public:
  using Packet = std::vector<std::uint8_t>;
  // `request`: the IP header and all. Sends with `send(ICMP message, source address)`.
  using Send = std::function<void(Packet, const char*)>;
  using Script = std::function<void(const Packet& request, const Send&)>;

  explicit Responder(Script script) : script_(std::move(script)) {
    EXPECT_TRUE(write_sysctl("net/ipv4/icmp_echo_ignore_all", "1"));
    fd_ = ::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
    EXPECT_GE(fd_, 0);
    thread_ = std::thread([this] { serve(); });
  }

  ~Responder() {
    stop_ = true;
    thread_.join();
    ::close(fd_);
  }

  static Packet summed(Packet message) {
    message[2] = message[3] = 0;
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < message.size(); ++i)
      sum += i % 2 == 0 ? message[i] * 256u : message[i];
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    message[2] = static_cast<std::uint8_t>(~sum >> 8);
    message[3] = static_cast<std::uint8_t>(~sum);
    return message;
  }

 private:
  void serve() {
    while (!stop_) {
      pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
      if (::poll(&waiting, 1, 20) <= 0) continue;
      Packet packet(1500);
      const auto n = ::recv(fd_, packet.data(), packet.size(), 0);
      if (n < 28 || packet[20] != 8) continue;
      packet.resize(static_cast<std::size_t>(n));
      script_(packet, [](Packet message, const char* from) {
        const int fd = ::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        ::inet_pton(AF_INET, from, &address.sin_addr);
        EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
        message = summed(std::move(message));
        EXPECT_GT(::sendto(fd, message.data(), message.size(), 0,
                           reinterpret_cast<sockaddr*>(&address), sizeof address),
                  0);
        ::close(fd);
      });
    }
  }

  Script script_;
  int fd_ = -1;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

Responder::Packet reply_to(const Responder::Packet& request) {
  Responder::Packet reply(request.begin() + 20, request.end());
  reply[0] = 0;
  return reply;
}

void tell_lies(const Responder::Packet& request, const Responder::Send& send) {
  for (const std::size_t at : {std::size_t{5}, std::size_t{7}, std::size_t{12}}) {
    auto wrong = reply_to(request);  // in the id, the sequence, the cookie
    wrong[at] ^= 1;
    send(std::move(wrong), "127.0.0.1");
  }
  auto brief = reply_to(request);
  brief.resize(12);
  send(std::move(brief), "127.0.0.1");
  send(reply_to(request), "127.0.0.2");
}

TEST_P(PingLies, OnlyTheRightReplyCountsAndOnlyOnce) {
  in_network([] {
    Responder responder([](const auto& request, const auto& send) {
      tell_lies(request, send);
      send(reply_to(request), "127.0.0.1");
      send(reply_to(request), "127.0.0.1");
    });
    Loop loop;
    for (int i = 0; i < 5; ++i) EXPECT_EQ(loop.ping("127.0.0.1"), "pass none echo reply");
  });
}

TEST_P(PingLies, LiesDoNotCount) {
  in_network([] {
    Responder responder(tell_lies);
    Loop loop;
    EXPECT_EQ(loop.ping("127.0.0.1", Millis(300)),
              "fail timeout no echo reply from 127.0.0.1 within 300 ms");
  });
}

TEST_P(PingLies, ALateReplyIsNotTheNextOnes) {
  in_network([] {
    std::atomic<int> asked{0};
    Responder::Packet first;
    Responder responder([&](const auto& request, const auto& send) {
      if (asked++ == 0) {
        first = reply_to(request);
      } else {
        send(first, "127.0.0.1");
      }
    });
    Loop loop;
    EXPECT_EQ(loop.ping("127.0.0.1", Millis(100)),
              "fail timeout no echo reply from 127.0.0.1 within 100 ms");
    EXPECT_EQ(loop.ping("127.0.0.1", Millis(100)),
              "fail timeout no echo reply from 127.0.0.1 within 100 ms");
    EXPECT_EQ(asked, 2);
  });
}

// Type 3 code 1, quoting `size` bytes of the request from its IP header on.
Responder::Script refuse(std::size_t size) {
  return [size](const Responder::Packet& request, const Responder::Send& send) {
    Responder::Packet error(8);
    error[0] = 3;
    error[1] = 13;
    error.insert(error.end(), request.begin(), request.begin() + static_cast<long>(size));
    send(std::move(error), "127.0.0.3");
  };
}

TEST_P(PingLies, AnErrorThatQuotesTheCookieEndsTheAttemptABriefOneDoesNot) {
  in_network([] {
    const std::string reason =
        "fail connect a firewall on the way forbids pings: 127.0.0.1 (said by 127.0.0.3)";
    Loop loop;
    {
      Responder responder(refuse(20 + 16));
      const ProbeResult& result = loop.start("127.0.0.1", Millis(3000));
      loop.run();
      EXPECT_EQ(summary(result), reason);
      EXPECT_LT(result.times.total, Millis(1000));
    }
    {
      Responder responder(refuse(20 + 8));
      const ProbeResult& result = loop.start("127.0.0.1", Millis(300));
      loop.run();
      EXPECT_EQ(summary(result), reason);
      expect_at_deadline(result, Millis(300));
    }
    {
      Responder responder([](const auto& request, const auto& send) {
        refuse(20 + 8)(request, send);
        send(reply_to(request), "127.0.0.1");
      });
      EXPECT_EQ(loop.ping("127.0.0.1"), "pass none echo reply");
    }
  });
}

TEST_P(PingLies, AReplyThatLiesBehindManyOthersCameInTime) {
  in_network([] {
    std::atomic<bool> answered{false};
    Responder responder([&](const auto& request, const auto& send) {
      auto lie = reply_to(request);
      lie[12] ^= 1;
      for (int i = 0; i < 1500; ++i) send(lie, "127.0.0.1");
      send(reply_to(request), "127.0.0.1");
      answered = true;
    });
    Loop loop;
    const Millis timeout(400);
    const TimePoint deadline = Clock::now() + timeout;
    const ProbeResult& result = loop.start("127.0.0.1", timeout);
    // The loop does not run until the deadline is over.
    while (!answered || Clock::now() < deadline + Millis(20)) std::this_thread::yield();
    loop.run();
    // On a host that allows small buffers only, the kernel has dropped it.
    if (result.reason.starts_with("this host lost ICMP messages")) return;
    EXPECT_EQ(summary(result), "pass none echo reply");
  });
}

TEST_P(PingLies, RepliesThatThisHostLostAreItsOwnTrouble) {
  in_network([] {
    // One request is answered by more than a buffer holds before the loop reads.
    std::atomic<bool> flooded{false};
    Responder responder([&](const auto& request, const auto& send) {
      auto lie = reply_to(request);
      lie[12] ^= 1;
      for (int i = 0; i < 20'000; ++i) send(lie, "127.0.0.1");
      flooded = true;
    });
    Loop loop;
    const ProbeResult& result = loop.start("127.0.0.1", Millis(400));
    const TimePoint until = Clock::now() + Seconds(20);
    while (!flooded && Clock::now() < until) std::this_thread::sleep_for(Millis(1));
    loop.run();
    EXPECT_EQ(result.verdict, Verdict::inconclusive) << summary(result);
  });
}

// The kernel checks the sum before it asks our filter, and counts what is wrong among what it
// drops.
TEST_P(PingLies, WrongChecksumsFromAnybodyAreNoLossOfOurs) {
  in_network([] {
    ASSERT_TRUE(write_sysctl("net/ipv6/icmp/echo_ignore_all", "1"));
    Loop loop;
    const Millis timeout(300);
    const ProbeResult& result = loop.start("::1", timeout);
    const int fd = ::socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    ASSERT_GE(fd, 0);
    Responder::Packet packet(40 + 24);
    packet[0] = 0x60;
    packet[5] = 24;  // payload
    packet[6] = IPPROTO_ICMPV6;
    packet[7] = 64;               // hops
    packet[23] = packet[39] = 1;  // ::1 to ::1
    packet[40] = 129;             // echo reply
    packet[42] = 0x12;            // a sum that is wrong
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    to.sin6_addr = IN6ADDR_LOOPBACK_INIT;
    for (int i = 0; i < 100; ++i) {
      EXPECT_GT(::sendto(fd, packet.data(), packet.size(), 0, reinterpret_cast<sockaddr*>(&to),
                         sizeof to),
                0);
    }
    ::close(fd);
    loop.run();
    EXPECT_EQ(summary(result), "fail timeout no echo reply from ::1 within 300 ms");
  });
}

}  // namespace
}  // namespace hotswapd
