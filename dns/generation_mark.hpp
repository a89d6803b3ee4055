// The generation record: a TXT at _hotswap.NAME that says which write of ours the record beside it
// comes from. It makes copies of old packets harmless (TSIG has no nonce) and fences slow writers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/record.hpp"
#include "net/name.hpp"

namespace hotswapd {

struct GenerationMark {
  std::uint64_t generation = 0;
  std::string op;      // the operation that wrote it
  std::string record;  // which values it wrote, in short; empty: not said

  bool operator==(const GenerationMark&) const = default;
};

// "gen=42;id=7f3c;rec=9b0d0f2a61c4e853", at most 255 bytes.
std::string to_string(const GenerationMark& mark);
// nullopt: not one of ours. Unknown fields are passed over.
std::optional<GenerationMark> parse_generation_mark(std::string_view text);

GenerationMark mark_of(std::uint64_t generation, const std::string& op, const RecordSet& set);
// The mark tells of this very set: nobody has changed it since (its TTL aside).
bool tells_of(const GenerationMark& mark, const RecordSet& set);

// "_hotswap." in front; nullopt when the name gets too long.
std::optional<wire::Name> mark_name(const wire::Name& name);

}  // namespace hotswapd
