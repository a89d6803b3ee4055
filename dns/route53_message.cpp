// What is asked of Route 53 and what it answers.
#include "dns/route53_message.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "aws/xml.hpp"
#include "core/text.hpp"
#include "net/http_call.hpp"

namespace hotswapd::route53 {
namespace {

namespace xml = aws::xml;

constexpr std::string_view namespace_uri = "https://route53.amazonaws.com/doc/2013-04-01/";

bool octal(char c) noexcept {
  return c >= '0' && c <= '7';
}

std::optional<std::uint32_t> number(const std::string& text) {
  std::uint32_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

StoredSet read_set(pugi::xml_node node) {
  StoredSet out;
  out.name = plain_name(xml::text_of(node, "Name"));
  out.type = xml::text_of(node, "Type");
  out.ttl = number(xml::text_of(node, "TTL"));
  out.alias = static_cast<bool>(xml::child(node, "AliasTarget"));
  // With a set identifier the name has, or may have, several sets of one type.
  out.routed = static_cast<bool>(xml::child(node, "SetIdentifier"));
  for (const auto record : xml::child(node, "ResourceRecords").children()) {
    if (xml::is(record, "ResourceRecord")) out.values.push_back(xml::text_of(record, "Value"));
  }
  return out;
}

// The strings of a TXT value: "\"a\" \"b\"" -> a, b. Escapes are octal, or of the next letter.
std::vector<std::string> character_strings(std::string_view value) {
  std::vector<std::string> out;
  bool inside = false;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (!inside) {
      inside = c == '"';
      if (inside) out.emplace_back();
      continue;
    }
    if (c == '"') {
      inside = false;
    } else if (c == '\\' && i + 3 < value.size() && octal(value[i + 1]) && octal(value[i + 2]) &&
               octal(value[i + 3])) {
      out.back() += static_cast<char>((value[i + 1] - '0') * 64 + (value[i + 2] - '0') * 8 +
                                      (value[i + 3] - '0'));
      i += 3;
    } else if (c == '\\' && i + 1 < value.size()) {
      out.back() += value[++i];
    } else {
      out.back() += c;
    }
  }
  return out;
}

std::string canonical_value(RecordType type, const std::string& value) {
  if (type == RecordType::cname) return plain_name(value);
  return canonical_address(value).value_or(value);
}

std::vector<std::string> labels_from_the_right(std::string_view name) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at <= name.size();) {
    const auto end = std::min(name.find('.', at), name.size());
    out.emplace_back(name.substr(at, end - at));
    at = end + 1;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

void add_change(std::string& out, std::string_view action, const StoredSet& set) {
  out += "<Change><Action>";
  out += action;
  out += "</Action><ResourceRecordSet><Name>" + xml::escaped(set.name) + ".</Name><Type>" +
         set.type + "</Type><TTL>" + std::to_string(set.ttl.value_or(0)) +
         "</TTL><ResourceRecords>";
  for (const auto& value : set.values)
    out += "<ResourceRecord><Value>" + xml::escaped(value) + "</Value></ResourceRecord>";
  out += "</ResourceRecords></ResourceRecordSet></Change>";
}

std::string mark_of_name(std::string_view fqdn) {
  return "_hotswap." + std::string(fqdn);
}

}  // namespace

std::string plain_name(std::string_view stored) {
  std::string out;
  for (std::size_t i = 0; i < stored.size(); ++i) {
    const bool escape = stored[i] == '\\' && i + 3 < stored.size() && octal(stored[i + 1]) &&
                        octal(stored[i + 2]) && octal(stored[i + 3]);
    if (!escape) {
      out += stored[i];
      continue;
    }
    out += static_cast<char>((stored[i + 1] - '0') * 64 + (stored[i + 2] - '0') * 8 +
                             (stored[i + 3] - '0'));
    i += 3;
  }
  if (out.ends_with('.')) out.pop_back();
  return lower(out);
}

bool past(std::string_view next_name, std::string_view name) {
  return labels_from_the_right(next_name) > labels_from_the_right(name);
}

std::string bare_id(std::string_view id) {
  const auto slash = id.rfind('/');
  return std::string(slash == std::string_view::npos ? id : id.substr(slash + 1));
}

std::string list_path(std::string_view zone_id) {
  return "/2013-04-01/hostedzone/" + percent_encoded(bare_id(zone_id)) + "/rrset";
}

std::string list_query(std::string_view name, int most) {
  return "name=" + percent_encoded(std::string(name) + ".") + "&maxitems=" + std::to_string(most);
}

std::string change_path(std::string_view zone_id) {
  return list_path(zone_id) + "/";
}

std::string change_status_path(std::string_view change_id) {
  return "/2013-04-01/change/" + percent_encoded(bare_id(change_id));
}

Fallible<Page> read_page(std::string_view text) {
  pugi::xml_document document;
  if (const auto parsed = xml::parse(text, document); !parsed)
    return Error{errc::corrupt, "Route 53 answers " + parsed.error().text};
  const auto root = document.document_element();
  const auto sets = xml::child(root, "ResourceRecordSets");
  if (!xml::is(root, "ListResourceRecordSetsResponse") || !sets)
    return Error{errc::corrupt, "Route 53 answers something else than a list of record sets"};
  Page out;
  for (const auto node : sets.children()) {
    if (xml::is(node, "ResourceRecordSet")) out.sets.push_back(read_set(node));
  }
  if (xml::text_of(root, "IsTruncated") == "true") {
    out.next_name = plain_name(xml::text_of(root, "NextRecordName"));
    if (out.next_name.empty())
      return Error{errc::corrupt, "Route 53 answers half a list and does not say how it goes on"};
  }
  return out;
}

void add(NameState& state, const Page& page, std::string_view fqdn) {
  const auto mark = mark_of_name(fqdn);
  for (const auto& set : page.sets) {
    if (set.name == fqdn && record_type(set.type)) state.sets.push_back(set);
    if (set.name == mark && set.type == "TXT") state.at_mark.push_back(set);
  }
}

Fallible<Found> understand(const NameState& state, const std::string& fqdn) {
  const auto refuse = [&](const StoredSet& set, const char* what) {
    return Error{errc::conflict, clean(fqdn) + " has " + what + " (" + clean(set.type, 16) +
                                     "), which cannot be swapped; put a simple record in its "
                                     "place"};
  };
  AuthReply record;
  for (const auto& set : state.sets) {
    if (set.alias) return refuse(set, "an alias record");
    if (set.routed) return refuse(set, "a record with a routing policy");
    const auto type = *record_type(set.type);
    RecordSet out{type, set.ttl.value_or(0), {}};
    for (const auto& value : set.values) out.values.push_back(canonical_value(type, value));
    record.sets.push_back(std::move(out));
  }
  AuthReply texts;
  for (const auto& set : state.at_mark) {
    if (set.alias || set.routed) return refuse(set, "a generation record that is not a simple one");
    for (const auto& value : set.values) texts.texts.push_back(character_strings(value));
  }
  auto set = found_set(record, {}, fqdn);
  if (!set) return set.error();
  auto mark = found_mark(texts, fqdn);
  if (!mark) return mark.error();
  return Found{std::move(*set), std::move(*mark)};
}

std::string change_batch(const SwapPlan& plan, const NameState& live) {
  std::string out =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ChangeResourceRecordSetsRequest xmlns=\"";
  out += namespace_uri;
  out += "\"><ChangeBatch><Comment>hotswapd " + xml::escaped(plan.op) + "</Comment><Changes>";
  for (const auto& set : live.sets) add_change(out, "DELETE", set);
  for (const auto& set : live.at_mark) add_change(out, "DELETE", set);
  StoredSet want{plan.key.fqdn, to_string(plan.want.type), plan.want.ttl, plan.want.values};
  if (plan.want.type == RecordType::cname) {
    for (auto& value : want.values) value += '.';
  }
  add_change(out, "CREATE", want);
  const auto mark = to_string(mark_of(plan.generation, plan.op, plan.want));
  add_change(out, "CREATE",
             {mark_of_name(plan.key.fqdn), "TXT", plan.want.ttl, {"\"" + mark + "\""}});
  out += "</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>";
  return out;
}

Fallible<ChangeInfo> read_change(std::string_view text) {
  pugi::xml_document document;
  if (const auto parsed = xml::parse(text, document); !parsed)
    return Error{errc::corrupt, "Route 53 answers " + parsed.error().text};
  const auto info = xml::child(document.document_element(), "ChangeInfo");
  ChangeInfo out{bare_id(xml::text_of(info, "Id")), xml::text_of(info, "Status") == "INSYNC"};
  if (out.id.empty())
    return Error{errc::corrupt, "Route 53 answers something else than what became of a change"};
  return out;
}

SwapOutcome outcome_of(const aws::ServiceError& error) {
  if (error.code != "InvalidChangeBatch") return SwapOutcome::refused;
  // Somebody else's write came between; each of the messages may say so. What is said of a batch
  // that can never be is another matter: it would be refused again and again.
  bool race = error.messages.empty();
  bool never = false;
  for (const auto& message : error.messages) {
    const auto text = lower(message);
    const auto says = [&](const char* words) { return text.find(words) != std::string::npos; };
    race = race || says("not found") || says("do not match") || says("already exists");
    never = never || says("not permitted") || says("fatal problem") || says("invalid");
  }
  if (race) return SwapOutcome::conflict;
  return never ? SwapOutcome::refused : SwapOutcome::conflict;
}

std::vector<std::string> name_servers(const Page& page, std::string_view zone) {
  std::vector<std::string> out;
  for (const auto& set : page.sets) {
    if (set.name != zone || set.type != "NS") continue;
    for (const auto& value : set.values) out.push_back(plain_name(value));
  }
  return out;
}

}  // namespace hotswapd::route53
