// A bounded HTTP/1.1 listener, plain or with TLS: reads requests, asks an HttpHandler, writes its
// responses. Knows no route.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "api/http_message.hpp"
#include "core/error.hpp"
#include "core/time.hpp"
#include "net/awaitable.hpp"
#include "net/task_group.hpp"
#include "net/tls_identity.hpp"

namespace hotswapd {

struct HttpLimits {
  std::uint32_t header = 16 * 1024;  // bytes of request line and fields
  std::uint64_t body = 1024 * 1024;  // bytes
  Millis request = Seconds(10);      // from its first byte to its last; as long for the answer,
                                     // and for the first request of a connection to begin
  Millis idle = Seconds(75);         // between an answer and the next request
  std::size_t per_address = 64;      // connections
  std::size_t connections = 1024;
};

struct HttpServerOptions {
  std::string listen;  // "127.0.0.1:8053", "[::1]:8053"; port 0 takes a free one
  HttpLimits limits = {};
  std::shared_ptr<const TlsIdentity> identity = {};  // none: without TLS
};

class HttpServer {
 public:
  // Binds and listens; start-up only. `handler` must outlive the server.
  static Fallible<std::unique_ptr<HttpServer>> open(asio::any_io_executor executor,
                                                    HttpServerOptions options, HttpHandler& handler,
                                                    TaskGroup::ExceptionSink on_exception);
  ~HttpServer();  // after stop() has completed, or when start() was never called

  std::uint16_t port() const noexcept;  // the one that was really taken

  void start();  // on the executor's thread
  // Of connections from now on; for a server that was opened with one. On the executor's thread.
  void use(std::shared_ptr<const TlsIdentity> identity);
  awaitable<void> stop();  // on the executor's thread; completes when the last connection is gone

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hotswapd
