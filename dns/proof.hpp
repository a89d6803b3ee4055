// The proof query and what its answer says, as pure functions: made, matched against the question,
// judged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/record.hpp"
#include "core/swap_plan.hpp"
#include "dns/rdata.hpp"
#include "net/wire.hpp"

namespace hotswapd {

// One question, to an authoritative server unless it says otherwise: RD=0, no EDNS, the case of the
// name part of the secret.
struct AuthQuestion {
  std::uint16_t id = 0;
  wire::Name name;
  std::uint16_t type = wire::type::a;
  bool recursive = false;  // to a resolver: RD=1
};

std::vector<std::byte> encode(const AuthQuestion& question);

struct AuthReply {
  wire::Rcode rcode = wire::Rcode::noerror;
  bool authoritative = false;
  bool truncated = false;
  std::vector<RecordSet>
      sets;  // A, AAAA, CNAME owned by the name asked; the TTL is the highest of each set
  std::optional<std::uint32_t> serial;          // of a SOA owned by the name asked
  std::vector<std::vector<std::string>> texts;  // TXT owned by the name asked, string by string
  std::vector<wire::Name> name_servers;         // NS owned by the name asked
};

// nullopt: it is no answer to this question (id, question, case), or malformed: go on listening.
std::optional<AuthReply> match_reply(const AuthQuestion& question,
                                     std::span<const std::byte> message);

// Fills `proved` and `detail`: AA, NOERROR, the whole set in any order, no TTL above ours.
void judge(const AuthReply& reply, const RecordSet& want, ServerEvidence& evidence);

}  // namespace hotswapd
