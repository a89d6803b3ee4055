#include "app/api_listener.hpp"

#include <utility>

namespace hotswapd {

Diagnostics NextIdentity::read(const Config& config, const std::string& config_file) {
  if (!config.api || !config.api->tls) return {};
  const auto& files = *config.api->tls;
  auto identity = TlsIdentity::read(files.certificate_file, files.key_file);
  if (!identity) {
    return {{config_file, 1, 1, Severity::warning, "api.tls",
             identity.error().text + "; the certificate read before goes on"}};
  }
  const std::lock_guard lock(mutex_);
  identity_ = *std::move(identity);
  return {};
}

std::shared_ptr<const TlsIdentity> NextIdentity::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(identity_, nullptr);
}

ApiListener::ApiListener(std::function<std::string()> why_not_ready)
    : health_(std::move(why_not_ready)) {}

Fallible<std::unique_ptr<ApiListener>> ApiListener::open(asio::any_io_executor executor,
                                                         const ApiConfig& config,
                                                         std::function<std::string()> why_not_ready,
                                                         TaskGroup::ExceptionSink on_exception) {
  HttpServerOptions options;
  options.listen = to_string(config.listen);
  if (config.tls) {
    auto identity = TlsIdentity::read(config.tls->certificate_file, config.tls->key_file);
    if (!identity) return identity.error();
    options.identity = *std::move(identity);
  }
  std::unique_ptr<ApiListener> listener(new ApiListener(std::move(why_not_ready)));
  auto server = HttpServer::open(std::move(executor), std::move(options), listener->health_,
                                 std::move(on_exception));
  if (!server) return server.error();
  listener->server_ = *std::move(server);
  return listener;
}

void ApiListener::start() {
  server_->start();
}

void ApiListener::use(std::shared_ptr<const TlsIdentity> identity) {
  if (identity) server_->use(std::move(identity));
}

awaitable<void> ApiListener::stop() {
  return server_->stop();
}

}  // namespace hotswapd
