#include "dns/cloudflare_codec.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "core/text.hpp"
#include "dns/http_trouble.hpp"

namespace hotswapd::cloudflare {
namespace {

namespace json = boost::json;

constexpr int records_a_page = 100;
constexpr Seconds blocked_for{300};  // who went over the limit is refused everything so long

HttpCall call_of(const Api& api, const char* method, const std::string& path, TimePoint deadline) {
  HttpCall call;
  call.method = method;
  std::string base = api.url;
  while (base.ends_with('/')) base.pop_back();
  call.url = base + "/zones/" + percent_encoded(api.zone_id) + path;
  call.headers = {{"Authorization", "Bearer " + api.token}};
  call.deadline = deadline;
  return call;
}

const json::value* member(const json::value& of, std::string_view name) {
  return of.is_object() ? of.as_object().if_contains(name) : nullptr;
}

std::string text(const json::value& of, std::string_view name) {
  const auto* const value = member(of, name);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

std::int64_t number(const json::value& of, std::string_view name, std::int64_t otherwise) {
  const auto* const value = member(of, name);
  return value != nullptr && value->is_int64() ? value->as_int64() : otherwise;
}

bool truth(const json::value& of, std::string_view name) {
  const auto* const value = member(of, name);
  return value != nullptr && value->is_bool() && value->as_bool();
}

// "DNS Validation Error (1004); ..." of the envelope's errors.
std::string said(const json::value& body) {
  std::string out;
  const auto* const errors = member(body, "errors");
  if (errors == nullptr || !errors->is_array()) return out;
  for (const auto& error : errors->as_array()) {
    if (out.size() > 200) break;
    if (!out.empty()) out += "; ";
    out += text(error, "message") + " (" + std::to_string(number(error, "code", 0)) + ")";
  }
  return out;
}

// The `result` of an envelope that says success.
Fallible<json::value> open(const HttpCall& call, const HttpReply& reply, WallTime now) {
  boost::system::error_code bad;
  auto body = json::parse(reply.body, bad);
  if (reply.status < 200 || reply.status > 299) {
    auto trouble = http_trouble(call, reply, bad ? "" : said(body), now);
    if (reply.status == 429 && trouble.hint.retry_after == Millis(0))
      trouble.hint.retry_after = blocked_for;
    return trouble;
  }
  if (bad || !body.is_object()) return not_understood(call, "no JSON");
  if (!truth(body, "success")) {
    auto trouble = http_trouble(call, reply, said(body), now);
    trouble.code = errc::refused;  // it says itself that it has not done it
    return trouble;
  }
  return body;
}

std::optional<Record> record_of(const json::value& from) {
  Record out;
  const auto type = record_type(text(from, "type"));
  out.id = text(from, "id");
  const auto ttl = number(from, "ttl", -1);
  const auto content = text(from, "content");
  if (!type || out.id.empty() || ttl < 0 || ttl > 0xffffffffLL) return std::nullopt;
  out.type = *type;
  out.ttl = static_cast<std::uint32_t>(ttl);
  out.proxied = truth(from, "proxied");
  out.comment = text(from, "comment");
  if (out.type == RecordType::cname) {
    out.value = lower(content);
    if (out.value.ends_with('.')) out.value.pop_back();
  } else {
    const auto address = canonical_address(content);
    const bool v6 = address && address->find(':') != std::string::npos;
    if (!address || v6 != (out.type == RecordType::aaaa)) return std::nullopt;
    out.value = *address;
  }
  return out;
}

json::object body_of(const SwapPlan& plan, const std::string& value, const std::string& mark) {
  return {{"name", plan.key.fqdn}, {"type", to_string(plan.want.type)},
          {"content", value},      {"ttl", plan.want.ttl},
          {"proxied", false},      {"comment", mark}};
}

}  // namespace

HttpCall list_call(const Api& api, const std::string& name, int page, TimePoint deadline) {
  return call_of(api, "GET",
                 "/dns_records?name.exact=" + percent_encoded(name) + "&per_page=" +
                     std::to_string(records_a_page) + "&page=" + std::to_string(page),
                 deadline);
}

Fallible<Page> parse_page(const HttpCall& call, const HttpReply& reply, const std::string& name,
                          WallTime now) {
  const auto body = open(call, reply, now);
  if (!body) return body.error();
  const auto* const list = member(*body, "result");
  if (list == nullptr || !list->is_array()) return not_understood(call, "no list of records");
  Page out;
  if (const auto* const info = member(*body, "result_info")) {
    const auto pages = number(*info, "total_pages", 1);
    out.pages = static_cast<int>(std::clamp<std::int64_t>(pages, 1, 1'000'000));
  }
  for (const auto& item : list->as_array()) {
    if (lower(text(item, "name")) != name || !record_type(text(item, "type"))) continue;
    auto record = record_of(item);
    if (!record) return not_understood(call, "a record of " + clean(name));
    out.records.push_back(std::move(*record));
  }
  return out;
}

HttpCall zone_call(const Api& api, TimePoint deadline) {
  return call_of(api, "GET", "", deadline);
}

Fallible<Zone> parse_zone(const HttpCall& call, const HttpReply& reply, WallTime now) {
  const auto body = open(call, reply, now);
  if (!body) return body.error();
  const auto* const zone = member(*body, "result");
  if (zone == nullptr || text(*zone, "name").empty()) return not_understood(call, "no zone");
  Zone out;
  out.name = lower(text(*zone, "name"));
  if (const auto* const servers = member(*zone, "name_servers");
      servers != nullptr && servers->is_array()) {
    for (const auto& server : servers->as_array()) {
      if (server.is_string()) out.name_servers.emplace_back(lower(std::string(server.as_string())));
    }
  }
  return out;
}

HttpCall batch_call(const Api& api, const SwapPlan& plan, const std::vector<Record>& before,
                    TimePoint deadline) {
  const auto mark = to_string(mark_of(plan.generation, plan.op, plan.want));
  std::vector<std::string> missing = plan.want.values;
  std::vector<const Record*> staying, spare;
  json::array deletes, patches, posts;
  for (const auto& record : before) {
    const auto wanted = record.type == plan.want.type
                            ? std::find(missing.begin(), missing.end(), record.value)
                            : missing.end();
    if (wanted != missing.end()) {
      missing.erase(wanted);
      staying.push_back(&record);
    } else {
      spare.push_back(&record);
    }
  }
  const auto patch = [&](const Record& record, const std::string& value) {
    auto object = body_of(plan, value, mark);
    object["id"] = record.id;
    patches.push_back(std::move(object));
  };
  for (const auto* record : staying) patch(*record, record->value);
  for (const auto* record : spare) {
    if (record->type == plan.want.type && !missing.empty()) {
      patch(*record, missing.front());
      missing.erase(missing.begin());
    } else {
      deletes.push_back(json::object{{"id", record->id}});
    }
  }
  for (const auto& value : missing) posts.push_back(body_of(plan, value, mark));
  json::object batch;
  if (!deletes.empty()) batch["deletes"] = std::move(deletes);
  if (!patches.empty()) batch["patches"] = std::move(patches);
  if (!posts.empty()) batch["posts"] = std::move(posts);
  auto call = call_of(api, "POST", "/dns_records/batch", deadline);
  call.headers.push_back({"Content-Type", "application/json"});
  call.body = json::serialize(batch);
  return call;
}

Fallible<void> parse_done(const HttpCall& call, const HttpReply& reply, WallTime now) {
  const auto body = open(call, reply, now);
  if (!body) return body.error();
  return {};
}

Fallible<Snapshot> snapshot_of(const std::vector<Record>& records, const std::string& name) {
  Snapshot out;
  if (records.empty()) return out;
  RecordSet set;
  set.type = records.front().type;
  bool one_mark = true;
  for (const auto& record : records) {
    if (record.type != set.type) {
      return Error{errc::conflict, clean(name) + " has " + to_string(set.type) + " and " +
                                       to_string(record.type) +
                                       " records; a service swaps one record set, so give each "
                                       "family a name of its own"};
    }
    if (record.proxied) {
      return Error{errc::refused, clean(name) +
                                      " is proxied at Cloudflare: clients never see its value and "
                                      "no swap of it can be proved; set it to DNS only"};
    }
    set.ttl = std::max(set.ttl, record.ttl);
    set.values.push_back(record.value);
    const auto mark = parse_generation_mark(record.comment);
    one_mark = one_mark && mark && (!out.mark || *out.mark == *mark);
    if (mark && (!out.mark || mark->generation > out.mark->generation)) out.mark = mark;
  }
  if (out.mark && !one_mark) out.mark->op.clear();
  out.set = std::move(set);
  return out;
}

}  // namespace hotswapd::cloudflare
