#include "config/key_table.hpp"

#include <algorithm>

#include "config/not_built.hpp"

namespace hotswapd::config {

const Key* ObjectSpec::find(std::string_view key) const noexcept {
  const auto found =
      std::find_if(keys.begin(), keys.end(), [&](const Key& k) { return k.name == key; });
  return found == keys.end() ? nullptr : &*found;
}

Type simple(Kind kind, std::int64_t min, std::int64_t max) {
  Type type;
  type.kind = kind;
  type.min = min;
  type.max = max;
  return type;
}

Type text(std::int64_t min, std::int64_t max) {
  return simple(Kind::text, min, max);
}
Type any_text(std::int64_t min, std::int64_t max) {
  return simple(Kind::any_text, min, max);
}
Type flag() {
  return simple(Kind::flag);
}
Type integer(std::int64_t min, std::int64_t max) {
  return simple(Kind::integer, min, max);
}
Type socket(std::int64_t default_port) {
  return simple(Kind::socket, 0, default_port);
}
Type host_port(std::int64_t default_port) {
  return simple(Kind::host_port, 1, default_port);
}

Type duration(std::int64_t min_ms, std::int64_t max_ms, Unit unit) {
  Type type = simple(Kind::duration, min_ms, max_ms);
  type.unit = unit;
  return type;
}

Type word(std::vector<std::string_view> words, bool any_case) {
  Type type = simple(Kind::word);
  type.words = std::move(words);
  type.any_case = any_case;
  return type;
}

Type object(const ObjectSpec* (*spec)()) {
  Type type = simple(Kind::object);
  type.object = spec;
  return type;
}

Type object_or_none(const ObjectSpec* (*spec)()) {
  Type type = simple(Kind::object_or_none);
  type.object = spec;
  return type;
}

Type name_server(const ObjectSpec* (*spec)()) {
  Type type = simple(Kind::name_server);
  type.object = spec;
  return type;
}

Type list(Type of, std::int64_t min, std::int64_t max) {
  Type type = simple(Kind::list, min, max);
  type.of = std::make_shared<const Type>(std::move(of));
  return type;
}

Type map(Type of) {
  Type type = simple(Kind::map);
  type.of = std::make_shared<const Type>(std::move(of));
  return type;
}

Type zones(Type of) {
  Type type = simple(Kind::zones);
  type.of = std::make_shared<const Type>(std::move(of));
  return type;
}

Type one_of(std::vector<std::pair<std::string_view, const ObjectSpec* (*)()>> variants) {
  Type type = simple(Kind::one_of);
  type.variants = std::move(variants);
  return type;
}

ObjectSpec make_object(std::string_view name, std::vector<Key> keys,
                       std::vector<SecretPair> secrets, std::vector<Alternative> alternatives) {
  ObjectSpec spec{name, std::move(keys), std::move(secrets), std::move(alternatives)};
  // The names of the twins must not move any more.
  for (auto& pair : spec.secrets) pair.twin = std::string(pair.name) + "_file";
  for (const auto& pair : spec.secrets) {
    spec.keys.push_back({pair.name, simple(Kind::secret, 1, 64 * 1024), "",
                         "The secret itself; its file is the better place."});
    spec.keys.push_back({pair.twin, simple(Kind::path), "",
                         "File that holds the secret. Not readable by the world."});
  }
  for (auto& key : spec.keys) key.not_built = find_not_built(name, key.name);
  return spec;
}

namespace {

void collect(const Type& type, std::vector<const ObjectSpec*>& out) {
  const auto add = [&](const ObjectSpec* spec) {
    if (std::find(out.begin(), out.end(), spec) != out.end()) return;
    out.push_back(spec);
    for (const auto& key : spec->keys) collect(key.type, out);
  };
  if (type.object != nullptr) add(type.object());
  if (type.of) collect(*type.of, out);
  for (const auto& [name, spec] : type.variants) add(spec());
}

}  // namespace

std::vector<const ObjectSpec*> all_objects() {
  std::vector<const ObjectSpec*> out;
  collect(object(&file_keys), out);
  return out;
}

}  // namespace hotswapd::config
