// One provider, driven by lines: one JSON object a line on standard input, one answer a line on
// standard output, until the input ends.
//
//   {"do": "read", "zone": Z, "fqdn": N}
//   {"do": "apply", "zone": Z, "fqdn": N, "expect": RECORD|null, "expect_generation": G|null,
//    "want": RECORD, "generation": G, "op": TEXT}
//   {"do": "prove", "zone": Z, "fqdn": N, "want": RECORD}
//
// RECORD: {"type": "A", "ttl": 30, "values": ["192.0.2.1"]}. Each may say "within": milliseconds,
// and "times": it is done so often at once, and the answers are a list.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <iostream>
#include <string>
#include <vector>

#include "dns/provider.hpp"
#include "net/task_group.hpp"

namespace hotswapd::provider_lines {

namespace json = boost::json;

inline std::string text(const json::object& from, const char* key) {
  const auto* value = from.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

inline std::optional<RecordSet> record_of(const json::object& from, const char* key) {
  const auto* value = from.if_contains(key);
  if (value == nullptr || !value->is_object()) return std::nullopt;
  const auto& object = value->as_object();
  RecordSet out{
      *record_type(text(object, "type")), object.at("ttl").to_number<std::uint32_t>(), {}};
  for (const auto& one : object.at("values").as_array()) out.values.emplace_back(one.as_string());
  return out;
}

inline std::optional<std::uint64_t> number_of(const json::object& from, const char* key) {
  const auto* value = from.if_contains(key);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->to_number<std::uint64_t>();
}

inline json::value shown(const std::optional<RecordSet>& set) {
  if (!set) return nullptr;
  return json::object{{"type", to_string(set->type)},
                      {"ttl", set->ttl},
                      {"values", json::array(set->values.begin(), set->values.end())}};
}

inline json::object shown(const Fallible<LiveRecord>& live) {
  if (!live) {
    json::object error{{"error", live.error().text}, {"code", to_string(live.error().code)}};
    if (live.error().hint != Hint()) {
      error["hurdle"] = to_string(live.error().hint.hurdle);
      error["retry_after"] = live.error().hint.retry_after.count();
    }
    return error;
  }
  json::object out{{"set", shown(live->set)}, {"op", live->op}, {"serial", live->serial}};
  out["generation"] = live->generation ? json::value(*live->generation) : json::value(nullptr);
  return out;
}

inline json::array shown(const std::vector<ServerEvidence>& evidence) {
  json::array out;
  for (const auto& e : evidence) {
    out.push_back(json::object{
        {"server", e.server}, {"proved", e.proved}, {"detail", e.detail}, {"serial", e.serial}});
  }
  return out;
}

inline awaitable<void> serve(Provider* provider, json::object asked, json::object* answer) {
  const RecordKey key{text(asked, "zone"), text(asked, "fqdn")};
  const auto what = text(asked, "do");
  const auto deadline = Clock::now() + Millis(number_of(asked, "within").value_or(10'000));
  if (what == "read") {
    const auto live = co_await provider->read(key, deadline);
    *answer = shown(live);
  } else if (what == "apply") {
    SwapPlan plan;
    plan.key = key;
    plan.expect = record_of(asked, "expect");
    plan.expect_generation = number_of(asked, "expect_generation");
    plan.want = *record_of(asked, "want");
    plan.generation = *number_of(asked, "generation");
    plan.op = text(asked, "op");
    const auto done = co_await provider->apply(std::move(plan), deadline);
    *answer = json::object{{"outcome", to_string(done.outcome)}, {"detail", done.detail}};
    if (done.hint != Hint()) {
      (*answer)["hurdle"] = to_string(done.hint.hurdle);
      (*answer)["retry_after"] = done.hint.retry_after.count();
    }
  } else {
    auto want = *record_of(asked, "want");
    const auto evidence = co_await provider->prove(key, std::move(want), deadline);
    *answer = json::object{{"evidence", shown(evidence)}};
  }
}

inline int run(asio::io_context& context, Provider& provider) {
  for (std::string line; std::getline(std::cin, line);) {
    const auto asked = json::parse(line).as_object();
    const auto times = number_of(asked, "times");
    std::vector<json::object> answers(times.value_or(1));
    TaskGroup tasks(context.get_executor(), [&](const std::string&, const std::string& why) {
      answers.front() = json::object{{"exception", why}};
    });
    for (auto& answer : answers) tasks.spawn("call", serve(&provider, asked, &answer));
    context.restart();
    while (tasks.size() != 0 && context.run_one() != 0) {
    }
    const json::value shown_answers =
        times ? json::value(json::array(answers.begin(), answers.end())) : json::value(answers[0]);
    std::cout << json::serialize(shown_answers) << std::endl;
  }
  return 0;
}

}  // namespace hotswapd::provider_lines
