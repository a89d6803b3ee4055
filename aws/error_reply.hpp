// What an error of AWS says, in any of its forms, and what may be done about it. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.hpp"
#include "net/http_call.hpp"

namespace hotswapd::aws {

// Everything in it is clean.
struct ServiceError {
  int status = 0;
  std::string code;  // "Throttling"; "HTTP502" where the answer says nothing
  std::vector<std::string> messages;
  std::string request_id;

  bool operator==(const ServiceError&) const = default;
};

// Of an answer whose status is not 2xx: JSON, query XML, REST-XML, or a page of something between.
ServiceError read_error(const HttpReply& reply);

// "Throttling (Rate exceeded), request 7a62c49f-347e"
std::string to_string(const ServiceError& error);

enum class RetryClass : std::uint8_t {
  throttled,  // refused before acting: any operation may be sent again
  clock,      // our clock: sign again by theirs, once
  token,      // the keys have run out: fresh ones, once
  server,     // may have acted
  refused,    // the same request will be refused again
};

// By the code, not by the status. `skew`: how far the answer's Date is from our clock; an odd
// signature is the clock's fault only where that is far. `temporary`: signed with temporary keys.
RetryClass classify(const ServiceError& error, bool temporary, Millis skew);

// An answer without an error code, of a server that was not able to act.
bool is_server_status(int status) noexcept;

}  // namespace hotswapd::aws
