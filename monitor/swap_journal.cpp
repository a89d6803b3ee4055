#include "monitor/swap_journal.hpp"

#include <boost/json.hpp>
#include <utility>

namespace hotswapd {
namespace {

namespace json = boost::json;

json::object record_json(const RecordSet& set) {
  json::array values;
  for (const auto& value : set.values) values.emplace_back(value);
  return {{"type", to_string(set.type)}, {"ttl", set.ttl}, {"values", std::move(values)}};
}

std::optional<json::object> read_object(const std::string& text) {
  boost::system::error_code ec;
  auto value = json::parse(text, ec);
  if (ec || !value.is_object()) return std::nullopt;
  return std::move(value.as_object());
}

std::optional<RecordSet> read_record(const json::object& o) {
  const auto* type = o.if_contains("type");
  const auto* ttl = o.if_contains("ttl");
  const auto* values = o.if_contains("values");
  if (type == nullptr || ttl == nullptr || values == nullptr || !type->is_string() ||
      !ttl->is_number() || !values->is_array()) {
    return std::nullopt;
  }
  const auto known = record_type(std::string_view(type->as_string()));
  if (!known) return std::nullopt;
  boost::system::error_code ec;
  RecordSet set{*known, ttl->to_number<std::uint32_t>(ec), {}};
  for (const auto& value : values->as_array()) {
    if (!value.is_string()) return std::nullopt;
    set.values.emplace_back(value.as_string());
  }
  if (ec || set.values.empty()) return std::nullopt;
  return set;
}

}  // namespace

std::string journalled_expectation(const SwapPlan& plan) {
  json::object out;
  if (plan.expect) out = record_json(*plan.expect);
  out["generation"] =
      plan.expect_generation ? json::value(*plan.expect_generation) : json::value(nullptr);
  return json::serialize(out);
}

std::string journalled_target(const SwapPlan& plan, const std::string& provider) {
  auto out = record_json(plan.want);
  out["provider"] = provider;
  return json::serialize(out);
}

std::optional<std::string> journalled_provider(const IntentRow& row) {
  const auto o = read_object(row.to_rr);
  const auto* provider = o ? o->if_contains("provider") : nullptr;
  if (provider == nullptr || !provider->is_string()) return std::nullopt;
  return std::string(provider->as_string());
}

std::optional<SwapPlan> journalled_plan(const IntentRow& row) {
  const auto to = read_object(row.to_rr);
  auto want = to ? read_record(*to) : std::nullopt;
  if (!want) return std::nullopt;
  SwapPlan plan;
  plan.key = row.service;
  plan.op = row.op;
  plan.generation = row.generation;
  plan.want = std::move(*want);
  const auto from = read_object(row.from_rr);
  if (!from) return plan;
  plan.expect = read_record(*from);
  if (const auto* generation = from->if_contains("generation")) {
    boost::system::error_code ec;
    const auto number = generation->to_number<std::uint64_t>(ec);
    if (!ec) plan.expect_generation = number;
  } else if (plan.expect && plan.generation > 1) {
    plan.expect_generation = plan.generation - 1;  // of a release that did not write it down
  }
  return plan;
}

bool journalled_as_counted(const std::string& story) {
  const auto o = read_object(story);
  const auto* counted = o ? o->if_contains("counted") : nullptr;
  return counted == nullptr || !counted->is_bool() || counted->as_bool();
}

}  // namespace hotswapd
