#include "api/problem.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "core/text.hpp"

namespace hotswapd {
namespace {

constexpr std::size_t text_limit = 4096;

// RFC 9457 4.2.1: a problem of the type about:blank has the phrase of its status for its title.
std::string_view phrase(unsigned status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 415:
      return "Unsupported Media Type";
    case 421:
      return "Misdirected Request";
    case 429:
      return "Too Many Requests";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Internal Server Error";
  }
}

}  // namespace

HttpResponse problem(unsigned status, std::string_view code, std::string_view detail,
                     const std::vector<std::string>& errors) {
  boost::json::object body{{"type", "about:blank"},
                           {"title", phrase(status)},
                           {"status", status},
                           {"code", code},
                           {"detail", clean(detail, text_limit)}};
  if (!errors.empty()) {
    auto& list = body["errors"].emplace_array();
    for (const auto& line : errors) list.emplace_back(clean(line, text_limit));
  }
  HttpResponse response;
  response.status = status;
  response.content_type = "application/problem+json";
  response.body = boost::json::serialize(body) + "\n";
  return response;
}

HttpResponse problem(const Error& error, const std::vector<std::string>& errors) {
  return problem(status_of(error.code), to_string(error.code), error.text, errors);
}

unsigned status_of(errc code) noexcept {
  switch (code) {
    case errc::invalid_argument:
      return 400;
    case errc::not_found:
      return 404;
    case errc::already_exists:
    case errc::conflict:
    case errc::refused:
      return 409;
    case errc::unavailable:
      return 503;
    case errc::unknown_fate:
    case errc::timed_out:
      return 504;
    case errc::not_built:
      return 501;
    case errc::corrupt:
    case errc::internal:
      return 500;
  }
  return 500;
}

HttpResponse json_response(std::string body) {
  HttpResponse response;
  response.content_type = "application/json";
  response.body = std::move(body) + "\n";
  return response;
}

void add_security_headers(HttpResponse& response) {
  for (const auto& [name, value] :
       {std::pair{"Cache-Control", "no-store"},
        {"X-Content-Type-Options", "nosniff"},
        {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Resource-Policy", "same-origin"}}) {
    bool there = false;
    for (const auto& header : response.headers) there = there || header.first == name;
    if (!there) response.headers.emplace_back(name, value);
  }
}

}  // namespace hotswapd
