// What a name server's answers say about one name: its record set, and the generation beside it.
// Pure.
#pragma once

#include <optional>
#include <string>

#include "core/error.hpp"
#include "core/record.hpp"
#include "dns/generation_mark.hpp"
#include "dns/proof.hpp"

namespace hotswapd {

// The generation record as it stands: its text, to be expected word for word, and its meaning.
struct FoundMark {
  std::string text;
  GenerationMark mark;
};

// From the answer about TXT at mark_name(). nullopt: there is none. An error: something else is
// there, which we neither understand nor overwrite; it ends in `remedy`.
Fallible<std::optional<FoundMark>> found_mark(
    const AuthReply& reply, const std::string& fqdn,
    const char* remedy = "remove it, or set guard: value");

// From the answers about A and AAAA (either may bring the CNAME). An error: more than one set.
Fallible<std::optional<RecordSet>> found_set(const AuthReply& a, const AuthReply& aaaa,
                                             const std::string& fqdn);

// Both, as the swap protocol wants them: `op` only where the record is what that operation wrote.
LiveRecord live_record(std::optional<RecordSet> set, const std::optional<FoundMark>& mark,
                       std::optional<std::uint32_t> serial);

}  // namespace hotswapd
