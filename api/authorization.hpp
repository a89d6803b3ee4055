// The Authorization header: what it claims. Pure.
#pragma once

#include <string>
#include <string_view>

#include "core/secret.hpp"

namespace hotswapd {

struct Authorization {
  enum class Scheme { none, basic, bearer, unusable };
  Scheme scheme = Scheme::none;
  std::string name;  // basic
  Secret secret;     // the password, or the token
};

// RFC 7617 (UTF-8) and RFC 6750. Anything else that is not empty is `unusable`.
Authorization parse_authorization(std::string_view header);

}  // namespace hotswapd
