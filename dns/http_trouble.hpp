// What a provider's HTTP API said no with, in the words of the swap protocol. Pure.
#pragma once

#include <string>
#include <string_view>

#include "core/error.hpp"
#include "core/swap_plan.hpp"
#include "core/time.hpp"
#include "net/http_call.hpp"

namespace hotswapd {

// Of a reply that is no success. `said`: what its body says for people, as it came. The text names
// the server's origin, and nothing secret. The code says what may be concluded:
//   refused       401, 403, 404, a redirect, what is wrong with the request (400, 405, 422 ...)
//   unavailable   429 and 503 with Retry-After, hint `throttled`; for a GET also every 5xx
//   unknown_fate  every other 5xx: a gateway may say so of a request that went through
Error http_trouble(const HttpCall& call, const HttpReply& reply, std::string_view said,
                   WallTime now);

// A body that is not what the API is documented to send.
Error not_understood(const HttpCall& call, const std::string& what);

// As apply() tells it: of a write, or of a question before it.
ApplyResult write_failed(const Error& error);
ApplyResult question_failed(const Error& error);

}  // namespace hotswapd
