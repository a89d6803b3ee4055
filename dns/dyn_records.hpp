// A name's records in a Dyn style API: what is there, and the requests that make it what is wanted.
// Pure.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/record.hpp"
#include "core/swap_plan.hpp"
#include "dns/dyn_api.hpp"
#include "dns/live_record.hpp"

namespace hotswapd::dyn_api {

struct Record {
  std::string id;     // of this moment only: they are renumbered when the zone is published
  std::string value;  // canonical
  std::uint32_t ttl = 0;
};

// Kinds are the API's words: "A", "AAAA", "CNAME", "TXT".
struct Records {
  std::string kind;
  std::vector<Record> list;
};

// All that a service's name owns of what we know.
struct Node {
  std::vector<Records> kinds;  // A, AAAA, CNAME; none that is empty
  Fallible<std::optional<RecordSet>> set(const std::string& fqdn) const;
  const Records* of(const std::string& kind) const noexcept;
};

Request ask_node(const RecordKey& key);
Fallible<Node> read_node(const boost::json::value& data);

// The generation record beside the name. nullopt: there is none; an error: not one of ours.
Request ask_mark(const RecordKey& key, const std::string& mark_name);
Fallible<Records> read_texts(const boost::json::value& data);
Fallible<std::optional<FoundMark>> mark_in(const Records& texts, const std::string& fqdn);

// What stands against the plan: `already`, `conflict`, `refused`. nullopt: nothing, go on. Without
// `with_mark` the value alone is compared.
std::optional<ApplyResult> compare(const SwapPlan& plan, const Node& node,
                                   const std::optional<FoundMark>& mark, bool with_mark);

// The records of one kind at one name, as they shall be.
struct Target {
  std::string zone;
  std::string fqdn;
  Records want;
};
Target target_of(const SwapPlan& plan);
Target mark_target(const SwapPlan& plan, const std::string& mark_name);

Request delete_kind(const std::string& zone, const std::string& fqdn, const std::string& kind);
// The whole set in one request, repeatable.
Request replace_set(const Target& target);
// The same one by one, for servers without the form above: by id what is there, then the rest. An
// error where a record has no id of its own: deleting id 0 deletes them all.
Fallible<std::vector<Request>> edits(const Target& target, const Records& there);

}  // namespace hotswapd::dyn_api
