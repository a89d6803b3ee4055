// Refusals of our own API as RFC 9457 problems, and the headers that every answer of it carries.
// Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/http_message.hpp"
#include "core/error.hpp"

namespace hotswapd {

// `code` is a word for programs ("not_found"), `detail` a sentence for people. Both texts are
// cleaned.
HttpResponse problem(unsigned status, std::string_view code, std::string_view detail,
                     const std::vector<std::string>& errors = {});
HttpResponse problem(const Error& error, const std::vector<std::string>& errors = {});

unsigned status_of(errc code) noexcept;

// application/json; `body` is the text of one JSON value.
HttpResponse json_response(std::string body);

// What keeps a browser from making anything of an answer but what it is: no caching, no sniffing,
// no frames, no scripts, no other site.
void add_security_headers(HttpResponse& response);

}  // namespace hotswapd
