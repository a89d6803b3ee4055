// /healthz and /readyz: whether the process lives, and whether it has seen a first full round of
// everything.
#pragma once

#include <functional>
#include <string>

#include "api/http_message.hpp"

namespace hotswapd {

class HealthHandler final : public HttpHandler {
 public:
  // `why_not_ready` gives an empty text when we are ready, else one sentence; called on the
  // server's thread.
  explicit HealthHandler(std::function<std::string()> why_not_ready);

  awaitable<HttpResponse> handle(HttpRequest request) override;

  HttpResponse answer(const HttpRequest& request) const;

 private:
  std::function<std::string()> why_not_ready_;
};

}  // namespace hotswapd
