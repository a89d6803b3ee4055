// What is asked of Route 53 and what it answers, as far as one name and the generation beside it
// go. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/error_reply.hpp"
#include "core/error.hpp"
#include "core/record.hpp"
#include "core/swap_plan.hpp"
#include "dns/live_record.hpp"

namespace hotswapd::route53 {

// A record set as it stands there: a DELETE has to repeat it to the letter.
struct StoredSet {
  std::string name;  // in lower case, escapes undone, without final dot
  std::string type;
  std::optional<std::uint32_t> ttl;
  std::vector<std::string> values;  // as written there
  bool alias = false;
  bool routed = false;  // one of several by weight, place, health, ...

  bool operator==(const StoredSet&) const = default;
};

struct Page {
  std::vector<StoredSet> sets;
  std::string next_name;  // where the next page begins; empty: this is the last
};
Fallible<Page> read_page(std::string_view xml);

// "www.example.com", "\052.EXAMPLE.com." -> "*.example.com".
std::string plain_name(std::string_view stored);

// True where a page that ends before `next_name` has shown everything at `name`: the order is that
// of the names' labels from the right.
bool past(std::string_view next_name, std::string_view name);

// "Z123", "/hostedzone/Z123" -> "Z123"; the same for "/change/C1".
std::string bare_id(std::string_view id);

std::string list_path(std::string_view zone_id);
std::string list_query(std::string_view name, int most);
std::string change_path(std::string_view zone_id);
std::string change_status_path(std::string_view change_id);

// The sets at one name that a swap is about, and the generation beside it.
struct NameState {
  std::vector<StoredSet> sets;     // A, AAAA and CNAME at the name
  std::vector<StoredSet> at_mark;  // TXT at _hotswap.NAME

  bool operator==(const NameState&) const = default;
};
void add(NameState& state, const Page& page, std::string_view fqdn);

struct Found {
  std::optional<RecordSet> set;
  std::optional<FoundMark> mark;
};
// conflict: what stands there is none of ours to swap (an alias, a routing policy, an A and an
// AAAA, a TXT of somebody else).
Fallible<Found> understand(const NameState& state, const std::string& fqdn);

// One batch, all or nothing: the old record and mark out, exactly as they stand, the new ones in.
// Never leaves the name empty (S4).
std::string change_batch(const SwapPlan& plan, const NameState& live);
inline constexpr std::string_view xml_type = "text/xml";

struct ChangeInfo {
  std::string id;
  bool in_sync = false;
};
Fallible<ChangeInfo> read_change(std::string_view xml);  // of a change and of GetChange

// Of a change that Route 53 answered with an error and has not made.
SwapOutcome outcome_of(const aws::ServiceError& error);

// The name servers of the zone, from the page that begins at its apex.
std::vector<std::string> name_servers(const Page& page, std::string_view zone);

}  // namespace hotswapd::route53
