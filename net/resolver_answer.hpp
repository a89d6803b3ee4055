// A stub resolver's question, and what the answer to it says about the name. Pure: every byte of an
// answer is hostile, every list it fills is bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/time.hpp"
#include "net/wire.hpp"

namespace hotswapd {

// RD=1; the case of the name is part of the secret (0x20).
struct NameQuestion {
  std::uint16_t id = 0;
  wire::Name name;
  std::uint16_t type = wire::type::a;  // A or AAAA
  bool edns = true;
};

// Larger answers come by TCP: this one is never cut into fragments.
inline constexpr std::uint16_t largest_datagram = 1232;

std::vector<std::byte> encode(const NameQuestion& question);

// Whether a datagram answers the question. `other_case`: it would, but for the case of the name: a
// server that does not keep it, or a guess; to be asked again over TCP.
enum class Match : std::uint8_t { no, other_case, yes };
Match match(const NameQuestion& question, std::span<const std::byte> message) noexcept;

// A server that did not read the question, or will not, may send a bare header with an error:
// FORMERR of one that does not know EDNS (RFC 6891 7), NOTIMP, SERVFAIL, REFUSED. Only the id ties
// it to the question, so it is taken for nothing but that server's refusal.
bool refuses_barely(const NameQuestion& question, std::span<const std::byte> message) noexcept;

// Whether the server may answer the same question without EDNS.
bool may_lack_edns(const NameQuestion& question, wire::Rcode rcode) noexcept;

// The same refusal with the question and, if that has it, EDNS: what a server sends that read both.
std::vector<std::byte> refusal(const NameQuestion& question, wire::Rcode rcode);

// `no_name` (NXDOMAIN) and `no_address` are statements about the name; `unusable` is the name
// server's trouble.
enum class NameState : std::uint8_t { addresses, no_name, no_address, unusable };

inline constexpr std::size_t most_addresses = 16;  // of one answer; more are left out

struct NameAnswer {
  NameState state = NameState::unusable;
  std::vector<std::string> addresses;  // canonical, IPv4 before IPv6, ascending
  Seconds ttl{0};                      // the lowest on the way to the addresses
  std::string trouble;                 // of `unusable`: "answers SERVFAIL"
  bool operator==(const NameAnswer&) const = default;
};

// Follows CNAMEs inside the answer. A referral, an answer of a server that does not recurse, a loop
// and anything malformed are `unusable`. Addresses that nobody can have (0.0.0.0, multicast,
// broadcast, mapped IPv4) are left out.
NameAnswer read_answer(const NameQuestion& question, std::span<const std::byte> message);

// The answers for A and AAAA as one: addresses of either. Without any it is a statement about the
// name only when both are: a server may say NXDOMAIN of one type and have the other (RFC 4074 4.2),
// so half of the answer proves nothing. NXDOMAIN then, if one of the two says that.
NameAnswer combine(NameAnswer a, NameAnswer aaaa);

}  // namespace hotswapd
