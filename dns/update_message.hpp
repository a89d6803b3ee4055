// Dynamic updates (RFC 2136) as pure functions: one compare-and-set as a message, its answer, and
// what may be concluded from it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/swap_plan.hpp"
#include "dns/tsig.hpp"
#include "net/wire.hpp"

namespace hotswapd {

// What a write is compared with beside the old values.
enum class WriteGuard : std::uint8_t {
  generation,  // the generation record at _hotswap.NAME, written in the same change
  value,       // nothing: a copy of an old packet can be played again within its fudge
};

// The whole change in one message, not yet signed: prerequisites that the record is exactly what
// the plan expects, then the old set out and the new one in. Never leaves the name empty (S4).
// `mark`: the text of the generation record as it was read; absent: there is none.
Fallible<std::vector<std::byte>> encode_update(std::uint16_t id, const SwapPlan& plan,
                                               WriteGuard guard,
                                               const std::optional<std::string>& mark);

struct UpdateReply {
  wire::Rcode rcode = wire::Rcode::noerror;
  std::optional<tsig::Verdict> tsig;  // absent: we did not sign
};

// nullopt: it answers no update of ours (id, opcode, zone), or is malformed.
std::optional<UpdateReply> match_update_reply(std::uint16_t id, const wire::Name& zone,
                                              std::span<const std::byte> message);

// What an answer, or its absence, means.
enum class UpdateClass : std::uint8_t {
  applied,        // the server says so
  lost_race,      // a prerequisite failed: something else is there
  clock,          // refused for the difference of the clocks, nothing else
  configuration,  // refused: key, permission, zone. The same message will be refused again
  server_ill,     // it could not; another server of the zone, or later
  unreached,      // nothing has left: another server, or later
  unknown,        // it may have been done
};

const char* to_string(UpdateClass what) noexcept;

// Of an answer. One that is not signed although we signed proves nothing: what it says is at most
// a likely reason.
UpdateClass classify(const UpdateReply& reply) noexcept;

// True where another server of the same zone may be asked at once: this one has done nothing.
bool may_try_another(UpdateClass what) noexcept;

// As the swap protocol takes it.
SwapOutcome outcome_of(UpdateClass what) noexcept;

// What stands in the way, and by how much our clock is ahead where it is that.
Hint hint_of(const UpdateReply& reply, std::uint64_t now) noexcept;

// The answer in a sentence, with the clocks' difference where it is about that.
std::string describe(const UpdateReply& reply, std::uint64_t now);

}  // namespace hotswapd
