#include "ctl/fields.hpp"

#include <boost/json/serialize.hpp>

#include "core/text.hpp"

namespace hotswapd::ctl {
namespace {

constexpr std::size_t text_limit = 4096;

const json::value* find(const json::object& object, std::string_view key) {
  return object.if_contains({key.data(), key.size()});
}

}  // namespace

std::string text_of(const json::value& value) {
  if (value.is_string()) {
    const auto& found = value.get_string();
    return clean({found.data(), found.size()}, text_limit);
  }
  if (value.is_bool()) return value.get_bool() ? "yes" : "no";
  if (value.is_number()) return json::serialize(value);
  return {};
}

std::string text(const json::object& object, std::string_view key) {
  const json::value* value = find(object, key);
  return value == nullptr ? std::string() : text_of(*value);
}

bool flag(const json::object& object, std::string_view key, bool otherwise) {
  const json::value* value = find(object, key);
  return value != nullptr && value->is_bool() ? value->get_bool() : otherwise;
}

std::optional<double> number(const json::object& object, std::string_view key) {
  const json::value* value = find(object, key);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->to_number<double>();
}

const json::object* child(const json::object& object, std::string_view key) {
  const json::value* value = find(object, key);
  return value == nullptr ? nullptr : value->if_object();
}

const json::array& list(const json::object& object, std::string_view key) {
  static const json::array none;
  const json::value* value = find(object, key);
  const json::array* found = value == nullptr ? nullptr : value->if_array();
  return found == nullptr ? none : *found;
}

std::string joined(const json::array& values, std::string_view separator) {
  std::string out;
  for (const json::value& value : values) {
    const std::string piece = text_of(value);
    if (piece.empty()) continue;
    if (!out.empty()) out += separator;
    out += piece;
  }
  return out;
}

}  // namespace hotswapd::ctl
