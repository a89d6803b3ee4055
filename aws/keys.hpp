// What a request to AWS is signed with.
#pragma once

#include <optional>
#include <string>

#include "core/secret.hpp"
#include "core/time.hpp"

namespace hotswapd::aws {

struct Keys {
  std::string access_key_id;
  Secret secret_access_key;
  Secret session_token;             // empty: permanent keys
  std::optional<WallTime> expires;  // absent: never

  bool temporary() const noexcept { return !session_token.empty(); }
};

}  // namespace hotswapd::aws
