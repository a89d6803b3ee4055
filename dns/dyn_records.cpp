#include "dns/dyn_records.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <limits>
#include <string_view>
#include <utility>

#include "core/text.hpp"

namespace hotswapd::dyn_api {
namespace {

namespace json = boost::json;

constexpr std::size_t most_records = 512;

Error corrupt(std::string what) {
  return {errc::corrupt, std::move(what)};
}

std::string value_key(const std::string& kind) {
  return kind == "CNAME" ? "cname" : kind == "TXT" ? "txtdata" : "address";
}

std::string without_dot(std::string text) {
  if (text.ends_with('.')) text.pop_back();
  return text;
}

// As a number, or as the text of one.
std::optional<std::uint32_t> seconds(const json::value* value) {
  if (value == nullptr) return std::nullopt;
  const auto text = id_of(*value);
  std::uint32_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

Fallible<std::string> canonical(const std::string& kind, std::string text) {
  if (kind == "TXT") {
    const bool quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
    return quoted ? text.substr(1, text.size() - 2) : text;
  }
  if (kind == "CNAME") {
    text = without_dot(lower(text));
    if (text.empty()) return corrupt("a CNAME without a target");
    return text;
  }
  auto address = canonical_address(text);
  if (!address) return corrupt("no address in a record of type " + kind + ": " + clean(text, 80));
  return *address;
}

Fallible<Records> read_list(const std::string& kind, const json::value& list) {
  Records out{kind, {}};
  if (!list.is_array()) return corrupt("no list of records");
  if (list.as_array().size() > most_records) return corrupt("too many records at the name");
  for (const auto& one : list.as_array()) {
    const auto* rdata = member(one, "rdata");
    const auto* value = rdata == nullptr ? nullptr : member(*rdata, value_key(kind));
    if (value == nullptr || !value->is_string())
      return corrupt("a record of type " + kind + " without `rdata`");
    auto text = canonical(kind, std::string(value->as_string()));
    if (!text) return text.error();
    const auto ttl = seconds(member(one, "ttl"));
    if (!ttl) return corrupt("a record of type " + kind + " without a TTL");
    const auto* id = member(one, "record_id");
    out.list.push_back({id == nullptr ? "" : id_of(*id), std::move(*text), *ttl});
  }
  return out;
}

std::string path(const std::string& kind, const std::string& zone, const std::string& fqdn) {
  return "/" + kind + "Record/" + percent_encoded(zone) + "/" + percent_encoded(fqdn) + "/";
}

// Host names end in a dot where they are data.
json::object body_of(const std::string& kind, const Record& record) {
  const auto value = kind == "CNAME" ? record.value + "." : record.value;
  return {{"rdata", json::object{{value_key(kind), value}}}, {"ttl", record.ttl}};
}

std::string shown(const std::optional<RecordSet>& set) {
  return set ? to_string(*set) : std::string("no record");
}

bool same(const std::optional<RecordSet>& one, const std::optional<RecordSet>& other) {
  if (!one || !other) return one.has_value() == other.has_value();
  return one->same_values(*other);
}

}  // namespace

const Records* Node::of(const std::string& kind) const noexcept {
  for (const auto& records : kinds) {
    if (records.kind == kind) return &records;
  }
  return nullptr;
}

Fallible<std::optional<RecordSet>> Node::set(const std::string& fqdn) const {
  std::vector<RecordSet> sets;
  for (const auto& records : kinds) {
    RecordSet set{record_type(records.kind).value_or(RecordType::a), 0, {}};
    for (const auto& record : records.list) {
      set.ttl = std::max(set.ttl, record.ttl);
      if (std::find(set.values.begin(), set.values.end(), record.value) == set.values.end())
        set.values.push_back(record.value);
    }
    sets.push_back(std::move(set));
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

Request ask_node(const RecordKey& key) {
  return {"GET", path("ANY", key.zone, key.fqdn) + "?detail=Y", ""};
}

Fallible<Node> read_node(const json::value& data) {
  static constexpr std::array<std::pair<const char*, const char*>, 3> lists{
      {{"A", "a_records"}, {"AAAA", "aaaa_records"}, {"CNAME", "cname_records"}}};
  Node out;
  // A name that owns other types only may be an empty list.
  if (data.is_array() && data.as_array().empty()) return out;
  if (!data.is_object()) return corrupt("no records of the name in the answer");
  for (const auto& [kind, key] : lists) {
    const auto* list = member(data, key);
    if (list == nullptr) continue;
    auto records = read_list(kind, *list);
    if (!records) return records.error();
    if (!records->list.empty()) out.kinds.push_back(std::move(*records));
  }
  return out;
}

Request ask_mark(const RecordKey& key, const std::string& mark_name) {
  return {"GET", path("TXT", key.zone, mark_name) + "?detail=Y", ""};
}

Fallible<Records> read_texts(const json::value& data) {
  return read_list("TXT", data);
}

Fallible<std::optional<FoundMark>> mark_in(const Records& texts, const std::string& fqdn) {
  AuthReply as_dns;
  for (const auto& record : texts.list) as_dns.texts.push_back({record.value});
  return found_mark(as_dns, fqdn);
}

std::optional<ApplyResult> compare(const SwapPlan& plan, const Node& node,
                                   const std::optional<FoundMark>& mark, bool with_mark) {
  if (plan.want.type == RecordType::cname && plan.key.fqdn == plan.key.zone)
    return ApplyResult{SwapOutcome::refused, "a zone's own name cannot be a CNAME"};
  const auto there = node.set(plan.key.fqdn);
  if (!there) return ApplyResult{SwapOutcome::refused, there.error().text};
  if (with_mark) {
    if (mark && mark->mark == mark_of(plan.generation, plan.op, plan.want) &&
        same(*there, plan.want))
      return ApplyResult{SwapOutcome::already, "this write is there already"};
    const auto generation =
        mark ? std::optional<std::uint64_t>(mark->mark.generation) : std::nullopt;
    if (generation != plan.expect_generation) {
      const auto text = mark ? "the generation there is " + std::to_string(*generation)
                             : std::string("there is no generation record");
      return ApplyResult{SwapOutcome::conflict, text + ", not the one that was expected"};
    }
  }
  if (!same(*there, plan.expect))
    return ApplyResult{SwapOutcome::conflict,
                       "found " + clean(shown(*there)) + " instead of what was expected"};
  return std::nullopt;
}

Target target_of(const SwapPlan& plan) {
  Target out{plan.key.zone, plan.key.fqdn, {to_string(plan.want.type), {}}};
  for (const auto& value : plan.want.values) out.want.list.push_back({"", value, plan.want.ttl});
  return out;
}

Target mark_target(const SwapPlan& plan, const std::string& mark_name) {
  Target out{plan.key.zone, mark_name, {"TXT", {}}};
  const auto text = to_string(mark_of(plan.generation, plan.op, plan.want));
  out.want.list.push_back({"", text, plan.want.ttl});
  return out;
}

Request delete_kind(const std::string& zone, const std::string& fqdn, const std::string& kind) {
  return {"DELETE", path(kind, zone, fqdn), ""};
}

Request replace_set(const Target& target) {
  json::array list;
  for (const auto& record : target.want.list) list.push_back(body_of(target.want.kind, record));
  const json::object body{{target.want.kind + "Records", std::move(list)}};
  return {"PUT", path(target.want.kind, target.zone, target.fqdn), json::serialize(body)};
}

Fallible<std::vector<Request>> edits(const Target& target, const Records& there) {
  const auto at = path(target.want.kind, target.zone, target.fqdn);
  std::vector<Record> have = there.list;
  std::vector<Record> missing;
  std::vector<std::pair<Record, Record>> changed;  // what is there, what it shall be
  for (const auto& record : target.want.list) {
    const auto found = std::find_if(
        have.begin(), have.end(), [&](const Record& other) { return other.value == record.value; });
    if (found == have.end()) {
      missing.push_back(record);
      continue;
    }
    if (found->ttl != record.ttl) changed.emplace_back(*found, record);
    have.erase(found);
  }
  while (!have.empty() && !missing.empty()) {
    changed.emplace_back(have.back(), missing.back());
    have.pop_back();
    missing.pop_back();
  }
  std::vector<Request> out;
  for (const auto& [old, record] : changed)
    out.push_back({"PUT", at + old.id + "/", json::serialize(body_of(target.want.kind, record))});
  for (const auto& record : missing)
    out.push_back({"POST", at, json::serialize(body_of(target.want.kind, record))});
  for (const auto& record : have) out.push_back({"DELETE", at + record.id + "/", ""});
  for (const auto& record : there.list) {
    const bool by_id = !changed.empty() || !have.empty();
    if (by_id && (record.id.empty() || record.id == "0"))
      return Error{errc::unavailable,
                   "the API gives its records no ids yet, and does not take a "
                   "whole set"};
  }
  return out;
}

}  // namespace hotswapd::dyn_api
