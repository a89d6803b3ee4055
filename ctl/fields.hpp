// Reading answers of a daemon that may be older or newer than we are: a missing field is empty,
// never an error.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace hotswapd::ctl {

namespace json = boost::json;

// As clean text: strings, numbers and booleans; empty for null, a missing field, and anything else.
std::string text_of(const json::value& value);
std::string text(const json::object& object, std::string_view key);

bool flag(const json::object& object, std::string_view key, bool otherwise = false);
std::optional<double> number(const json::object& object, std::string_view key);
const json::object* child(const json::object& object,
                          std::string_view key);  // null when there is none
const json::array& list(const json::object& object,
                        std::string_view key);  // empty when there is none

// Each element's text, empty ones left out.
std::string joined(const json::array& values, std::string_view separator);

}  // namespace hotswapd::ctl
