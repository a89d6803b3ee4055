#include "dns/powerdns_codec.hpp"

#include <boost/json.hpp>
#include <optional>
#include <utility>

#include "core/text.hpp"
#include "dns/generation_mark.hpp"
#include "dns/http_trouble.hpp"
#include "dns/txt_text.hpp"

namespace hotswapd::powerdns {
namespace {

namespace json = boost::json;

constexpr std::size_t longest_zone =
    std::size_t{4} * 1024 * 1024;  // before 4.4 a read brings the whole zone

std::string absolute(const std::string& name) {
  return name + ".";
}

// "example.com." without the dot, in lower case.
std::string relative(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return lower(name);
}

std::string zone_url(const Api& api, const std::string& zone) {
  std::string base = api.url;
  while (base.ends_with('/')) base.pop_back();
  return base + "/api/v1/servers/" + percent_encoded(api.server_id) + "/zones/" +
         percent_encoded(absolute(zone));
}

HttpCall call_of(const Api& api, const char* method, std::string url, TimePoint deadline) {
  HttpCall call;
  call.method = method;
  call.url = std::move(url);
  call.headers = {{"X-API-Key", api.api_key}};
  call.deadline = deadline;
  call.max_response = longest_zone;
  return call;
}

const json::value* member(const json::value& of, std::string_view name) {
  return of.is_object() ? of.as_object().if_contains(name) : nullptr;
}

std::string text(const json::value& of, std::string_view name) {
  const auto* const value = member(of, name);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

std::optional<std::uint32_t> number(const json::value& of, std::string_view name) {
  const auto* const value = member(of, name);
  if (value == nullptr || !value->is_int64()) return std::nullopt;
  const auto given = value->as_int64();
  if (given < 0 || given > 0xffffffffLL) return std::nullopt;
  return static_cast<std::uint32_t>(given);
}

std::optional<std::string> value_of(RecordType type, const std::string& content) {
  if (type == RecordType::cname) return relative(content);
  const auto address = canonical_address(content);
  const bool v6 = address && address->find(':') != std::string::npos;
  return address && v6 == (type == RecordType::aaaa) ? address : std::nullopt;
}

// One rrset of the name. False: it is not what the API is documented to send.
bool take(const json::value& rrset, Found& out) {
  const auto type_name = text(rrset, "type");
  const auto* const records = member(rrset, "records");
  if (records == nullptr || !records->is_array()) return false;
  const auto type = record_type(type_name);
  RecordSet set;
  if (type) {
    const auto ttl = number(rrset, "ttl");
    if (!ttl) return false;
    set.type = *type;
    set.ttl = *ttl;
  }
  for (const auto& record : records->as_array()) {
    const auto content = text(record, "content");
    const auto* const disabled = member(record, "disabled");
    // Nobody is answered with it; the API itself does not always show such records.
    if (disabled != nullptr && disabled->is_bool() && disabled->as_bool()) continue;
    if (type) {
      auto value = value_of(*type, content);
      if (!value) return false;
      set.values.push_back(std::move(*value));
    } else if (type_name == "TXT") {
      const auto strings = parse_txt(content);
      if (!strings) return false;
      out.records.texts.push_back(*strings);
    } else if (type_name == "NS") {
      const auto name = wire::Name::from_text(relative(content));
      if (!name) return false;
      out.records.name_servers.push_back(*name);
    } else if (type_name == "LUA" || type_name == "ALIAS") {
      out.maker = type_name;
    }
  }
  if (!set.values.empty()) out.records.sets.push_back(std::move(set));
  return true;
}

std::string content_of(RecordType type, const std::string& value) {
  return type == RecordType::cname ? absolute(value) : value;
}

json::object replacement(const std::string& name, const char* type, std::uint32_t ttl,
                         json::array records) {
  return {{"name", absolute(name)},
          {"type", type},
          {"ttl", ttl},
          {"changetype", "REPLACE"},
          {"records", std::move(records)}};
}

json::object enabled(const std::string& content) {
  return {{"content", content}, {"disabled", false}};
}

}  // namespace

HttpCall read_call(const Api& api, const std::string& zone, const std::string& name,
                   TimePoint deadline) {
  return call_of(api, "GET", zone_url(api, zone) + "?rrset_name=" + percent_encoded(absolute(name)),
                 deadline);
}

Fallible<Found> parse_zone(const HttpCall& call, const HttpReply& reply, const std::string& name) {
  boost::system::error_code bad;
  const auto zone = json::parse(reply.body, bad);
  const auto* const rrsets = bad ? nullptr : member(zone, "rrsets");
  if (rrsets == nullptr || !rrsets->is_array()) return not_understood(call, "no list of rrsets");
  Found out;
  out.records.authoritative = true;
  const auto served = number(zone, "edited_serial");
  out.records.serial = served ? served : number(zone, "serial");
  for (const auto& rrset : rrsets->as_array()) {
    if (relative(text(rrset, "name")) != name) continue;
    if (!take(rrset, out))
      return not_understood(
          call, "a record of " + clean(name) + " of the type " + clean(text(rrset, "type"), 16));
  }
  return out;
}

HttpCall write_call(const Api& api, const SwapPlan& plan, const Found& before, TimePoint deadline) {
  auto call = call_of(api, "PATCH", zone_url(api, plan.key.zone), deadline);
  call.headers.push_back({"Content-Type", "application/json"});
  json::array rrsets;
  for (const auto& set : before.records.sets) {
    if (set.type == plan.want.type) continue;
    rrsets.push_back(json::object{{"name", absolute(plan.key.fqdn)},
                                  {"type", to_string(set.type)},
                                  {"changetype", "DELETE"}});
  }
  json::array values;
  for (const auto& value : plan.want.values)
    values.push_back(enabled(content_of(plan.want.type, value)));
  rrsets.push_back(
      replacement(plan.key.fqdn, to_string(plan.want.type), plan.want.ttl, std::move(values)));
  const auto mark = to_string(mark_of(plan.generation, plan.op, plan.want));
  json::array texts;
  texts.push_back(enabled(txt_text(mark)));
  rrsets.push_back(
      replacement("_hotswap." + plan.key.fqdn, "TXT", plan.want.ttl, std::move(texts)));
  call.body = json::serialize(json::object{{"rrsets", std::move(rrsets)}});
  return call;
}

std::string said(const HttpReply& reply) {
  boost::system::error_code bad;
  const auto body = json::parse(reply.body, bad);
  if (bad) return reply.body.substr(0, 200);  // "Not Found", "Unauthorized"
  auto out = text(body, "error");
  if (const auto* const more = member(body, "errors"); more != nullptr && more->is_array()) {
    for (const auto& line : more->as_array()) {
      if (line.is_string()) out += "; " + std::string(line.as_string());
    }
  }
  return out;
}

}  // namespace hotswapd::powerdns
