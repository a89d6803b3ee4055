// /metrics: the text that a Prometheus scrapes, for whoever may read.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "api/access.hpp"
#include "api/http_message.hpp"

namespace hotswapd {

class MetricsHandler final : public HttpHandler {
 public:
  // nullopt: not now.
  using Page = std::function<awaitable<std::optional<std::string>>()>;

  MetricsHandler(Access& access, Page page) : access_(access), page_(std::move(page)) {}

  awaitable<HttpResponse> handle(HttpRequest request) override;

 private:
  Access& access_;
  Page page_;
};

}  // namespace hotswapd
