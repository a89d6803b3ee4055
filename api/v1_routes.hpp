// The routes of /api/v1: one table, which the handler obeys and docs/openapi.yaml is checked
// against. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "api/bearer_tokens.hpp"

namespace hotswapd {

struct V1Route {
  enum class Kind : std::uint8_t {
    command,  // of the control socket, answered with its data
    events,   // the stream
  };
  std::string_view method;   // GET stands for HEAD too
  std::string_view pattern;  // "/api/v1/services/{fqdn}/explain"
  ApiScope scope;
  Kind kind;
  std::string_view command;  // of the control protocol
};

std::span<const V1Route> v1_routes();

struct V1Match {
  const V1Route* route = nullptr;  // null: see `allow`
  std::string fqdn = {};           // decoded
  std::string allow = {};          // the methods of this path; empty: there is no such path
};

V1Match match_v1(std::string_view method, std::string_view path);

// nullopt: a broken escape, or one that stands for a control character or a slash.
std::optional<std::string> decode_segment(std::string_view text);

}  // namespace hotswapd
