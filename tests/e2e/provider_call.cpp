// The provider rfc2136 as a program of its own, for tests against real name servers: one JSON
// object a line on standard input, one answer a line on standard output, until the input ends.
//
//   provider_call --server ADDR:PORT... [--key NAME:ALGORITHM:BASE64] [--udp] [--value]
//                 [--clock SECONDS] [--name-server ADDR:PORT]...
//
//   {"do": "read", "zone": Z, "fqdn": N}
//   {"do": "apply", "zone": Z, "fqdn": N, "expect": RECORD|null, "expect_generation": G|null,
//    "want": RECORD, "generation": G, "op": TEXT}
//   {"do": "prove", "zone": Z, "fqdn": N, "want": RECORD}
//
// RECORD: {"type": "A", "ttl": 30, "values": ["192.0.2.1"]}. Each may say "within": milliseconds.
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <iostream>
#include <string>

#include "core/base64.hpp"
#include "dns/rfc2136.hpp"
#include "net/task_group.hpp"

namespace {

using namespace hotswapd;
namespace json = boost::json;

std::string text(const json::object& from, const char* key) {
  const auto* value = from.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

std::optional<RecordSet> record_of(const json::object& from, const char* key) {
  const auto* value = from.if_contains(key);
  if (value == nullptr || !value->is_object()) return std::nullopt;
  const auto& object = value->as_object();
  RecordSet out{
      *record_type(text(object, "type")), object.at("ttl").to_number<std::uint32_t>(), {}};
  for (const auto& one : object.at("values").as_array()) out.values.emplace_back(one.as_string());
  return out;
}

std::optional<std::uint64_t> number_of(const json::object& from, const char* key) {
  const auto* value = from.if_contains(key);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->to_number<std::uint64_t>();
}

json::value shown(const std::optional<RecordSet>& set) {
  if (!set) return nullptr;
  return json::object{{"type", to_string(set->type)},
                      {"ttl", set->ttl},
                      {"values", json::array(set->values.begin(), set->values.end())}};
}

json::object shown(const Fallible<LiveRecord>& live) {
  if (!live) return {{"error", live.error().text}, {"code", to_string(live.error().code)}};
  json::object out{{"set", shown(live->set)}, {"op", live->op}, {"serial", live->serial}};
  out["generation"] = live->generation ? json::value(*live->generation) : json::value(nullptr);
  return out;
}

json::array shown(const std::vector<ServerEvidence>& evidence) {
  json::array out;
  for (const auto& e : evidence) {
    out.push_back(json::object{
        {"server", e.server}, {"proved", e.proved}, {"detail", e.detail}, {"serial", e.serial}});
  }
  return out;
}

awaitable<void> serve(Provider* provider, json::object asked, json::object* answer) {
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
  } else {
    auto want = *record_of(asked, "want");
    const auto evidence = co_await provider->prove(key, std::move(want), deadline);
    *answer = json::object{{"evidence", shown(evidence)}};
  }
}

tsig::Key key_of(const std::string& words) {
  const auto first = words.find(':');
  const auto second = words.find(':', first + 1);
  tsig::Key key;
  key.name = wire::Name::from_text(words.substr(0, first)).value();
  const auto algorithm = words.substr(first + 1, second - first - 1);
  for (int i = 0; i < 5; ++i) {
    const auto candidate = static_cast<MacAlgorithm>(i);
    if (algorithm == tsig::to_string(candidate)) key.algorithm = candidate;
  }
  key.secret = MacKey(decode_base64(words.substr(second + 1)).value());
  return key;
}

}  // namespace

int main(int argc, char** argv) {
  Rfc2136Options options;
  Seconds clock{0};
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto value = [&] { return std::string(i + 1 < argc ? argv[++i] : ""); };
    if (word == "--udp") options.by_udp = true;
    if (word == "--value") options.guard = WriteGuard::value;
    if (word == "--key") options.key = key_of(value());
    if (word == "--clock") clock = Seconds(std::stol(value()));
    if (word == "--server") {
      const auto at = DnsEndpoint::parse(value()).value();
      options.servers.push_back({at.address_text(), at.port});
    }
    if (word == "--name-server")
      options.name_servers.push_back(DnsEndpoint::parse(value()).value());
  }
  asio::io_context context(1);
  Rfc2136Provider::Surroundings around{
      context.get_executor(),
      [clock] { return std::chrono::floor<Millis>(std::chrono::system_clock::now()) + clock; },
      [](std::string host, TimePoint) -> awaitable<Fallible<std::vector<std::string>>> {
        co_return Error{errc::unavailable, "nobody resolves " + host + " here"};
      }};
  Rfc2136Provider provider(std::move(around), std::move(options));
  for (std::string line; std::getline(std::cin, line);) {
    json::object answer;
    TaskGroup tasks(context.get_executor(), [&](const std::string&, const std::string& why) {
      answer = json::object{{"exception", why}};
    });
    tasks.spawn("call", serve(&provider, json::parse(line).as_object(), &answer));
    context.restart();
    context.run();
    std::cout << json::serialize(answer) << std::endl;
  }
  return 0;
}
