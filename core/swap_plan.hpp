// One compare-and-set change of a record, what came of it, and the proof that the world sees it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/record.hpp"
#include "core/time.hpp"

namespace hotswapd {

// No generation of ours is above: there is room for as many writes as anybody can make, and what is
// higher was written by somebody else.
inline constexpr std::uint64_t highest_generation = std::uint64_t{1} << 62;

// Carries what must be there before, and what is wanted. A provider that can compare refuses when
// either differs (S3).
struct SwapPlan {
  RecordKey key;
  std::optional<RecordSet> expect;                 // absent: the name must have no A, AAAA or CNAME
  std::optional<std::uint64_t> expect_generation;  // absent: the provider must know none
  RecordSet want;                                  // never empty (S4)
  std::uint64_t generation = 0;                    // higher than any before (S2)
  std::string op;  // names this operation for ever; a repetition carries the same
};

enum class SwapOutcome : std::uint8_t {
  applied,   // the provider says it is done; only a read-back says that it is so
  already,   // the record was this very value and generation before: an earlier try of ours won
  conflict,  // something else is there: drift, or we lost a race
  refused,   // configuration or permission; slow retries
  failed,    // certainly not done; may be tried again
  unknown,   // the answer never came: read back before anything else
};

struct ApplyResult {
  SwapOutcome outcome = SwapOutcome::unknown;
  std::string detail;  // a clean sentence for `explain`
  Hint hint = {};      // of what was not done
};

// `refused` is the configuration's, unless the hint knows better.
Hurdle hurdle_of(const ApplyResult& result) noexcept;

// What one authoritative name server answered when it was asked for the proof.
struct ServerEvidence {
  std::string server;        // "192.0.2.5:53", "[2001:db8::1]:53"
  bool proved = false;       // AA, the whole set, TTL <= ours
  std::string detail;        // what it answered, or why it did not
  std::uint32_t serial = 0;  // SOA serial it served, 0 when not seen
};

const char* to_string(SwapOutcome outcome) noexcept;

}  // namespace hotswapd
