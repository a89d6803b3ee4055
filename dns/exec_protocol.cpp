#include "dns/exec_protocol.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <limits>
#include <optional>
#include <utility>

#include "core/text.hpp"

namespace hotswapd::exec_protocol {
namespace {

namespace json = boost::json;

constexpr int version = 1;
constexpr std::size_t most_values = 256;
constexpr std::size_t longest_op = 128;

json::value shown(const std::optional<RecordSet>& set) {
  if (!set) return nullptr;
  return json::object{{"type", to_string(set->type)},
                      {"ttl", set->ttl},
                      {"values", json::array(set->values.begin(), set->values.end())}};
}

json::object request(const char* what, const RecordKey& key) {
  return {{"protocol", version}, {"do", what}, {"zone", key.zone}, {"fqdn", key.fqdn}};
}

// The last line of stderr: where scripts say what went wrong.
std::string last_words(const std::string& errors) {
  auto end = errors.find_last_not_of(" \t\r\n");
  if (end == std::string::npos) return "";
  const auto begin = errors.find_last_of('\n', end);
  const auto from = begin == std::string::npos ? 0 : begin + 1;
  return clean(errors.substr(from, end + 1 - from), 200);
}

std::string with_errors(std::string sentence, const CommandEnd& end) {
  const auto said = last_words(end.errors);
  if (!said.empty()) sentence += "; its stderr ends: " + said;
  return sentence;
}

std::string how_it_ended(const CommandEnd& end) {
  using How = CommandEnd::How;
  switch (end.how) {
    case How::exited:
      return with_errors("the command ended with status " + std::to_string(end.status), end);
    case How::signalled:
      return with_errors("the command was ended by signal " + std::to_string(end.status), end);
    case How::timed_out:
      return with_errors("the command had not ended in time, and was killed", end);
    case How::flooded:
      return with_errors("the command said more than 64 KiB, and was killed", end);
    case How::stopped:
      return "the daemon is being stopped: the command was killed";
    case How::no_place:
      return "the command was not started in time: too many others were running";
    case How::no_program:
    case How::not_started:
      break;
  }
  return "the command was not started: " + clean(end.trouble);
}

// The answer's object; an error when there is none to believe.
Fallible<json::object> answer(const CommandEnd& end) {
  if (end.how != CommandEnd::How::exited || end.status != 0) {
    const bool configuration = end.how == CommandEnd::How::no_program;
    const bool late = end.how == CommandEnd::How::timed_out || end.how == CommandEnd::How::no_place;
    const auto code = configuration ? errc::refused : late ? errc::timed_out : errc::unavailable;
    return Error{code, how_it_ended(end)};
  }
  if (end.output.find_first_not_of(" \t\r\n") == std::string::npos)
    return Error{errc::corrupt, with_errors("the command said nothing on stdout", end)};
  error_code ec;
  json::parse_options options;
  options.max_depth = 8;
  auto parsed = json::parse(end.output, ec, {}, options);
  if (ec || !parsed.is_object()) {
    const auto why = ec ? "is not JSON (" + ec.message() + ")" : std::string("is no JSON object");
    return Error{errc::corrupt,
                 with_errors("what the command said " + why + ": " + clean(end.output, 80), end)};
  }
  return std::move(parsed.as_object());
}

Error wrong(const std::string& key, const std::string& what) {
  return {errc::corrupt, "the command's answer: `" + key + "` " + what};
}

std::optional<std::uint64_t> whole(const json::value& value) {
  if (value.is_uint64()) return value.as_uint64();
  if (value.is_int64() && value.as_int64() >= 0)
    return static_cast<std::uint64_t>(value.as_int64());
  return std::nullopt;
}

std::string text_at(const json::object& from, const char* key) {
  const auto* value = from.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

Fallible<std::string> canonical(RecordType type, const json::value& value) {
  if (!value.is_string()) return wrong("set.values", "has something that is no text");
  auto text = std::string(value.as_string());
  if (type != RecordType::cname) {
    const auto address = canonical_address(text);
    const bool v6 = address && address->find(':') != std::string::npos;
    if (!address || v6 != (type == RecordType::aaaa))
      return wrong("set.values", std::string("has no address of type ") + to_string(type) + ": " +
                                     clean(text, 80));
    return *address;
  }
  text = lower(text);
  if (text.ends_with('.')) text.pop_back();
  if (text.empty() || text.size() > 253 || text.find_first_of(" \t\r\n") != std::string::npos)
    return wrong("set.values", "has no host name: " + clean(text, 80));
  return text;
}

Fallible<std::optional<RecordSet>> record_set(const json::object& from) {
  const auto* value = from.if_contains("set");
  if (value == nullptr) return wrong("set", "is missing (null where the name has no record)");
  if (value->is_null()) return std::optional<RecordSet>();
  if (!value->is_object()) return wrong("set", "is neither an object nor null");
  const auto& object = value->as_object();
  const auto type = record_type(text_at(object, "type"));
  if (!type) return wrong("set.type", "is none of \"A\", \"AAAA\", \"CNAME\"");
  const auto* ttl = object.if_contains("ttl");
  const auto seconds = ttl == nullptr ? std::nullopt : whole(*ttl);
  if (!seconds || *seconds > std::numeric_limits<std::int32_t>::max())
    return wrong("set.ttl", "is no number of seconds");
  const auto* values = object.if_contains("values");
  if (values == nullptr || !values->is_array() || values->as_array().empty() ||
      values->as_array().size() > most_values)
    return wrong("set.values", "is no list of 1 to 256 texts");
  RecordSet set{*type, static_cast<std::uint32_t>(*seconds), {}};
  for (const auto& one : values->as_array()) {
    auto text = canonical(*type, one);
    if (!text) return text.error();
    if (std::find(set.values.begin(), set.values.end(), *text) == set.values.end())
      set.values.push_back(std::move(*text));
  }
  if (*type == RecordType::cname && set.values.size() > 1)
    return wrong("set.values", "has more than one CNAME");
  return std::optional<RecordSet>(std::move(set));
}

std::optional<SwapOutcome> outcome(const std::string& word) {
  for (const auto candidate : {SwapOutcome::applied, SwapOutcome::already, SwapOutcome::conflict,
                               SwapOutcome::refused, SwapOutcome::failed, SwapOutcome::unknown}) {
    if (word == to_string(candidate)) return candidate;
  }
  return std::nullopt;
}

}  // namespace

std::string encode_read(const RecordKey& key) {
  return json::serialize(request("read", key)) + "\n";
}

std::string encode_apply(const SwapPlan& plan, bool with_generation) {
  auto out = request("apply", plan.key);
  out["expect"] = shown(plan.expect);
  if (with_generation) {
    out["expect_generation"] =
        plan.expect_generation ? json::value(*plan.expect_generation) : json::value(nullptr);
  }
  out["want"] = shown(plan.want);
  if (with_generation) out["generation"] = plan.generation;
  out["op"] = plan.op;
  return json::serialize(out) + "\n";
}

Fallible<LiveRecord> judge_read(const CommandEnd& end, bool with_generation) {
  const auto said = answer(end);
  if (!said) return said.error();
  if (said->contains("error")) {
    const bool refused = text_at(*said, "class") == "refused";
    auto text = clean(text_at(*said, "error"));
    return Error{refused ? errc::refused : errc::unavailable,
                 "the command says: " + (text.empty() ? "an error without a text" : text)};
  }
  auto set = record_set(*said);
  if (!set) return set.error();
  LiveRecord live;
  live.set = std::move(*set);
  if (const auto* serial = said->if_contains("serial"); serial != nullptr && !serial->is_null()) {
    const auto number = whole(*serial);
    if (!number || *number > std::numeric_limits<std::uint32_t>::max())
      return wrong("serial", "is no serial");
    live.serial = static_cast<std::uint32_t>(*number);
  }
  if (!with_generation) return live;
  const auto* generation = said->if_contains("generation");
  if (generation == nullptr) {
    return wrong("generation",
                 "is missing (null where none is stored); a program that cannot store one needs "
                 "guard: value");
  }
  if (!generation->is_null()) {
    live.generation = whole(*generation);
    if (!live.generation) return wrong("generation", "is no whole number");
    if (*live.generation > highest_generation) {
      return Error{errc::conflict, "the generation beside the record is " +
                                       std::to_string(*live.generation) +
                                       ", which is not one of ours; remove it"};
    }
    live.op = text_at(*said, "op");
    if (live.op.size() > longest_op) return wrong("op", "is longer than any of ours");
  }
  return live;
}

ApplyResult judge_apply(const CommandEnd& end) {
  if (!end.started()) {
    const bool configuration = end.how == CommandEnd::How::no_program;
    return {configuration ? SwapOutcome::refused : SwapOutcome::failed, how_it_ended(end)};
  }
  const auto said = answer(end);
  if (!said) return {SwapOutcome::unknown, said.error().text};
  const auto word = text_at(*said, "outcome");
  const auto known = outcome(word);
  if (!known) {
    return {SwapOutcome::unknown,
            word.empty() ? wrong("outcome", "is missing").text
                         : wrong("outcome", "is no word of the protocol: " + clean(word, 80)).text};
  }
  const auto detail = clean(text_at(*said, "detail"));
  return {*known, detail.empty() ? "the command says so" : "the command says: " + detail};
}

}  // namespace hotswapd::exec_protocol
