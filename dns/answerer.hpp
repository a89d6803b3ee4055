// The embedded DNS's whole behaviour as one pure function: a packet and a snapshot in, an answer or
// silence out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "dns/zone_snapshot.hpp"
#include "net/wire.hpp"

namespace hotswapd {

enum class DnsTransport : std::uint8_t { udp, tcp };

inline constexpr std::size_t max_udp_answer =
    1232;  // no fragment on any path (and what our OPT offers)
inline constexpr std::size_t min_udp_answer = 512;  // without EDNS

// What CLASS CH is answered; empty: REFUSED.
struct ChaosTexts {
  std::string version;  // version.bind
  std::string id;       // id.server
};

struct DnsAnswer {
  std::size_t size = 0;  // 0: silence
  wire::Rcode rcode = wire::Rcode::noerror;
  bool truncated = false;
  bool notify = false;  // it was a NOTIFY: somebody takes us for a secondary
};

// `out` holds at least max_udp_answer bytes for UDP, wire::max_message for TCP. Never throws, never
// allocates.
DnsAnswer answer_packet(std::span<const std::byte> packet, DnsTransport transport,
                        const ZoneSnapshot& zones, std::span<std::byte> out,
                        const ChaosTexts& chaos = {}) noexcept;

// Turns an answer of ours into "ask again by TCP": the question alone with TC set. Returns its new
// size.
std::size_t slip_answer(std::span<std::byte> answer) noexcept;

}  // namespace hotswapd
