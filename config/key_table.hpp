// The shape of every key that the configuration file knows: one table, which the reader obeys and
// the JSON Schema is made of.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hotswapd::config {

struct ObjectSpec;

enum class Kind : std::uint8_t {
  // one scalar
  text,      // min .. max bytes without control characters
  any_text,  // min .. max bytes, line feeds and tabs too
  flag,      // true false yes no on off Y N
  integer,   // min .. max
  duration,  // min .. max milliseconds; `unit` says what a plain number means
  word,      // one of `words`
  host_name,
  address,    // IPv4 or IPv6
  host,       // either
  socket,     // ADDR, ADDR:PORT, [V6]:PORT; `max` is the default port, 0: a port must be given
  host_port,  // as socket, a host name too
  network,    // ADDR or ADDR/PREFIX
  url,        // http or https
  witness,    // tcp://HOST:PORT, ping://HOST
  path,       // of a file
  secret,     // text that is never shown; has a twin NAME_file
  status,     // 200 or 200-299
  time,       // 2026-12-01T02:00:00Z
  weekly,     // Mon-Fri 09:00-17:00 UTC
  mailbox,    // somebody@example.com
  // several
  object,  // `object`
  list,    // of `of`, min .. max of them
  map,     // name -> `of`
  one_of,  // an object whose `type` names one of `variants`
  // special shapes
  status_list,     // a status or a list of them
  events,          // a list or comma text of ip, svc, nosrv
  headers,         // text of "Name: value" lines, or a map
  zones,           // a list of zone names, or a map of zone -> `of`
  name_server,     // a host name, or `object`
  object_or_none,  // the word none, or `object`
};

enum class Unit : std::uint8_t { required, seconds, minutes, dyn_minutes /* 1 5 10 15 only */ };

struct Type {
  Kind kind = Kind::text;
  std::int64_t min = 0;
  std::int64_t max = 0;
  Unit unit = Unit::required;
  bool any_case = false;  // word
  std::vector<std::string_view> words;
  const ObjectSpec* (*object)() = nullptr;
  std::shared_ptr<const Type> of;
  std::vector<std::pair<std::string_view, const ObjectSpec* (*)()>> variants;
};

struct NotBuilt;

struct Key {
  std::string_view name;
  Type type;
  std::string_view
      fallback;  // the default, as a person would write it; empty: none, or said in `doc`
  std::string_view doc;
  bool required = false;
  const NotBuilt* not_built = nullptr;  // set from the table in not_built.cpp
};

// A secret `name` and its twin `name_file`: at most one of them, and at least one when required.
struct SecretPair {
  std::string_view name;
  std::string twin = {};  // filled in by make_object()
  bool required = false;
};

// Two ways to say one thing: exactly one of the keys stands there.
struct Alternative {
  std::string_view one;
  std::string_view other;
};

struct ObjectSpec {
  std::string_view name;  // "monitor": what the table of features not built calls it
  std::vector<Key> keys;
  std::vector<SecretPair> secrets;
  std::vector<Alternative> alternatives = {};
  const Key* find(std::string_view key) const noexcept;
};

// The whole file.
const ObjectSpec* file_keys();
const ObjectSpec* service_keys();
const ObjectSpec* drill_policy_keys();
// Type of one provider, one drill (Kind::one_of).
const Type& provider_type();
const Type& drill_type();

// Every object there is, for the documents and the tests that go over all keys.
std::vector<const ObjectSpec*> all_objects();

// Builders, for the files that hold the table.
Type text(std::int64_t min = 1, std::int64_t max = 1024);
Type any_text(std::int64_t min, std::int64_t max);
Type flag();
Type integer(std::int64_t min, std::int64_t max);
Type duration(std::int64_t min_ms, std::int64_t max_ms, Unit unit = Unit::required);
Type word(std::vector<std::string_view> words, bool any_case = false);
Type simple(Kind kind, std::int64_t min = 0, std::int64_t max = 0);
Type socket(std::int64_t default_port);
Type host_port(std::int64_t default_port);
Type object(const ObjectSpec* (*spec)());
Type object_or_none(const ObjectSpec* (*spec)());
Type name_server(const ObjectSpec* (*spec)());
Type list(Type of, std::int64_t min = 0, std::int64_t max = 100'000);
Type map(Type of);
Type zones(Type of);
Type one_of(std::vector<std::pair<std::string_view, const ObjectSpec* (*)()>> variants);
// Adds a secret and its twin to the keys.
ObjectSpec make_object(std::string_view name, std::vector<Key> keys,
                       std::vector<SecretPair> secrets = {},
                       std::vector<Alternative> alternatives = {});

}  // namespace hotswapd::config
