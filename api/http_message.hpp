// One HTTP request as a handler sees it, and what the handler answers.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/awaitable.hpp"

namespace hotswapd {

struct HttpRequest {
  std::string method;      // as it was sent, upper case for the known ones
  std::string path;        // of the target; neither decoded nor normalised
  std::string query = {};  // of the target, without the question mark
  std::vector<std::pair<std::string, std::string>> headers = {};  // names in lower case
  std::string body = {};
  std::string peer = {};  // the client's address

  // Of the first header of that name, which is in lower case; absent: empty.
  std::string_view header(std::string_view name) const;
};

// A response body without an end that is known beforehand. Lives on the server's thread.
class HttpStream {
 public:
  virtual ~HttpStream() = default;
  // The next piece, not empty; nullopt ends the response. Says something every minute at least,
  // since only a write shows that nobody reads any more. Ends soon when it is cancelled.
  virtual awaitable<std::optional<std::string>> next() = 0;
};

struct HttpResponse {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body = {};  // left out of the answer to a HEAD
  std::vector<std::pair<std::string, std::string>> headers =
      {};                                   // beside Content-Type and Content-Length
  bool close = false;                       // the connection is not kept, which is said
  std::shared_ptr<HttpStream> stream = {};  // instead of `body`
};

class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  // On the server's thread; must not block, and ends in a time of its own making. An exception is
  // answered 500.
  virtual awaitable<HttpResponse> handle(HttpRequest request) = 0;
};

}  // namespace hotswapd
