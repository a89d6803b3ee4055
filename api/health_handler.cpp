#include "api/health_handler.hpp"

#include <utility>

#include "core/text.hpp"

namespace hotswapd {
namespace {

HttpResponse plain(unsigned status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body) + "\n";
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

}  // namespace

HealthHandler::HealthHandler(std::function<std::string()> why_not_ready)
    : why_not_ready_(std::move(why_not_ready)) {}

awaitable<HttpResponse> HealthHandler::handle(HttpRequest request) {
  co_return answer(request);
}

HttpResponse HealthHandler::answer(const HttpRequest& request) const {
  const bool health = request.path == "/healthz";
  if (!health && request.path != "/readyz") return plain(404, "not found");
  if (request.method != "GET" && request.method != "HEAD") {
    HttpResponse response = plain(405, "use GET or HEAD");
    response.headers.emplace_back("Allow", "GET, HEAD");
    return response;
  }
  if (health) return plain(200, "ok");
  const std::string why = why_not_ready_();
  return why.empty() ? plain(200, "ready") : plain(503, clean(why));
}

}  // namespace hotswapd
