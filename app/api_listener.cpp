#include "app/api_listener.hpp"

#include <random>
#include <utility>

namespace hotswapd {
namespace {

// Tells the events of this run from those of another.
std::string name_of_this_run() {
  std::random_device source;
  std::string name;
  for (int i = 0; i < 8; ++i) name += "0123456789abcdef"[source() & 0xf];
  return name;
}

AccessPolicy access_policy(const ApiConfig& config) {
  AccessPolicy policy;
  for (const auto& user : config.users)
    policy.users.push_back({user.customer, user.user, user.password_hash});
  for (const auto& token : config.tokens) {
    if (token.scope == TokenScope::events) continue;  // nothing is there that it could open
    const auto scope = token.scope == TokenScope::operate ? ApiScope::operate : ApiScope::read;
    policy.tokens.push_back({token.name, token.token, scope});
  }
  if (config.rate_limit) {
    policy.rate_limit = {static_cast<std::size_t>(config.rate_limit->per_second),
                         static_cast<std::size_t>(config.rate_limit->per_minute)};
  }
  policy.host = {config.listen.address, config.host_names};
  policy.anonymous_read = config.anonymous_read;
  return policy;
}

}  // namespace

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

ApiListener::ApiListener(ApiParts parts)
    : access_(parts.executor),
      events_(parts.executor, name_of_this_run()),
      health_(std::move(parts.why_not_ready)),
      metrics_(access_, std::move(parts.metrics)),
      v1_(parts.executor, access_, parts.commands, events_) {
  router_.mount("/healthz", health_);
  router_.mount("/readyz", health_);
  router_.mount("/metrics", metrics_);
  router_.mount("/api/", v1_);
}

Fallible<std::unique_ptr<ApiListener>> ApiListener::open(ApiParts parts, const ApiConfig& config,
                                                         TaskGroup::ExceptionSink on_exception) {
  HttpServerOptions options;
  options.listen = to_string(config.listen);
  if (config.tls) {
    auto identity = TlsIdentity::read(config.tls->certificate_file, config.tls->key_file);
    if (!identity) return identity.error();
    options.identity = *std::move(identity);
  }
  auto executor = parts.executor;
  std::unique_ptr<ApiListener> listener(new ApiListener(std::move(parts)));
  listener->reconfigure(config);
  auto server = HttpServer::open(std::move(executor), std::move(options), listener->router_,
                                 std::move(on_exception));
  if (!server) return server.error();
  listener->server_ = *std::move(server);
  return listener;
}

void ApiListener::mount(std::string path, HttpHandler& handler, Router::Headers headers) {
  router_.mount(std::move(path), handler, headers);
}

void ApiListener::reconfigure(const ApiConfig& config) {
  if (config == config_) return;
  // Who follows the events may not be allowed to any more: whoever still is comes back.
  events_.end_all();
  config_ = config;
  access_.configure(access_policy(config));
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
