// The one HTTP client of the control plane: libcurl in the event loop, connections kept and reused,
// every call bounded in time and size.
#pragma once

#include <boost/asio/io_context.hpp>
#include <map>
#include <memory>
#include <string>

#include "net/http_proxy.hpp"
#include "net/http_send.hpp"
#include "net/tls_contexts.hpp"

namespace hotswapd {

namespace asio = boost::asio;

// Lives on one loop and is used on its thread, which it never holds up: names are asked of the
// loop's Resolver (libcurl would start a thread for each), certificates are read once by `tls` (ask
// it for each ca_file beforehand on another thread: the first reading takes 20 ms).
//
// HTTP/1.1, TLS 1.2 or newer, certificates always verified, http and https alone, no redirect
// followed, no cookie, no .netrc. A call that may change something is sent once: when a kept
// connection dies under it libcurl would send it again, we say unknown_fate instead.
class CurlPool {
 public:
  struct Options {
    int connections_per_host = 4;  // further calls wait for one of them, within their deadline
    int connections = 64;
    std::size_t calls = 1024;  // at once; one more is `unavailable`
    ProxySettings proxies;     // proxies_of_environment()
  };

  // `tls` outlives the pool.
  CurlPool(asio::io_context& loop, TlsContexts& tls, Options options);
  CurlPool(asio::io_context& loop, TlsContexts& tls);
  ~CurlPool();
  CurlPool(const CurlPool&) = delete;
  CurlPool& operator=(const CurlPool&) = delete;

  // `ca_file`: whom to trust instead of the system's bundle. Connections are shared by those who
  // trust alike. Cancelled (terminal): the transfer ends at once. See HttpSend for the errors.
  awaitable<Fallible<HttpReply>> request(HttpCall call, std::string ca_file = {});

  // The same as a function; valid after the pool is gone, when calls are `unavailable`.
  HttpSend sender(std::string ca_file = {});

  // Connections kept open now, for tests and figures.
  std::size_t open_connections() const noexcept;

 private:
  struct State;
  static awaitable<Fallible<HttpReply>> run(std::shared_ptr<State> state, HttpCall call,
                                            std::string ca_file);

  std::shared_ptr<State> state_;
};

}  // namespace hotswapd
