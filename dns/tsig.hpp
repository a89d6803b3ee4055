// TSIG (RFC 8945): signs a request and verifies the answer to it. Pure: the time is an argument.
// Keys and MACs are never part of a text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/hmac.hpp"
#include "net/wire.hpp"

namespace hotswapd::tsig {

struct Key {
  wire::Name name;
  MacAlgorithm algorithm = MacAlgorithm::hmac_sha256;
  MacKey secret;
  std::uint16_t fudge = 300;  // seconds that the clocks may differ
  bool operator==(const Key&) const = default;
};

const char* to_string(MacAlgorithm algorithm) noexcept;  // "hmac-sha256"

// Codes of the record's error field (RFC 8945 3); 0 is none.
namespace code {
inline constexpr std::uint16_t badsig = 16, badkey = 17, badtime = 18, badtrunc = 22;
}

enum class Status : std::uint8_t {
  verified,       // signed by who has the key, about our request, now
  clock_differs,  // signed, but the server finds our clock wrong; `server_time` says its own
  out_of_window,  // signed, but at a time that is too far from ours: a repetition, or our clock
  truncated,      // the server finds our MAC too short (signed), or its own is
  // From here on nothing is proved: anybody on the way may have written it.
  not_signed,    // no TSIG at all, or one without a MAC and without an error
  key_unknown,   // it says BADKEY: name or algorithm of the key
  secret_wrong,  // it says BADSIG
  other_key,     // signed with another key or algorithm than ours
  mac_wrong,     // the MAC does not fit
  malformed,     // no TSIG can look like this, or it is not the last record
};

// True where the answer certainly came from somebody who has the key.
constexpr bool is_signed(Status status) noexcept {
  return status == Status::verified || status == Status::clock_differs;
}

struct Verdict {
  Status status = Status::not_signed;
  std::optional<std::uint64_t> server_time;  // seconds since 1970, with clock_differs
};

// "the answer is not signed"; for people.
const char* to_string(Status status) noexcept;

// Appends the TSIG record to a whole message and counts it. `now`: seconds since 1970. The MAC is
// what the answer is verified with. nullopt: libcrypto refuses, or no room is left in a message.
std::optional<Mac> sign(std::vector<std::byte>& message, const Key& key, std::uint64_t now);

// The answer to the request that was signed with `request_mac`. Whether it answers that request's
// question is not asked here.
Verdict verify(std::span<const std::byte> answer, const Key& key, const Mac& request_mac,
               std::uint64_t now);

}  // namespace hotswapd::tsig
