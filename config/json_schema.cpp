#include "config/json_schema.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <string_view>

#include "config/values.hpp"

namespace hotswapd {
namespace config {
namespace {

namespace json = boost::json;

constexpr std::string_view kVariable = "\\$\\{[A-Za-z_][A-Za-z0-9_]*\\}";
constexpr std::string_view kName = "[A-Za-z0-9_-]{1,63}(\\.[A-Za-z0-9_-]{1,63})*\\.?";
constexpr std::string_view kV6 = "[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*";
constexpr std::string_view kDigits = "0|[1-9][0-9]*";
constexpr std::string_view kDuration = "(0|[1-9][0-9]*)(ms|s|m|h|d)";

// Objects of one name (a monitor, and a backup's) get different definitions.
std::string definition_name(const ObjectSpec* spec) {
  static const std::map<const ObjectSpec*, std::string> names = [] {
    std::map<const ObjectSpec*, std::string> out;
    std::map<std::string, int> used;
    for (const auto* object : all_objects()) {
      std::string name(object->name);
      std::replace(name.begin(), name.end(), ' ', '_');
      const int count = ++used[name];
      out[object] = count == 1 ? name : name + '_' + std::to_string(count);
    }
    return out;
  }();
  return names.at(spec);
}

// Spelled out, because nested braces mean objects or arrays to Boost.JSON as it sees fit.
using Members = std::initializer_list<std::pair<std::string_view, json::value>>;

json::value obj(Members members) {
  json::object out;
  for (const auto& [name, value] : members) out[name] = value;
  return out;
}

template <class... T>
json::array arr(T&&... items) {
  json::array out;
  (out.push_back(json::value(std::forward<T>(items))), ...);
  return out;
}

json::value reference(const ObjectSpec* spec) {
  return obj({{"$ref", json::value("#/definitions/" + definition_name(spec))}});
}

json::value pattern(std::string_view inner) {
  return obj({{"type", "string"}, {"pattern", json::value("^(" + std::string(inner) + ")$")}});
}

json::value any_of(json::array choices) {
  return obj({{"anyOf", std::move(choices)}});
}

json::value whole_number(std::int64_t least, std::int64_t most) {
  return obj({{"type", "integer"}, {"minimum", least}, {"maximum", most}});
}

json::value choice_of(json::array words) {
  return obj({{"enum", std::move(words)}});
}

// Any value but a text may be given by the environment.
json::value or_variable(json::array choices) {
  choices.push_back(obj({{"type", "string"}, {"pattern", json::value(kVariable)}}));
  return any_of(std::move(choices));
}

json::value text_schema(const Type& type) {
  json::object out;
  // What is written as a number or a flag is read as it is written.
  out["type"] = arr("string", "number", "boolean");
  if (type.min > 0) out["minLength"] = type.min;
  if (type.max > 0) out["maxLength"] = type.max;
  out["pattern"] =
      type.kind == Kind::any_text ? "^[^\\x00-\\x08\\x0b-\\x1f\\x7f]*$" : "^[^\\x00-\\x1f\\x7f]*$";
  return out;
}

json::value flag_schema() {
  json::array words = arr(true, false);
  for (const auto& [spelling, value] : flag_words()) words.push_back(json::value(spelling));
  return or_variable(arr(choice_of(std::move(words))));
}

json::value integer_schema(const Type& type) {
  return or_variable(arr(whole_number(type.min, type.max), pattern(kDigits)));
}

json::value duration_schema(const Type& type) {
  json::array choices = arr(pattern(kDuration));
  const std::int64_t unit = type.unit == Unit::seconds ? 1'000 : 60'000;
  if (type.unit == Unit::dyn_minutes) {
    choices.push_back(choice_of(arr(1, 5, 10, 15, "1", "5", "10", "15")));
  } else if (type.unit != Unit::required) {
    choices.push_back(whole_number((type.min + unit - 1) / unit, type.max / unit));
    choices.push_back(pattern(kDigits));
  }
  return or_variable(std::move(choices));
}

json::value word_schema(const Type& type) {
  if (!type.any_case) {
    json::array words;
    for (const auto word : type.words) words.push_back(json::value(word));
    return or_variable(arr(choice_of(std::move(words))));
  }
  std::string inner;
  for (const auto word : type.words) {
    if (!inner.empty()) inner += '|';
    for (const char c : word) {
      inner += '[';
      inner += c;
      inner += static_cast<char>(c - 'A' + 'a');
      inner += ']';
    }
  }
  return or_variable(arr(pattern(inner)));
}

json::value status_schema() {
  return or_variable(arr(whole_number(100, 599), pattern("[1-5][0-9][0-9](-[1-5][0-9][0-9])?")));
}

json::value socket_schema(bool names) {
  std::string inner =
      "\\[" + std::string(kV6) + "\\](:[0-9]{1,5})?|" + std::string(kV6) + "|[0-9.]+(:[0-9]{1,5})?";
  if (names) inner += "|" + std::string(kName) + "(:[0-9]{1,5})?";
  return or_variable(arr(pattern(inner)));
}

json::value list_of(json::value items, std::int64_t least, std::int64_t most) {
  return obj(
      {{"type", "array"}, {"items", std::move(items)}, {"minItems", least}, {"maxItems", most}});
}

json::value map_of(json::value values) {
  return obj({{"type", "object"}, {"additionalProperties", std::move(values)}});
}

json::value variants_schema(const Type& type) {
  json::array choices;
  for (const auto& variant : type.variants) choices.push_back(reference(variant.second()));
  return any_of(std::move(choices));
}

json::value events_schema() {
  const json::value item = or_variable(arr(choice_of(arr("ip", "svc", "nosrv"))));
  return or_variable(
      arr(list_of(item, 0, 64), pattern(" *((ip|svc|nosrv)( *, *(ip|svc|nosrv))*)? *")));
}

json::value headers_schema() {
  return any_of(arr(obj({{"type", "string"}}), map_of(text_schema(text(0, 16 * 1024)))));
}

json::value zones_schema(const Type& type) {
  const json::value name = pattern(kName);
  const json::value zone = any_of(arr(schema_of(*type.of), obj({{"type", "null"}})));
  const json::value named =
      obj({{"type", "object"}, {"propertyNames", name}, {"additionalProperties", zone}});
  return any_of(arr(list_of(or_variable(arr(name)), 0, 100'000), named));
}

bool may_be_null(const Key& key) {
  switch (key.type.kind) {
    case Kind::object:
    case Kind::list:
    case Kind::map:
    case Kind::zones:
      return !key.required;
    default:
      return false;
  }
}

// The default in the type that the key has.
json::value fallback(const Key& key) {
  if (key.fallback == "true") return true;
  if (key.fallback == "false") return false;
  if (key.type.kind == Kind::integer) return std::stoll(std::string(key.fallback));
  return json::value(key.fallback);
}

json::value key_schema(const Key& key) {
  json::value shape = schema_of(key.type);
  if (may_be_null(key)) shape = any_of(arr(std::move(shape), obj({{"type", "null"}})));
  json::object out;
  out["description"] = key.doc;
  if (!key.fallback.empty()) out["default"] = fallback(key);
  // Beside a $ref nothing counts in draft 7.
  if (shape.as_object().contains("$ref")) {
    out["allOf"] = arr(std::move(shape));
    return out;
  }
  for (auto& member : shape.as_object()) out[member.key()] = std::move(member.value());
  return out;
}

json::value object_schema(const ObjectSpec& spec) {
  json::object properties;
  json::array required;
  for (const auto& key : spec.keys) {
    properties[key.name] = key_schema(key);
    if (key.required) required.push_back(json::value(key.name));
  }
  json::object out;
  out["type"] = "object";
  out["additionalProperties"] = false;
  out["properties"] = std::move(properties);
  if (!required.empty()) out["required"] = std::move(required);
  json::array pairs;
  for (const auto& pair : spec.secrets) {
    const json::value own = obj({{"required", arr(pair.name)}});
    const json::value twin = obj({{"required", arr(pair.twin)}});
    pairs.push_back(obj({{"not", obj({{"required", arr(pair.name, pair.twin)}})}}));
    if (pair.required) pairs.push_back(any_of(arr(own, twin)));
  }
  for (const auto& [one, other] : spec.alternatives) {
    pairs.push_back(obj({{"not", obj({{"required", arr(one, other)}})}}));
    pairs.push_back(any_of(arr(obj({{"required", arr(one)}}), obj({{"required", arr(other)}}))));
  }
  if (!pairs.empty()) out["allOf"] = std::move(pairs);
  return out;
}

void write(std::string& out, const json::value& value, int depth) {
  const std::string indent(static_cast<std::size_t>(depth) + 1, ' ');
  const std::string line = json::serialize(value);
  // What fits on a line stays on one.
  if (line.size() + indent.size() <= 110 || (!value.is_object() && !value.is_array())) {
    out += line;
    return;
  }
  const bool object = value.is_object();
  out += object ? '{' : '[';
  const char* separator = "\n";
  const auto item = [&](const json::string_view* name, const json::value& inner) {
    out += separator;
    separator = ",\n";
    out += indent;
    if (name != nullptr) out += json::serialize(json::value(*name)) + ": ";
    write(out, inner, depth + 1);
  };
  if (object) {
    for (const auto& member : value.as_object()) {
      const json::string_view name = member.key();
      item(&name, member.value());
    }
  } else {
    for (const auto& inner : value.as_array()) item(nullptr, inner);
  }
  out += '\n' + indent.substr(1);
  out += object ? '}' : ']';
}

}  // namespace

json::value schema_of(const Type& type) {
  switch (type.kind) {
    case Kind::text:
    case Kind::any_text:
    case Kind::secret:
      return text_schema(type);
    case Kind::path:
      return text_schema(text(1, 4095));
    case Kind::flag:
      return flag_schema();
    case Kind::integer:
      return integer_schema(type);
    case Kind::duration:
      return duration_schema(type);
    case Kind::word:
      return word_schema(type);
    case Kind::host_name:
      return or_variable(arr(pattern(kName)));
    case Kind::address:
      return or_variable(arr(pattern("[0-9.]+|" + std::string(kV6))));
    case Kind::host:
      return or_variable(arr(pattern(std::string(kName) + "|" + std::string(kV6))));
    case Kind::socket:
      return socket_schema(false);
    case Kind::host_port:
      return socket_schema(true);
    case Kind::network:
      return or_variable(arr(pattern("([0-9.]+|" + std::string(kV6) + ")(/[0-9]{1,3})?")));
    case Kind::url:
      return or_variable(arr(pattern("https?://[!-~]+")));
    case Kind::witness:
      return or_variable(arr(pattern("(tcp|ping)://[!-~]+")));
    case Kind::status:
      return status_schema();
    case Kind::time:
      return or_variable(arr(pattern("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")));
    case Kind::weekly:
      return or_variable(arr(
          pattern("[A-Z][a-z]{2}([-,][A-Z][a-z]{2})* [0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2} UTC")));
    case Kind::mailbox:
      return or_variable(arr(pattern("[^@ ]+@[^@ ]+")));
    case Kind::object:
      return reference(type.object());
    case Kind::list:
      return list_of(schema_of(*type.of), type.min, type.max);
    case Kind::map:
      return map_of(schema_of(*type.of));
    case Kind::one_of:
      return variants_schema(type);
    case Kind::status_list: {
      const json::value one = status_schema();
      return any_of(arr(one, list_of(one, 1, 64)));
    }
    case Kind::events:
      return events_schema();
    case Kind::headers:
      return headers_schema();
    case Kind::zones:
      return zones_schema(type);
    case Kind::name_server:
      return or_variable(arr(pattern(kName), reference(type.object())));
    case Kind::object_or_none:
      return any_of(arr(pattern("[Nn][Oo][Nn][Ee]"), reference(type.object())));
  }
  return true;
}

json::value schema_value() {
  json::object definitions;
  const ObjectSpec* root = file_keys();
  for (const auto* object : all_objects()) {
    if (object != root) definitions[definition_name(object)] = object_schema(*object);
  }
  json::object out;
  out["$schema"] = "http://json-schema.org/draft-07/schema#";
  out["title"] = "hotswapd configuration";
  out["$comment"] =
      "Generated from the table that hotswapd itself reads by. What goes beyond one value "
      "(references, ranges of "
      "durations, files of secrets) is checked by hotswapd --check.";
  json::value top = object_schema(*root);
  for (auto& member : top.as_object()) out[member.key()] = std::move(member.value());
  out["definitions"] = std::move(definitions);
  return out;
}

}  // namespace config

std::string json_schema() {
  std::string out;
  config::write(out, config::schema_value(), 0);
  return out + '\n';
}

}  // namespace hotswapd
