#include "config/reader.hpp"

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <tuple>
#include <unordered_set>

#include "config/not_built.hpp"
#include "config/secret.hpp"
#include "core/text.hpp"

namespace hotswapd::config {
namespace {

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0u : 1u)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::string suggestion(const ObjectSpec& spec, std::string_view name) {
  const std::string wanted = lower(name.substr(0, 64));
  for (const auto& key : spec.keys) {
    const std::size_t allowed = key.name.size() < 5 ? 1 : 2;
    if (distance(wanted, key.name) <= allowed) return "did you mean " + std::string(key.name) + "?";
  }
  // Dyn's flat names of what is a section here.
  constexpr std::string_view flat = "syslog_";
  if (spec.name == "service" && wanted.starts_with(flat)) {
    std::string inner = wanted.substr(flat.size());
    if (inner == "probe_format") inner = "probe_fmt";
    if (inner == "status_format") inner = "status_fmt";
    return "write it as `" + inner + "` inside `syslog`";
  }
  std::string known = "known keys:";
  const char* separator = " ";
  for (const auto& key : spec.keys) {
    known += separator;
    known += key.name;
    separator = ", ";
  }
  return known;
}

// "The shared store." inside a sentence.
std::string phrase(std::string_view doc) {
  std::string out(doc);
  if (!out.empty() && out.back() == '.') out.pop_back();
  const bool word = out.size() > 1 && (out[1] == ' ' || (out[1] >= 'a' && out[1] <= 'z'));
  if (word && out[0] >= 'A' && out[0] <= 'Z') out[0] = static_cast<char>(out[0] - 'A' + 'a');
  return out;
}

bool variable_name(std::string_view name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  if (name.empty() || !letter(name.front())) return false;
  return std::all_of(name.begin(), name.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

}  // namespace

std::string Path::text() const {
  std::string out = parent != nullptr ? parent->text() : "";
  if (index >= 0) return out + '[' + std::to_string(index) + ']';
  if (key.empty()) return out;
  if (!out.empty()) out += '.';
  return out + clean(key, 255);
}

std::string describe(const Node& node) {
  switch (node.kind) {
    case NodeKind::null:
      return "nothing";
    case NodeKind::sequence:
      return "a list";
    case NodeKind::mapping:
      return "a mapping";
    case NodeKind::scalar:
    case NodeKind::alias:
      break;
  }
  return '"' + clean(node.text, 80) + '"';
}

Diagnostic Reader::make(Severity severity, const Node& at, const Path& path,
                        std::string text) const {
  std::string where = path.text();
  if (where.empty()) where = "(file)";
  return {source_.name(), at.line, at.column, severity, std::move(where), std::move(text)};
}

void Reader::error(const Node& at, const Path& path, std::string text) {
  if (errors_ >= most_errors) return;
  diagnostics_.push_back(make(Severity::error, at, path, std::move(text)));
  if (++errors_ == most_errors) {
    diagnostics_.push_back(
        make(Severity::error, at, {}, "more than 1000 errors; the rest is not shown"));
  }
}

void Reader::warning(const Node& at, const Path& path, std::string text) {
  if (diagnostics_.size() < 2 * most_errors) {
    diagnostics_.push_back(make(Severity::warning, at, path, std::move(text)));
  }
}

void Reader::not_built(const NotBuilt& row, const Node& at, const Path& path) {
  auto& use = uses_[&row];
  if (use.places++ == 0) {
    use.first = make(Severity::warning, at, path, "not built yet: " + std::string(row.text));
  }
}

void Reader::not_built_key(const Key& key, const Node& at, const Path& path,
                           std::string_view word) {
  const auto rows = hotswapd::config::not_built();
  for (const NotBuilt* row = key.not_built; row != rows.data() + rows.size(); ++row) {
    if (row->object != key.not_built->object || row->key != key.not_built->key) break;
    if (row->value.empty() || row->value == word) not_built(*row, at, path);
  }
}

void Reader::finish() {
  for (auto& [row, use] : uses_) {
    if (use.places > 1) use.first.text += " (used in " + std::to_string(use.places) + " places)";
    diagnostics_.push_back(std::move(use.first));
  }
  uses_.clear();
  std::sort(diagnostics_.begin(), diagnostics_.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.line, a.column, a.path, a.text) < std::tie(b.line, b.column, b.path, b.text);
  });
}

std::optional<std::string> Reader::variable(std::string_view name) const {
  if (options_.environment) return options_.environment(name);
  const char* value = std::getenv(std::string(name).c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

std::optional<std::string_view> Reader::expand(const Node& node, const Path& path) {
  const std::string_view text = node.text;
  if (text.find("${") == std::string_view::npos) return text;
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text.compare(at, 3, "$${") == 0) {
      out += "${";
      at += 3;
      continue;
    }
    if (text.compare(at, 2, "${") != 0) {
      out += text[at++];
      continue;
    }
    const auto close = text.find('}', at);
    const auto name =
        close == std::string_view::npos ? std::string_view{} : text.substr(at + 2, close - at - 2);
    if (!variable_name(name)) {
      error(node, path,
            "holds \"${\" that is not ${NAME}; write $${ for the two characters themselves");
      return std::nullopt;
    }
    const auto value = variable(name);
    if (!value) {
      error(node, path,
            "the environment variable " + clean(name, 80) +
                " is not set; set it, or write $${ for ${ itself");
      return std::nullopt;
    }
    out += *value;
    at = close + 1;
    if (out.size() > Source::largest_file) {
      error(node, path, "is too long once its variables are filled in");
      return std::nullopt;
    }
  }
  const auto kept = source_.keep(out);
  wipe_memory(out.data(), out.size());
  return kept;
}

std::optional<Scalar> Reader::scalar(const Type& type, const Node& node, const Path& path) {
  if (node.kind == NodeKind::null) {
    error(node, path, "has no value; give one or remove the key");
    return std::nullopt;
  }
  if (node.kind != NodeKind::scalar) {
    error(node, path, "is " + describe(node) + "; give one value");
    return std::nullopt;
  }
  const auto text = expand(node, path);
  if (!text) return std::nullopt;
  Scalar value;
  std::string problem;
  if (parse_scalar(type, *text, value, problem)) return value;
  error(node, path, type.kind == Kind::secret ? problem : describe(node) + ' ' + problem);
  return std::nullopt;
}

std::string Reader::absolute(const std::string& path) const {
  if (path.empty() || path.front() == '/' || options_.base_directory.empty()) return path;
  return options_.base_directory + '/' + path;
}

std::optional<Secret> Reader::secret_file(const Node& node, const Path& path) {
  Type type;
  type.kind = Kind::path;
  const auto value = scalar(type, node, path);
  if (!value) return std::nullopt;
  auto secret =
      read_secret_file(absolute(value->text), variable("CREDENTIALS_DIRECTORY"), control_group);
  if (!secret) {
    error(node, path, secret.error().text);
    return std::nullopt;
  }
  return std::move(*secret);
}

Object::~Object() {
  if (reader_.audit == nullptr) return;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].asked)
      reader_.audit->insert(std::string(spec_.name) + '.' + std::string(spec_.keys[i].name));
  }
}

Object::Object(Reader& reader, const Node& node, const ObjectSpec& spec, Path path)
    : reader_(reader), node_(node), spec_(spec), path_(path), slots_(spec.keys.size()) {
  if (node.kind != NodeKind::mapping) {
    reader_.error(node, path_, "is " + describe(node) + "; give a mapping of keys");
    return;
  }
  valid_ = true;
  each_pair(reader_, node, path_, [&](std::string_view name, const Node& key, const Node& value) {
    const Key* known = spec_.find(name);
    if (known == nullptr) {
      reader_.error(key, this->path(name), "unknown key; " + suggestion(spec_, name));
      return;
    }
    slots_[static_cast<std::size_t>(known - spec_.keys.data())] = {&value, &key};
    if (known->not_built != nullptr) {
      reader_.not_built_key(*known, key, this->path(name),
                            value.kind == NodeKind::scalar ? value.text : std::string_view{});
    }
  });
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const Key& key = spec_.keys[i];
    if (!key.required) continue;
    if (slots_[i].value == nullptr) {
      reader_.error(node, this->path(key.name), "is missing; give it: " + phrase(key.doc));
    } else if (slots_[i].value->kind == NodeKind::null && key.type.object != nullptr) {
      error(key.name, "has no value; give it: " + phrase(key.doc));
    } else if (slots_[i].value->kind == NodeKind::null && key.type.of) {
      error(key.name, "has no value; give it: " + phrase(key.doc));
    }
  }
  for (const auto& pair : spec_.secrets) {
    const bool own = slots_[index(pair.name)].value != nullptr;
    const bool twin = slots_[index(pair.twin)].value != nullptr;
    if (own && twin)
      error(pair.twin, "stands beside " + std::string(pair.name) + "; give one of the two");
    if (pair.required && !own && !twin) {
      reader_.error(node, this->path(pair.name), "is missing; give it, or better " + pair.twin);
    }
  }
  for (const auto& [one, other] : spec_.alternatives) {
    const bool first = slots_[index(one)].value != nullptr;
    const bool second = slots_[index(other)].value != nullptr;
    if (first && second)
      error(other, "stands beside " + std::string(one) + "; give one of the two");
    if (!first && !second) {
      const Key& key = *spec_.find(one);
      reader_.error(node, this->path(one),
                    "is missing; give it (" + phrase(key.doc) + "), or " + std::string(other));
    }
  }
}

std::size_t Object::index(std::string_view key) const {
  const Key* known = spec_.find(key);
  assert(known != nullptr);
  return static_cast<std::size_t>(known - spec_.keys.data());
}

bool Object::has(std::string_view key) const {
  return slots_[index(key)].value != nullptr;
}

const Node& Object::where(std::string_view key) const {
  const Key* known = spec_.find(key);
  if (known == nullptr) return node_;
  const Slot& slot = slots_[static_cast<std::size_t>(known - spec_.keys.data())];
  if (slot.value == nullptr) return node_;
  // Nothing after the colon has no place of its own worth showing.
  return slot.value->kind == NodeKind::null ? *slot.key : *slot.value;
}

const Node* Object::raw(std::string_view key) const {
  const Slot& slot = slots_[index(key)];
  slot.asked = true;
  return slot.value;
}

const Type& Object::type(std::string_view key) const {
  return spec_.keys[index(key)].type;
}

std::optional<Scalar> Object::scalar(std::string_view key) {
  const Node* value = raw(key);
  if (value == nullptr) return std::nullopt;
  if (value->kind == NodeKind::null) {
    error(key, "has no value; give one or remove the key");
    return std::nullopt;
  }
  return reader_.scalar(type(key), *value, path(key));
}

bool Object::take(std::string_view key, std::string& out) {
  auto value = scalar(key);
  if (value) out = std::move(value->text);
  return value.has_value();
}

bool Object::take(std::string_view key, bool& out) {
  const auto value = scalar(key);
  if (value) out = value->number != 0;
  return value.has_value();
}

bool Object::take(std::string_view key, AddressPort& out) {
  auto value = scalar(key);
  if (value) out = {std::move(value->text), static_cast<std::uint16_t>(value->number)};
  return value.has_value();
}

bool Object::take_path(std::string_view key, std::string& out) {
  if (!take(key, out)) return false;
  out = reader_.absolute(out);
  return true;
}

bool Object::take_secret(std::string_view key, Secret& out) {
  const std::string twin = std::string(key) + "_file";
  const Node* file = raw(twin);
  if (auto value = scalar(key)) {
    out = Secret(value->text);
    wipe_memory(value->text.data(), value->text.size());
    return true;
  }
  if (has(key) || file == nullptr) return false;
  if (file->kind == NodeKind::null) {
    error(twin, "has no value; give the path of a file");
    return false;
  }
  auto secret = reader_.secret_file(*file, path(twin));
  if (!secret) return false;
  out = std::move(*secret);
  return true;
}

const Node* Object::container(std::string_view key, NodeKind kind) {
  const Node* value = raw(key);
  if (value == nullptr || value->kind == NodeKind::null) return nullptr;
  if (value->kind == kind) return value;
  error(key, "is " + describe(*value) +
                 (kind == NodeKind::sequence ? "; give a list" : "; give a mapping of names"));
  return nullptr;
}

// Before the items are read: a list that is too long is not looked into.
bool Object::right_length(std::string_view key, const Node& items) {
  const Type& shape = type(key);
  std::int64_t count = 0;
  for (const Node* item = reader_.source().first_child(items); item != nullptr;
       item = reader_.source().next_sibling(*item)) {
    ++count;
  }
  if (count >= shape.min && count <= shape.max) return true;
  error(key, "has " + std::to_string(count) + " items; give " + std::to_string(shape.min) + " to " +
                 std::to_string(shape.max));
  return false;
}

std::vector<Scalar> Object::scalars(std::string_view key) {
  std::vector<Scalar> out;
  const Node* items = container(key, NodeKind::sequence);
  if (items == nullptr || !right_length(key, *items)) return out;
  const Type& shape = type(key);
  const Path list_path = path(key);
  long index = 0;
  for (const Node* item = reader_.source().first_child(*items); item != nullptr && !reader_.full();
       item = reader_.source().next_sibling(*item)) {
    auto value =
        reader_.scalar(*shape.of, reader_.source().resolve(*item), {&list_path, {}, index++});
    if (value) out.push_back(std::move(*value));
  }
  return out;
}

std::vector<std::string> Object::texts(std::string_view key) {
  std::vector<std::string> out;
  for (auto& value : scalars(key)) out.push_back(std::move(value.text));
  return out;
}

bool Object::object(std::string_view key, const std::function<void(Object&)>& f) {
  const Node* value = raw(key);
  if (value == nullptr || value->kind == NodeKind::null) return false;
  Object child(reader_, *value, *type(key).object(), path(key));
  if (!child.valid()) return false;
  f(child);
  return true;
}

void Object::items(std::string_view key, const std::function<void(const Node&, const Path&)>& f) {
  const Node* list = container(key, NodeKind::sequence);
  if (list == nullptr || !right_length(key, *list)) return;
  const Path list_path = path(key);
  long index = 0;
  for (const Node* item = reader_.source().first_child(*list); item != nullptr && !reader_.full();
       item = reader_.source().next_sibling(*item)) {
    f(reader_.source().resolve(*item), {&list_path, {}, index++});
  }
}

void Object::each(std::string_view key, const std::function<void(Object&)>& f) {
  const ObjectSpec& spec = *type(key).of->object();
  items(key, [&](const Node& item, const Path& where) {
    Object child(reader_, item, spec, where);
    if (child.valid()) f(child);
  });
}

void Object::each_named(std::string_view key,
                        const std::function<void(Object&, std::string_view)>& f) {
  const Node* items = container(key, NodeKind::mapping);
  if (items == nullptr) return;
  const Type& shape = *type(key).of;
  const Path map_path = path(key);
  each_pair(reader_, *items, map_path, [&](std::string_view name, const Node&, const Node& value) {
    const Path item_path{&map_path, name, -1};
    const ObjectSpec* spec =
        shape.kind == Kind::one_of ? choose(reader_, shape, value, item_path) : shape.object();
    if (spec == nullptr) return;
    Object child(reader_, value, *spec, item_path);
    if (child.valid()) f(child, name);
  });
}

std::map<std::string, std::string> Object::texts_by_name(std::string_view key) {
  std::map<std::string, std::string> out;
  const Node* items = container(key, NodeKind::mapping);
  if (items == nullptr) return out;
  const Path map_path = path(key);
  each_pair(reader_, *items, map_path, [&](std::string_view name, const Node&, const Node& value) {
    auto text = reader_.scalar(*type(key).of, value, {&map_path, name, -1});
    if (text) out[std::string(name)] = std::move(text->text);
  });
  return out;
}

const ObjectSpec* choose(Reader& reader, const Type& type, const Node& node, const Path& path) {
  if (node.kind != NodeKind::mapping) {
    reader.error(node, path, "is " + describe(node) + "; give a mapping of keys");
    return nullptr;
  }
  Type words;
  words.kind = Kind::word;
  for (const auto& variant : type.variants) words.words.push_back(variant.first);
  const Source& source = reader.source();
  for (const Node* key = source.first_child(node); key != nullptr;) {
    const Node* value = source.next_sibling(*key);
    if (source.resolve(*key).text == "type") {
      const auto chosen = reader.scalar(words, source.resolve(*value), {&path, "type", -1});
      if (!chosen) return nullptr;
      return type.variants[static_cast<std::size_t>(chosen->number)].second();
    }
    key = source.next_sibling(*value);
  }
  std::string names;
  for (const auto& name : words.words) names += (names.empty() ? "" : ", ") + std::string(name);
  reader.error(node, {&path, "type", -1}, "is missing; give one of " + names);
  return nullptr;
}

void each_pair(Reader& reader, const Node& node, const Path& path,
               const std::function<void(std::string_view, const Node&, const Node&)>& f) {
  const Source& source = reader.source();
  std::unordered_map<std::string_view, const Node*> seen;
  for (const Node* item = source.first_child(node); item != nullptr && !reader.full();) {
    const Node& key = source.resolve(*item);
    const Node* value = source.next_sibling(*item);
    item = source.next_sibling(*value);
    if (key.kind != NodeKind::scalar && key.kind != NodeKind::null) {
      reader.error(key, path, "has " + describe(key) + " as a key; keys are names");
      continue;
    }
    if (key.text.empty() || key.text.size() > 255) {
      reader.error(key, path, "has a key that is empty or longer than 255 bytes");
      continue;
    }
    const auto [first, fresh] = seen.emplace(key.text, &key);
    if (!fresh) {
      reader.error(key, {&path, key.text, -1},
                   "stands here twice; it was given at line " +
                       std::to_string(first->second->line) + " already, remove one");
      continue;
    }
    f(key.text, key, source.resolve(*value));
  }
}

}  // namespace hotswapd::config
