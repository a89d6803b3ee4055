// The features of the contract that this build does not have yet: their keys are known and checked,
// and using one gives a warning. Building a feature means deleting its rows in not_built.cpp.
#pragma once

#include <span>
#include <string_view>

namespace hotswapd::config {

struct NotBuilt {
  std::string_view object;  // ObjectSpec::name
  std::string_view key;     // Key::name
  std::string_view value;   // only with this word; empty: however the key is used
  std::string_view text;    // what does not happen
};

std::span<const NotBuilt> not_built();

// First row of a key, or nullptr. Rows of one key stand together.
const NotBuilt* find_not_built(std::string_view object, std::string_view key) noexcept;

}  // namespace hotswapd::config
