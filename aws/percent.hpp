// Percent-encoding beyond what every HTTP call needs. Pure.
#pragma once

#include <string>
#include <string_view>

namespace hotswapd::aws {

// percent_encoded() of net/http_call.hpp, but `/` stays.
std::string percent_encode_path(std::string_view text);
// %XX becomes its byte, in either case; what is no escape stays as it is, `+` too.
std::string percent_decode(std::string_view text);

}  // namespace hotswapd::aws
