// ICMP messages byte by byte: what is built, what is read, and which is whose.
#include "probes/icmp_message.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace hotswapd {
namespace {

using Kind = IcmpNews::Kind;
using Wire = std::vector<std::uint8_t>;

constexpr EchoTag tag{0xa1b2, 0x0304, 0x1122334455667788};
constexpr IpBytes target4{192, 0, 2, 1};
constexpr IpBytes router4{192, 0, 2, 254};
constexpr IpBytes target6{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

std::uint16_t sum_of(const Wire& bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) sum += i % 2 == 0 ? bytes[i] * 256u : bytes[i];
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

// Puts the right checksum into an ICMP message.
Wire summed(Wire message) {
  message[2] = message[3] = 0;
  const auto sum = sum_of(message);
  message[2] = static_cast<std::uint8_t>(sum >> 8);
  message[3] = static_cast<std::uint8_t>(sum);
  return message;
}

Wire ipv4(const IpBytes& from, const IpBytes& to, const Wire& payload, std::size_t options = 0) {
  Wire packet(20 + options);
  packet[0] = static_cast<std::uint8_t>(0x40 + packet.size() / 4);
  const auto total = packet.size() + payload.size();
  packet[2] = static_cast<std::uint8_t>(total >> 8);
  packet[3] = static_cast<std::uint8_t>(total);
  packet[8] = 64;
  packet[9] = 1;
  std::copy_n(from.begin(), 4, packet.begin() + 12);
  std::copy_n(to.begin(), 4, packet.begin() + 16);
  packet.insert(packet.end(), payload.begin(), payload.end());
  return packet;
}

Wire ipv6(const IpBytes& to, const Wire& payload) {
  Wire packet(40);
  packet[0] = 0x60;
  packet[6] = 58;
  packet[7] = 64;
  std::copy(to.begin(), to.end(), packet.begin() + 24);
  packet.insert(packet.end(), payload.begin(), payload.end());
  return packet;
}

Wire request(IpFamily family) {
  const auto built = build_echo(family, tag);
  return {built.begin(), built.end()};
}

Wire reply(IpFamily family) {
  Wire message = request(family);
  message[0] = family == IpFamily::v4 ? 0 : 129;
  return summed(message);
}

Wire error(std::uint8_t type, std::uint8_t code, Wire quoted) {
  Wire message(8);
  message[0] = type;
  message[1] = code;
  message.insert(message.end(), quoted.begin(), quoted.end());
  return summed(message);
}

Wire cut(Wire bytes, std::size_t size) {
  bytes.resize(size);
  return bytes;
}

TEST(IcmpMessage, ARequestIsWhatTheRfcSays) {
  const Wire v4 = request(IpFamily::v4);
  ASSERT_EQ(v4.size(), 64u);
  EXPECT_EQ(v4[0], 8);
  EXPECT_EQ(v4[1], 0);
  EXPECT_EQ(sum_of(v4), 0);
  EXPECT_EQ(Wire(v4.begin() + 4, v4.begin() + 16),
            (Wire{0xa1, 0xb2, 3, 4, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88}));
  const Wire v6 = request(IpFamily::v6);
  EXPECT_EQ(v6[0], 128);
  EXPECT_EQ(v6[2] + v6[3], 0);  // the kernel's
}

TEST(IcmpMessage, RepliesAreReadFromEverySocket) {
  const Wire rows[] = {reply(IpFamily::v4), ipv4(target4, router4, reply(IpFamily::v4)),
                       ipv4(target4, router4, reply(IpFamily::v4), 12)};
  for (const Wire& wire : rows) {
    const auto framing = wire.size() == 64 ? Framing::bare : Framing::ip_header;
    const auto news = read_icmp(IpFamily::v4, wire, framing);
    EXPECT_EQ(news.kind, Kind::reply);
    EXPECT_EQ(match(news, tag, target4, target4), Match::sure);
    EXPECT_EQ(match(news, tag, target4, router4), Match::no) << "from somebody else";
  }
  const auto news = read_icmp(IpFamily::v6, reply(IpFamily::v6), Framing::bare);
  EXPECT_EQ(match(news, tag, target6, target6), Match::sure);
}

TEST(IcmpMessage, AReplyToAnotherRequestIsNotOurs) {
  const auto news = read_icmp(IpFamily::v4, reply(IpFamily::v4), Framing::bare);
  for (const EchoTag& other :
       {EchoTag{0xa1b3, tag.sequence, tag.cookie}, EchoTag{tag.id, 0x0305, tag.cookie},
        EchoTag{tag.id, tag.sequence, tag.cookie + 1}}) {
    EXPECT_EQ(match(news, other, target4, target4), Match::no);
  }
  // A reply that gives back less than it was sent proves nothing.
  const auto brief = read_icmp(IpFamily::v4, cut(reply(IpFamily::v4), 15), Framing::bare);
  EXPECT_EQ(brief.kind, Kind::reply);
  EXPECT_FALSE(brief.cookie);
  EXPECT_EQ(match(brief, tag, target4, target4), Match::no);
}

TEST(IcmpMessage, WhatIsBrokenOrForeignIsNothing) {
  Wire bad_sum = ipv4(target4, router4, reply(IpFamily::v4));
  bad_sum.back() ^= 1;
  Wire udp = ipv4(target4, router4, reply(IpFamily::v4));
  udp[9] = 17;
  Wire fragment = ipv4(target4, router4, reply(IpFamily::v4));
  fragment[7] = 1;
  Wire long_header = ipv4(target4, router4, cut(reply(IpFamily::v4), 8));
  long_header[0] = 0x4f;
  Wire short_header = ipv4(target4, router4, reply(IpFamily::v4));
  short_header[0] = 0x44;
  Wire short_total = ipv4(target4, router4, reply(IpFamily::v4));
  short_total[3] = 24;
  for (const Wire& wire :
       {bad_sum, udp, fragment, long_header, short_header, short_total, Wire{}, Wire(19),
        ipv4(target4, router4, request(IpFamily::v4)),
        ipv4(target4, router4, cut(reply(IpFamily::v4), 7)),
        ipv4(target4, router4, error(3, 1, ipv4(router4, target4, reply(IpFamily::v4)))),
        ipv4(target4, router4, error(3, 1, cut(ipv4(router4, target4, request(IpFamily::v4)), 27))),
        ipv4(target4, router4, error(5, 1, ipv4(router4, target4, request(IpFamily::v4))))}) {
    EXPECT_EQ(read_icmp(IpFamily::v4, wire, Framing::ip_header).kind, Kind::other);
  }
  EXPECT_EQ(read_icmp(IpFamily::v6, request(IpFamily::v6), Framing::bare).kind, Kind::other);
  EXPECT_EQ(read_icmp(IpFamily::v6, error(1, 0, cut(ipv6(target6, request(IpFamily::v6)), 47)),
                      Framing::bare)
                .kind,
            Kind::other);
}

TEST(IcmpMessage, ErrorsAreMatchedByWhatTheyQuote) {
  const Wire whole =
      ipv4(router4, target4, error(3, 1, ipv4(router4, target4, request(IpFamily::v4), 8)));
  const auto sure = read_icmp(IpFamily::v4, whole, Framing::ip_header);
  EXPECT_EQ(sure.kind, Kind::error);
  EXPECT_EQ(sure.obstacle, Obstacle::no_host);
  EXPECT_EQ(match(sure, tag, target4, router4), Match::sure) << "any router may say so";
  EXPECT_EQ(match(sure, tag, router4, router4), Match::no) << "another target";
  EXPECT_EQ(match(sure, {tag.id, tag.sequence, 1}, target4, router4), Match::no);
  // RFC 792: the header and eight bytes.
  const Wire brief =
      ipv4(router4, target4, error(11, 0, cut(ipv4(router4, target4, request(IpFamily::v4)), 28)));
  const auto likely = read_icmp(IpFamily::v4, brief, Framing::ip_header);
  EXPECT_EQ(likely.obstacle, Obstacle::loop);
  EXPECT_EQ(match(likely, tag, target4, router4), Match::likely);
  EXPECT_EQ(match(likely, {tag.id, 5, tag.cookie}, target4, router4), Match::no);
  const auto v6 =
      read_icmp(IpFamily::v6, error(1, 3, ipv6(target6, request(IpFamily::v6))), Framing::bare);
  EXPECT_EQ(v6.obstacle, Obstacle::no_host);
  EXPECT_EQ(match(v6, tag, target6, router4), Match::sure);
  // The kernel's error queue quotes from the ICMP header on.
  const auto queued =
      read_quoted(IpFamily::v4, request(IpFamily::v4), Obstacle::forbidden, target4);
  EXPECT_EQ(match(queued, tag, target4, router4), Match::sure);
  EXPECT_EQ(read_quoted(IpFamily::v4, reply(IpFamily::v4), Obstacle::forbidden, target4).kind,
            Kind::other);
}

TEST(IcmpMessage, TypesAndCodes) {
  struct Row {
    IpFamily family;
    std::uint8_t type;
    std::uint8_t code;
    const char* reason;  // nullptr: no error
  };
  const Row rows[] = {
      {IpFamily::v4, 3, 0, "network unreachable: T (said by R)"},
      {IpFamily::v4, 3, 1, "host unreachable: T (said by R)"},
      {IpFamily::v4, 3, 2, "the host refuses pings: T (said by R)"},
      {IpFamily::v4, 3, 4, "a link on the way is too narrow for a ping: T (said by R)"},
      {IpFamily::v4, 3, 5, "the ping could not be delivered: T (said by R)"},
      {IpFamily::v4, 3, 10, "a firewall on the way forbids pings: T (said by R)"},
      {IpFamily::v4, 3, 13, "a firewall on the way forbids pings: T (said by R)"},
      {IpFamily::v4, 11, 0, "time to live exceeded on the way (a routing loop?): T (said by R)"},
      {IpFamily::v4, 12, 0, "the ping could not be delivered: T (said by R)"},
      {IpFamily::v4, 0, 0, nullptr},
      {IpFamily::v4, 4, 0, nullptr},
      {IpFamily::v4, 5, 1, nullptr},
      {IpFamily::v6, 1, 0, "network unreachable: T (said by R)"},
      {IpFamily::v6, 1, 1, "a firewall on the way forbids pings: T (said by R)"},
      {IpFamily::v6, 1, 3, "host unreachable: T (said by R)"},
      {IpFamily::v6, 1, 4, "the host refuses pings: T (said by R)"},
      {IpFamily::v6, 1, 99, "the ping could not be delivered: T (said by R)"},
      {IpFamily::v6, 2, 0, "a link on the way is too narrow for a ping: T (said by R)"},
      {IpFamily::v6, 3, 0, "time to live exceeded on the way (a routing loop?): T (said by R)"},
      {IpFamily::v6, 129, 0, nullptr},
      {IpFamily::v6, 135, 0, nullptr},
  };
  for (const auto& row : rows) {
    const Obstacle obstacle = obstacle_of(row.family, row.type, row.code);
    ASSERT_EQ(obstacle == Obstacle::none, row.reason == nullptr) << int{row.type};
    if (row.reason == nullptr) continue;
    const Finding finding = obstacle_finding(obstacle, "T", "R");
    EXPECT_EQ(finding.verdict, Verdict::fail);
    EXPECT_EQ(finding.failure, FailureClass::connect);
    EXPECT_EQ(finding.reason, row.reason);
  }
  EXPECT_EQ(obstacle_finding(Obstacle::no_host, "T", "T").reason, "host unreachable: T");
}

}  // namespace
}  // namespace hotswapd
