// Any bytes as an ICMP message: read within their bounds, and never taken for news of a request
// whose cookie they do not hold. The input: a byte that chooses family, framing and what is done to
// the rest; the message.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "check.hpp"
#include "core/text.hpp"
#include "probes/icmp_message.hpp"

namespace {

using namespace hotswapd;
using Kind = IcmpNews::Kind;

constexpr EchoTag sent{0x1234, 0x0001, 0x6b6f6f6b69652121};
constexpr IpBytes target{192, 0, 2, 1};

bool holds_cookie(const std::vector<std::uint8_t>& bytes) {
  std::array<std::uint8_t, 8> cookie{};
  for (std::size_t i = 0; i < 8; ++i)
    cookie[i] = static_cast<std::uint8_t>(sent.cookie >> (56 - 8 * i));
  return std::search(bytes.begin(), bytes.end(), cookie.begin(), cookie.end()) != bytes.end();
}

// Puts the right checksum behind the IP header, so that more than garbage gets through.
void mend(std::vector<std::uint8_t>& packet) {
  if (packet.empty()) return;
  const std::size_t header = (packet[0] & 15u) * 4u;
  if (packet.size() < header + 8) return;
  packet[2] = static_cast<std::uint8_t>(packet.size() >> 8);
  packet[3] = static_cast<std::uint8_t>(packet.size());
  packet[header + 2] = packet[header + 3] = 0;
  std::uint32_t sum = 0;
  for (std::size_t i = header; i < packet.size(); ++i)
    sum += (i - header) % 2 == 0 ? packet[i] * 256u : packet[i];
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  packet[header + 2] = static_cast<std::uint8_t>(~sum >> 8);
  packet[header + 3] = static_cast<std::uint8_t>(~sum);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 || size > 2000) return 0;
  const auto family = (data[0] & 1u) == 0 ? IpFamily::v4 : IpFamily::v6;
  const auto framing =
      (data[0] & 2u) != 0 && family == IpFamily::v4 ? Framing::ip_header : Framing::bare;
  // A copy of its own size, so that a read beyond it shows up under AddressSanitizer.
  std::vector<std::uint8_t> bytes(data + 1, data + size);
  if ((data[0] & 4u) != 0 && framing == Framing::ip_header) mend(bytes);
  const IcmpNews news = read_icmp(family, bytes, framing);
  const Match matched = match(news, sent, target, target);
  CHECK((news.kind == Kind::error) == (news.obstacle != Obstacle::none));
  CHECK((news.kind == Kind::error) == news.target.has_value());
  if (matched == Match::sure) CHECK(holds_cookie(bytes));
  if (matched == Match::likely) CHECK(news.kind == Kind::error && !news.cookie);
  if (news.kind == Kind::other) CHECK(matched == Match::no);
  if (news.kind == Kind::error) {
    const Finding finding = obstacle_finding(news.obstacle, "2001:db8::1", "2001:db8::2");
    CHECK(finding.verdict == Verdict::fail && clean(finding.reason) == finding.reason);
  }
  const IcmpNews quoted = read_quoted(family, bytes, Obstacle::no_host, target);
  if (match(quoted, sent, target, target) == Match::sure) CHECK(holds_cookie(bytes));

  // Whatever tag a request has, its echo is known, and no other is.
  if (size >= 13) {
    EchoTag tag{static_cast<std::uint16_t>(data[1] * 256 + data[2]),
                static_cast<std::uint16_t>(data[3] * 256 + data[4]), 0};
    for (std::size_t i = 5; i < 13; ++i) tag.cookie = tag.cookie << 8 | data[i];
    EchoRequest echo = build_echo(family, tag);
    echo[0] = family == IpFamily::v4 ? 0 : 129;
    const IcmpNews reply = read_icmp(family, echo, Framing::bare);
    CHECK(match(reply, tag, target, target) == Match::sure);
    if (tag.cookie != sent.cookie) CHECK(match(reply, sent, target, target) == Match::no);
  }
  return 0;
}
