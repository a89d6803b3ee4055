// A bounded HTTP/1.1 listener: reads requests, asks an HttpHandler, writes its responses. Knows no
// route.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "core/time.hpp"
#include "net/awaitable.hpp"
#include "net/task_group.hpp"

namespace hotswapd {

struct HttpRequest {
  std::string method;  // as it was sent, upper case for the known ones
  std::string path;    // the target without its query; neither decoded nor normalised
};

struct HttpResponse {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;  // left out of the answer to a HEAD
  std::vector<std::pair<std::string, std::string>>
      headers;  // beside Content-Type and Content-Length
};

class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  // On the server's thread; must not block. An exception is answered 500.
  virtual HttpResponse handle(const HttpRequest& request) = 0;
};

struct HttpLimits {
  std::uint32_t header = 16 * 1024;  // bytes of request line and fields
  std::uint64_t body = 64 * 1024;    // read and forgotten: nothing takes a body
  Millis request =
      Seconds(10);  // from accepting, or from the answer before, to the end of the answer
  std::size_t per_address = 64;  // connections
  std::size_t connections = 1024;
};

struct HttpServerOptions {
  std::string listen;  // "127.0.0.1:8053", "[::1]:8053"; port 0 takes a free one
  HttpLimits limits;
};

class HttpServer {
 public:
  // Binds and listens; start-up only. `handler` must outlive the server.
  static Fallible<std::unique_ptr<HttpServer>> open(asio::any_io_executor executor,
                                                    HttpServerOptions options, HttpHandler& handler,
                                                    TaskGroup::ExceptionSink on_exception);
  ~HttpServer();  // after stop() has completed, or when start() was never called

  std::uint16_t port() const noexcept;  // the one that was really taken

  void start();            // on the executor's thread
  awaitable<void> stop();  // on the executor's thread; completes when the last connection is gone

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hotswapd
