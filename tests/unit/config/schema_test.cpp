// The JSON Schema and the reader take and refuse the same keys, types and ranges.
#include <boost/json.hpp>
#include <regex>
#include <unordered_map>

#include "config/json_schema.hpp"
#include "config/reader.hpp"
#include "support.hpp"

namespace hotswapd::test {
namespace {

namespace json = boost::json;
using config::Kind;

// The keywords of draft 7 that the schema uses; any other one is a failed test.
class Judge {
 public:
  Judge() : root_(config::schema_value()) {}

  bool fits(const json::value& value) const { return fits(value, root_); }

  bool fits(const json::value& value, const json::value& schema) const {
    for (const auto& [keyword, argument] : schema.as_object()) {
      if (!holds(value, keyword, argument, schema.as_object())) return false;
    }
    return true;
  }

 private:
  bool holds(const json::value& value, std::string_view keyword, const json::value& argument,
             const json::object& schema) const {
    if (keyword == "description" || keyword == "default" || keyword == "title" ||
        keyword == "$schema" || keyword == "$comment" || keyword == "definitions") {
      return true;
    }
    if (keyword == "$ref") return fits(value, definition(argument.as_string()));
    if (keyword == "type") return typed(value, argument);
    if (keyword == "enum")
      return std::find(argument.as_array().begin(), argument.as_array().end(), value) !=
             argument.as_array().end();
    if (keyword == "anyOf") {
      return std::any_of(argument.as_array().begin(), argument.as_array().end(),
                         [&](const json::value& s) { return fits(value, s); });
    }
    if (keyword == "allOf") {
      return std::all_of(argument.as_array().begin(), argument.as_array().end(),
                         [&](const json::value& s) { return fits(value, s); });
    }
    if (keyword == "not") return !fits(value, argument);
    if (keyword == "minimum") return !value.is_int64() || value.as_int64() >= argument.as_int64();
    if (keyword == "maximum") return !value.is_int64() || value.as_int64() <= argument.as_int64();
    if (keyword == "minLength")
      return !value.is_string() || value.as_string().size() >= argument.to_number<std::size_t>();
    if (keyword == "maxLength")
      return !value.is_string() || value.as_string().size() <= argument.to_number<std::size_t>();
    if (keyword == "pattern")
      return !value.is_string() || matches(value.as_string(), argument.as_string());
    if (keyword == "minItems")
      return !value.is_array() || value.as_array().size() >= argument.to_number<std::size_t>();
    if (keyword == "maxItems")
      return !value.is_array() || value.as_array().size() <= argument.to_number<std::size_t>();
    if (keyword == "items") {
      return !value.is_array() ||
             std::all_of(value.as_array().begin(), value.as_array().end(),
                         [&](const json::value& item) { return fits(item, argument); });
    }
    if (!value.is_object()) return true;
    const json::object& object = value.as_object();
    if (keyword == "required") {
      return std::all_of(
          argument.as_array().begin(), argument.as_array().end(),
          [&](const json::value& name) { return object.contains(name.as_string()); });
    }
    if (keyword == "propertyNames") {
      return std::all_of(object.begin(), object.end(), [&](const auto& member) {
        return fits(json::value(member.key()), argument);
      });
    }
    if (keyword == "properties") {
      return std::all_of(object.begin(), object.end(), [&](const auto& member) {
        const auto* known = argument.as_object().if_contains(member.key());
        return known == nullptr || fits(member.value(), *known);
      });
    }
    if (keyword == "additionalProperties") {
      const auto* known = schema.if_contains("properties");
      return std::all_of(object.begin(), object.end(), [&](const auto& member) {
        if (known != nullptr && known->as_object().contains(member.key())) return true;
        return argument.is_bool() ? argument.as_bool() : fits(member.value(), argument);
      });
    }
    ADD_FAILURE() << "a keyword that this judge does not know: " << keyword;
    return false;
  }

  const json::value& definition(std::string_view reference) const {
    constexpr std::string_view prefix = "#/definitions/";
    EXPECT_TRUE(reference.starts_with(prefix)) << reference;
    return root_.at("definitions").at(reference.substr(prefix.size()));
  }

  static bool typed(const json::value& value, const json::value& type) {
    if (type.is_array()) {
      return std::any_of(type.as_array().begin(), type.as_array().end(),
                         [&](const json::value& t) { return typed(value, t); });
    }
    const std::string_view name = type.as_string();
    if (name == "string") return value.is_string();
    if (name == "boolean") return value.is_bool();
    if (name == "integer") return value.is_int64();
    if (name == "number") return value.is_number();
    if (name == "array") return value.is_array();
    if (name == "object") return value.is_object();
    if (name == "null") return value.is_null();
    ADD_FAILURE() << "a type that this judge does not know: " << name;
    return false;
  }

  bool matches(std::string_view text, std::string_view pattern) const {
    auto found = patterns_.find(std::string(pattern));
    if (found == patterns_.end())
      found = patterns_.emplace(pattern, std::regex(std::string(pattern))).first;
    // std::regex recurses for each character; only texts of one repeated letter are so long here.
    text = text.substr(0, 2000);
    return std::regex_search(text.begin(), text.end(), found->second);
  }

  json::value root_;
  mutable std::unordered_map<std::string, std::regex> patterns_;
};

// What a YAML 1.2 reader (an editor) makes of our nodes.
json::value as_json(const config::Source& source, const config::Node& raw) {
  const config::Node& node = source.resolve(raw);
  switch (node.kind) {
    case config::NodeKind::sequence: {
      json::array out;
      for (const auto* item = source.first_child(node); item != nullptr;
           item = source.next_sibling(*item)) {
        out.push_back(as_json(source, *item));
      }
      return out;
    }
    case config::NodeKind::mapping: {
      json::object out;
      for (const auto* key = source.first_child(node); key != nullptr;) {
        const auto* value = source.next_sibling(*key);
        out[source.resolve(*key).text] = as_json(source, *value);
        key = source.next_sibling(*value);
      }
      return out;
    }
    case config::NodeKind::scalar:
    case config::NodeKind::alias:
      break;
    case config::NodeKind::null:
      return nullptr;
  }
  const std::string text(node.text);
  if (!node.plain) return json::value(text);
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  static const std::regex whole("-?(0|[1-9][0-9]{0,17})");
  static const std::regex fraction("-?[0-9]+\\.[0-9]+");
  if (std::regex_match(text, whole)) return std::stoll(text);
  if (std::regex_match(text, fraction)) return std::stod(text);
  return json::value(text);
}

struct Verdicts {
  bool reader = false;
  bool schema = false;
  std::string said;
};

Verdicts judge_whole(const Judge& judge, const std::string& text) {
  Verdicts out;
  const auto result = load(text, {{"NAME", "x"}});
  out.reader = result.config.has_value();
  out.said = all_messages(result);
  Diagnostics ignored;
  const auto source = config::Source::parse("t", text, ignored);
  EXPECT_TRUE(source.has_value()) << text;
  if (source) out.schema = judge.fits(as_json(*source, source->root()));
  return out;
}

// One scalar of a type, by both.
void same_verdict(const Judge& judge, const config::Type& type, const std::string& yaml,
                  const std::string& where) {
  Diagnostics diagnostics;
  auto source = config::Source::parse("t", yaml + "\n", diagnostics);
  ASSERT_TRUE(source.has_value()) << yaml;
  const LoadOptions options = with_environment({});
  config::Reader reader(*source, options, diagnostics);
  const bool taken = reader.scalar(type, source->root(), {}).has_value();
  const bool fits = judge.fits(as_json(*source, source->root()), config::schema_of(type));
  EXPECT_EQ(taken, fits) << where << ": " << yaml
                         << (diagnostics.empty() ? "" : "\n" + diagnostics.back().to_string());
}

// Good and bad texts of each kind that a pattern can tell apart.
std::vector<std::string> candidates(const config::Type& type) {
  std::vector<std::string> out{"~", "[]", "{}", "[a]", "{a: b}", "\"\"", "\"a\\u0001b\""};
  const auto add = [&](std::initializer_list<const char*> more) {
    out.insert(out.end(), more.begin(), more.end());
  };
  switch (type.kind) {
    case Kind::text:
    case Kind::any_text:
    case Kind::secret:
    case Kind::path:
      add({"a", "12", "1.5", "true", "\"a\\nb\"", "\"a\\tb\"", "\"a\\rb\""});
      if (type.max > 0) {
        out.push_back(std::string(static_cast<std::size_t>(type.max), 'x'));
        out.push_back(std::string(static_cast<std::size_t>(type.max) + 1, 'x'));
      }
      break;
    case Kind::flag:
      add({"true", "false", "True", "FALSE", "yes", "No", "ON", "off", "Y", "n", "tRuE", "1", "0",
           "maybe", "\"true\""});
      break;
    case Kind::integer:
      add({"1.5", "many", "true", "\"many\"", "\"1 \"", "01", "1e3"});
      for (const auto edge : {type.min, type.max}) {
        for (const auto offset : {-1, 0, 1}) out.push_back(std::to_string(edge + offset));
      }
      out.push_back('"' + std::to_string(type.max) + '"');
      break;
    case Kind::duration: {
      add({"1.5s", "10 s", "10S", "s", "soon", "true", "1m30s", "01s", "-1s", "10sec"});
      out.push_back(std::to_string(type.max) + "ms");
      if (type.unit == config::Unit::required) add({"10", "\"10\""});
      if (type.unit == config::Unit::dyn_minutes)
        add({"0", "1", "2", "5", "10", "15", "16", "60", "\"1\"", "\"2\""});
      const std::int64_t unit = type.unit == config::Unit::seconds ? 1'000 : 60'000;
      if (type.unit == config::Unit::seconds || type.unit == config::Unit::minutes) {
        for (const auto edge : {(type.min + unit - 1) / unit, type.max / unit}) {
          for (const auto offset : {-1, 0, 1}) out.push_back(std::to_string(edge + offset));
        }
      }
      break;
    }
    case Kind::word:
      add({"nonsense", "1", "true"});
      for (const auto word : type.words) {
        out.emplace_back(word);
        std::string other(word);
        for (char& c : other)
          c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32)
                                   : static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
        out.push_back(other);
      }
      break;
    case Kind::status:
      add({"99", "100", "599", "600", "200-299", "200-", "-200", "2xx", "200-600", "\"200\""});
      break;
    case Kind::host_name:
    case Kind::host:
      add({"example.com", "example.com.", "_a.b", "a b", "a..b", ".a", "a/b", "\"*.a\""});
      if (type.kind == Kind::host) add({"192.0.2.1", "\"2001:db8::1\""});
      break;
    case Kind::address:
      add({"192.0.2.1", "\"2001:db8::1\"", "a.example", "localhost"});
      break;
    case Kind::socket:
    case Kind::host_port:
      add({"\"192.0.2.1:53\"", "192.0.2.1", "\"[2001:db8::1]:53\"", "\"[::1]\"", "\"::1\"",
           "\"[::1]:\"", "\"a b\"", "\"[::1\""});
      add({"\"192.0.2.1:\"", "\":53\"", "\"192.0.2.1:x\""});
      if (type.kind == Kind::host_port) add({"a.example", "\"a.example:25\""});
      if (type.kind == Kind::socket) add({"a.example", "\"a.example:25\""});
      break;
    case Kind::network:
      add({"10.0.0.0/8", "192.0.2.1", "\"2001:db8::/32\"", "10.0.0.0/", "a/8", "10.0.0.0/x"});
      break;
    case Kind::url:
      add({"http://a/", "https://a.b:8443/c?d", "ftp://a/", "a", "\"http://a b\""});
      break;
    case Kind::witness:
      add({"tcp://192.0.2.1:53", "ping://a.example", "udp://192.0.2.1:53", "192.0.2.1"});
      break;
    case Kind::time:
      add({"2026-12-01T02:00:00Z", "2026-12-01", "2026-12-01T02:00:00", "2026-12-01 02:00:00Z",
           "2026-12-01T02:00:00+01:00"});
      break;
    case Kind::weekly:
      add({"Mon-Fri 09:00-17:00 UTC", "Sat,Sun 09:00-17:00 UTC", "Mon-Fri 09:00-17:00", "daily"});
      break;
    case Kind::mailbox:
      add({"a@b.example", "a", "a@b@c", "\"a b@c\"", "\"@b\""});
      break;
    default:
      out.clear();  // no scalar
  }
  return out;
}

TEST(Schema, TheCommittedFileIsTheGeneratedOne) {
  EXPECT_EQ(read_text(source_file("config/hotswapd.schema.json")), json_schema())
      << "write the schema anew: see docs/configuration.md, \"JSON Schema\"";
}

TEST(Schema, EveryScalarOfTheTableIsJudgedAlike) {
  const Judge judge;
  std::size_t judged = 0;
  for (const auto* object : config::all_objects()) {
    for (const auto& key : object->keys) {
      // The items of lists and maps, too.
      const config::Type* type = &key.type;
      while (type->of) type = type->of.get();
      for (const auto& yaml : candidates(*type)) {
        same_verdict(judge, *type, yaml, std::string(object->name) + '.' + std::string(key.name));
        ++judged;
      }
    }
  }
  EXPECT_GT(judged, 1500u);
}

TEST(Schema, EveryKeyOfTheTableIsInTheSchemaAndNoOther) {
  const json::value schema = config::schema_value();
  std::size_t objects = 0;
  for (const auto* object : config::all_objects()) {
    std::set<std::string> keys;
    for (const auto& key : object->keys) keys.emplace(key.name);
    const auto has_them = [&](const json::value& definition) {
      std::set<std::string> found;
      for (const auto& member : definition.at("properties").as_object())
        found.emplace(member.key());
      return found == keys;
    };
    bool found = has_them(schema);
    for (const auto& definition : schema.at("definitions").as_object())
      found = found || has_them(definition.value());
    EXPECT_TRUE(found) << object->name;
    ++objects;
  }
  EXPECT_EQ(schema.at("definitions").as_object().size() + 1, objects);
}

TEST(Schema, GoodFilesPleaseBoth) {
  const Judge judge;
  const TemporaryDirectory directory;
  for (const std::string& text :
       {std::string("{}\n"), std::string("services:\ncontacts: {}\nsite:\n"), one_service(),
        one_service("notify_events: \"ip, svc\"\nttl: \"${NAME}\"\n").replace(0, 0, ""),
        one_service("notify_events: [ip]",
                    "protocol: http, interval: 10s, timeout: 1, header: {A: 1}, status: 200"),
        one_service(
            "", "protocol: TCP, interval: 1",
            "backups: [{data: 192.0.2.2, monitor: NONE}, {data: 192.0.2.3, monitor: {port: 1}}]"),
        std::string(
            "dns_listen: [127.0.0.1]\nproviders: {a: {type: embedded, zones: {example.com: }}}\n"),
        std::string(
            "dns_listen: [127.0.0.1]\nproviders: {a: {type: embedded, zones: [example.com]}}\n"),
        std::string(
            "dns_listen: [0.0.0.0]\nproviders: {a: {type: embedded, zones: {example.com: {ns: "
            "[a.example, {host: ns.example.com, addresses: [192.0.2.1]}]}}}}\n"),
        read_text(source_file("config/hotswapd.example.yaml"))}) {
    const auto verdicts = judge_whole(judge, text);
    EXPECT_TRUE(verdicts.schema) << text;
    if (text.find("${NAME}") == std::string::npos) {
      EXPECT_TRUE(verdicts.reader) << verdicts.said << text;
    }
  }
  Diagnostics ignored;
  const auto source = config::Source::parse("t", full_example(directory), ignored);
  ASSERT_TRUE(source.has_value());
  EXPECT_TRUE(judge.fits(as_json(*source, source->root())));
}

// Shapes that no single value shows: both refuse each of them.
TEST(Schema, BadShapesPleaseNeither) {
  const Judge judge;
  const std::string api = "api: {listen: \"127.0.0.1:1\", ";
  for (const std::string& text :
       {std::string("[]\n"),
        std::string("text\n"),
        std::string("colour: blue\n"),
        std::string("site: []\n"),
        std::string("services: {}\n"),
        std::string("services: [{}]\n"),
        std::string("services: [~]\n"),
        std::string("dns_listen: 127.0.0.1\n"),
        std::string("shards:\n"),
        std::string("contacts: []\n"),
        std::string("contacts: {a: ~}\n"),
        std::string("contacts: {a: {phones: 1}}\n"),
        std::string("api: {}\n"),
        api + "colour: blue}\n",
        api + "users: [{customer: a, user: b}]}\n",
        api + "users: [{customer: a, user: b, password_hash: $x, password_hash_file: /x}]}\n",
        api + "tls: {key_file: /x}}\n",
        std::string("providers: {a: {}}\n"),
        std::string("providers: {a: {type: bind}}\n"),
        std::string("providers: {a: {type: exec, command: []}}\n"),
        std::string("providers: {a: {type: exec, command: [/x], server: b}}\n"),
        std::string("providers: {a: {type: rfc2136}}\n"),
        std::string("dns_listen: [127.0.0.1]\nproviders: {a: {type: embedded, zones: text}}\n"),
        std::string(
            "dns_listen: [127.0.0.1]\nproviders: {a: {type: embedded, zones: {\"a b\": }}}\n"),
        std::string("dns_listen: [192.0.2.1]\nproviders: {a: {type: embedded, default_ns: [{host: "
                    "ns.example.com}]}}\n"),
        std::string(
            "dns_listen: [192.0.2.1]\nproviders: {a: {type: embedded, default_ns: [[a]]}}\n"),
        std::string("witness: {targets: []}\n"),
        std::string("witness: {}\n"),
        std::string("drills: {a: {type: nap}}\n"),
        std::string("cluster: {etcd: ~}\n"),
        one_service("colour: blue"),
        one_service("notify_events: {}"),
        one_service("notify_events: [all]"),
        one_service("notify_events: \"ip,,svc\""),
        one_service("syslog: {}"),
        one_service("backups: []", "protocol: TCP, interval: 1", ""),
        one_service("", "protocol: TCP, interval: 1",
                    "backups: [{data: 192.0.2.2, monitor: maybe}]"),
        one_service("", "protocol: TCP, interval: 1",
                    "backups: [{data: 192.0.2.2, monitor: {interval: 1}}]"),
        one_service("", "protocol: TCP"),
        one_service("", "interval: 1"),
        one_service("", "protocol: HTTP, interval: 1, header: [a]"),
        one_service("", "protocol: HTTP, interval: 1, status: []"),
        one_service("", "protocol: HTTP, interval: 1, status: {a: b}"),
        one_service("", "protocol: HTTP, interval: 1, tls: {verify: maybe}"),
        one_service("", "protocol: HTTP, interval: 1, degraded: {}"),
        one_service("maintenance: [{from: 2026-12-01T02:00:00Z}]")}) {
    const auto verdicts = judge_whole(judge, text);
    EXPECT_FALSE(verdicts.reader) << text;
    EXPECT_FALSE(verdicts.schema) << verdicts.said << text;
  }
}

}  // namespace
}  // namespace hotswapd::test
