// Signature Version 4, the header form: a pure function of the request, the keys and the time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/keys.hpp"
#include "core/time.hpp"
#include "net/http_call.hpp"

namespace hotswapd::aws {

// The request as it will be sent.
struct Unsigned {
  std::string method;
  std::string path;   // percent-encoded; empty is "/"
  std::string query;  // percent-encoded, without the question mark
  std::vector<HttpHeader>
      headers;  // every one of them is signed; Host and X-Amz-Date are among them
  std::string body;
};

struct Scope {
  std::string region;
  std::string service;
};

enum class PathForm : std::uint8_t {
  normalized,  // without empty and dot segments, as every service but S3 reads it
  as_sent,
};

// A service that refuses a signature prints its own version of the first two.
struct Signature {
  std::string canonical_request;
  std::string string_to_sign;
  std::string hex;
  std::string
      authorization;  // the header's value; no secret can be read from it, and it is never logged
};

std::string amz_date(WallTime now);  // "20150830T123600Z"

// nullopt: libcrypto refuses HMAC-SHA256.
std::optional<Signature> sign(const Unsigned& request, const Keys& keys, const Scope& scope,
                              WallTime now, PathForm form = PathForm::normalized);

}  // namespace hotswapd::aws
