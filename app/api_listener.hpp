// The daemon's HTTP listener: its address, its certificate, and who answers which path to whom.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "api/access.hpp"
#include "api/event_feed.hpp"
#include "api/health_handler.hpp"
#include "api/http_server.hpp"
#include "api/metrics_handler.hpp"
#include "api/router.hpp"
#include "api/v1_handler.hpp"
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

// What the listener asks; all of it is asked until stop() has completed.
struct ApiParts {
  asio::any_io_executor executor;
  ControlHandler& commands;
  std::function<std::string()> why_not_ready;
  MetricsHandler::Page metrics;
};

// Lives on shard 0.
class ApiListener {
 public:
  // Start-up only.
  static Fallible<std::unique_ptr<ApiListener>> open(ApiParts parts, const ApiConfig& config,
                                                     TaskGroup::ExceptionSink on_exception);

  // Another interface beside ours, which may log its users in by access().users(). Before start().
  void mount(std::string path, HttpHandler& handler, Router::Headers headers);
  Access& access() noexcept { return access_; }

  void start();
  void use(std::shared_ptr<const TlsIdentity> identity);  // null: as before
  void reconfigure(const ApiConfig& config);              // all but listen, tls and insecure
  EventFeed& events() noexcept { return events_; }
  awaitable<void> stop();

 private:
  explicit ApiListener(ApiParts parts);

  Access access_;
  EventFeed events_;
  HealthHandler health_;
  MetricsHandler metrics_;
  V1Handler v1_;
  Router router_;
  ApiConfig config_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace hotswapd
