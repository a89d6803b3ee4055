// What a name server's answers say about one name.
#include "dns/live_record.hpp"

#include <utility>
#include <vector>

#include "core/text.hpp"

namespace hotswapd {

Fallible<std::optional<FoundMark>> found_mark(const AuthReply& reply, const std::string& fqdn,
                                              const char* remedy) {
  if (reply.texts.empty()) return std::optional<FoundMark>();
  const auto& first = reply.texts.front();
  const bool one = reply.texts.size() == 1 && first.size() == 1;
  auto mark = one ? parse_generation_mark(first.front()) : std::nullopt;
  if (!mark) {
    return Error{errc::conflict,
                 "the TXT record at _hotswap." + clean(fqdn) + " is not one of ours (\"" +
                     clean(first.empty() ? "" : first.front(), 80) + "\"); " + remedy};
  }
  return std::optional<FoundMark>(FoundMark{first.front(), std::move(*mark)});
}

Fallible<std::optional<RecordSet>> found_set(const AuthReply& a, const AuthReply& aaaa,
                                             const std::string& fqdn) {
  std::vector<RecordSet> sets = a.sets;
  for (const auto& set : aaaa.sets) {
    bool known = false;
    for (const auto& other : sets) known = known || other.type == set.type;
    if (!known) sets.push_back(set);
  }
  if (sets.empty()) return std::optional<RecordSet>();
  if (sets.size() > 1) {
    return Error{errc::conflict, clean(fqdn) + " has " + clean(to_string(sets[0])) + " and " +
                                     clean(to_string(sets[1])) +
                                     "; a service swaps one record set, so give each family a name "
                                     "of its own"};
  }
  return std::optional<RecordSet>(std::move(sets.front()));
}

LiveRecord live_record(std::optional<RecordSet> set, const std::optional<FoundMark>& mark,
                       std::optional<std::uint32_t> serial) {
  LiveRecord out;
  out.set = std::move(set);
  out.serial = serial.value_or(0);
  if (!mark) return out;
  out.generation = mark->mark.generation;
  if (out.set && tells_of(mark->mark, *out.set)) out.op = mark->mark.op;
  return out;
}

}  // namespace hotswapd
