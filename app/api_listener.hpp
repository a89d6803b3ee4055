// The daemon's HTTP listener: its address, its certificate, and who answers which path.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "api/health_handler.hpp"
#include "api/http_server.hpp"
#include "config/diagnostic.hpp"
#include "config/schema.hpp"
#include "net/tls_identity.hpp"

namespace hotswapd {

// The certificate that a reload read, on its way to the listener. Any thread.
class NextIdentity {
 public:
  // Reads the files that `config` names, which may block. A warning where they cannot be used: what
  // was read before goes on.
  Diagnostics read(const Config& config, const std::string& config_file);
  std::shared_ptr<const TlsIdentity> take();  // null: nothing was read since

 private:
  std::mutex mutex_;
  std::shared_ptr<const TlsIdentity> identity_;
};

// Lives on shard 0.
class ApiListener {
 public:
  // Start-up only. `why_not_ready` is called until stop() has completed.
  static Fallible<std::unique_ptr<ApiListener>> open(asio::any_io_executor executor,
                                                     const ApiConfig& config,
                                                     std::function<std::string()> why_not_ready,
                                                     TaskGroup::ExceptionSink on_exception);

  void start();
  void use(std::shared_ptr<const TlsIdentity> identity);  // null: as before
  awaitable<void> stop();

 private:
  explicit ApiListener(std::function<std::string()> why_not_ready);

  HealthHandler health_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace hotswapd
