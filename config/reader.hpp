// Reads nodes by the key table: every key is looked up there, so type, range, unknown, duplicate
// and missing keys are found in one place; errors are collected with their position and the reading
// goes on.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "config/diagnostic.hpp"
#include "config/key_table.hpp"
#include "config/load.hpp"
#include "config/schema.hpp"
#include "config/source.hpp"
#include "config/values.hpp"

namespace hotswapd::config {

struct NotBuilt;

// Where a value stands, as a chain of keys that is only written out for a message.
struct Path {
  const Path* parent = nullptr;
  std::string_view key;
  long index = -1;  // >= 0: an item of a list
  std::string text() const;
};

class Reader {
 public:
  static constexpr std::size_t most_errors = 1000;

  Reader(Source& source, const LoadOptions& options, Diagnostics& diagnostics)
      : source_(source), options_(options), diagnostics_(diagnostics) {}

  void error(const Node& at, const Path& path, std::string text);
  void warning(const Node& at, const Path& path, std::string text);
  // A feature of the table in not_built.cpp was used: told once a file, with the number of places.
  void not_built(const NotBuilt& row, const Node& at, const Path& path);
  void not_built_key(const Key& key, const Node& at, const Path& path, std::string_view word);
  // Writes the collected warnings of not_built(), then sorts by place.
  void finish();
  // True once so many errors were found that no more are collected.
  bool full() const noexcept { return errors_ >= most_errors; }
  std::size_t errors() const noexcept { return errors_; }

  // The text of a scalar with ${NAME} filled in; nullopt after an error.
  std::optional<std::string_view> expand(const Node& node, const Path& path);
  // A scalar of the type; nullopt after an error.
  std::optional<Scalar> scalar(const Type& type, const Node& node, const Path& path);
  // Reads a secret from the file named by the node.
  std::optional<Secret> secret_file(const Node& node, const Path& path);
  // Paths in the file are relative to it.
  std::string absolute(const std::string& path) const;

  Source& source() noexcept { return source_; }
  std::string control_group = "hotswapd";
  // When set, gathers every "object.key" that the reading code asked for: a test compares it with
  // the table.
  std::set<std::string>* audit = nullptr;

 private:
  struct Use {
    Diagnostic first;
    std::size_t places = 0;
  };
  std::optional<std::string> variable(std::string_view name) const;
  Diagnostic make(Severity severity, const Node& at, const Path& path, std::string text) const;

  Source& source_;
  const LoadOptions& options_;
  Diagnostics& diagnostics_;
  std::size_t errors_ = 0;
  std::unordered_map<const NotBuilt*, Use> uses_;
};

// What stands at the node, for a message: "the text \"abc\"", "a mapping". Never for a secret.
std::string describe(const Node& node);

// One mapping, opened against its keys. Lives on the stack, in the order of reading.
class Object {
 public:
  // Reports unknown, duplicate and missing keys at once. Not a mapping: an error, and an object
  // without keys.
  Object(Reader& reader, const Node& node, const ObjectSpec& spec, Path path);
  ~Object();
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  bool valid() const noexcept { return valid_; }  // was a mapping
  const Node& node() const noexcept { return node_; }
  const Path& path() const noexcept { return path_; }
  Path path(std::string_view key) const { return {&path_, key, -1}; }
  Reader& reader() const noexcept { return reader_; }

  // True when the key stands in the file, whatever its value.
  bool has(std::string_view key) const;
  // The value's node, or the object's own when the key is absent: where to report.
  const Node& where(std::string_view key) const;
  void error(std::string_view key, std::string text) const {
    reader_.error(where(key), path(key), std::move(text));
  }
  void warning(std::string_view key, std::string text) const {
    reader_.warning(where(key), path(key), std::move(text));
  }

  // One scalar. True and `out` when the key is there and right; else `out` keeps its default.
  bool take(std::string_view key, std::string& out);
  bool take(std::string_view key, bool& out);
  bool take(std::string_view key, AddressPort& out);
  bool take_path(std::string_view key, std::string& out);  // made absolute
  template <class Rep, class Period>
  bool take(std::string_view key, std::chrono::duration<Rep, Period>& out) {
    const auto value = scalar(key);
    if (value) {
      out = std::chrono::duration_cast<std::chrono::duration<Rep, Period>>(Millis(value->number));
    }
    return value.has_value();
  }
  // Numbers, and words into the enumerator of the same index.
  template <class T>
  requires(std::is_integral_v<T> || std::is_enum_v<T>) bool take(std::string_view key, T& out) {
    const auto value = scalar(key);
    if (value) out = static_cast<T>(value->number);
    return value.has_value();
  }
  template <class T>
  bool take(std::string_view key, std::optional<T>& out) {
    T value{};
    if (!take(key, value)) return false;
    out = std::move(value);
    return true;
  }
  // The secret `key`, or from the file that `key`_file names.
  bool take_secret(std::string_view key, Secret& out);

  std::optional<Scalar> scalar(std::string_view key);
  // Every item of a list of scalars that is right.
  std::vector<Scalar> scalars(std::string_view key);
  std::vector<std::string> texts(std::string_view key);

  // Objects below: `f(Object&)`, `f(Object&, index)`, `f(Object&, name)`. Not called when the key
  // is absent or null.
  bool object(std::string_view key, const std::function<void(Object&)>& f);
  void each(std::string_view key, const std::function<void(Object&)>& f);
  void each_named(std::string_view key, const std::function<void(Object&, std::string_view)>& f);
  // Every item of a list of any shape.
  void items(std::string_view key, const std::function<void(const Node&, const Path&)>& f);
  // Name -> scalar.
  std::map<std::string, std::string> texts_by_name(std::string_view key);

  // For the special shapes: the node as it stands, nullptr when absent, and the table's entry.
  const Node* raw(std::string_view key) const;
  const Type& type(std::string_view key) const;

 private:
  struct Slot {
    const Node* value = nullptr;
    const Node* key = nullptr;
    mutable bool asked = false;
  };
  std::size_t index(std::string_view key) const;
  // The node of a container that is there and has the wanted kind; nullptr when absent, null or
  // wrong.
  const Node* container(std::string_view key, NodeKind kind);
  bool right_length(std::string_view key, const Node& items);

  Reader& reader_;
  const Node& node_;
  const ObjectSpec& spec_;
  Path path_;
  std::vector<Slot> slots_;
  bool valid_ = false;
};

// Opens the object that `type` (one_of) and the node's own `type` key choose; nullptr spec after an
// error.
const ObjectSpec* choose(Reader& reader, const Type& type, const Node& node, const Path& path);

// Goes over a mapping of any keys, names checked and duplicates reported.
void each_pair(
    Reader& reader, const Node& node, const Path& path,
    const std::function<void(std::string_view name, const Node& key, const Node& value)>& f);

}  // namespace hotswapd::config
