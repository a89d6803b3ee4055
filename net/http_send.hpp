// How a provider makes a call without knowing the client: a function that tests replace.
#pragma once

#include <functional>

#include "net/awaitable.hpp"
#include "net/http_call.hpp"

namespace hotswapd {

// Completes by the call's deadline and throws nothing. What an error means:
//   invalid_argument  the call cannot be sent, now or ever
//   refused           the server is not whom its certificate has to name, or the proxy says no;
//                     nothing of the request has left
//   timed_out, unavailable
//                     nothing of the request has left; or the method is GET or HEAD
//   unknown_fate      it may have been done: it was sent, and no whole answer came
// The text is a clean sentence without anything secret ("https://api.example.net: no answer
// within 5 s").
// In a coroutine take a local copy first: g++ 12 miscompiles co_await on a member's member.
using HttpSend = std::function<awaitable<Fallible<HttpReply>>(HttpCall)>;

}  // namespace hotswapd
