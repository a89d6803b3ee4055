#include "api/metrics_handler.hpp"

#include <utility>

#include "api/problem.hpp"

namespace hotswapd {

awaitable<HttpResponse> MetricsHandler::handle(HttpRequest request) {
  if (request.method != "GET" && request.method != "HEAD") {
    HttpResponse response = problem(405, "method_not_allowed", "this path knows GET, HEAD only");
    response.headers.emplace_back("Allow", "GET, HEAD");
    co_return response;
  }
  if (!access_.anonymous_read()) {
    Access::Admission admission = co_await access_.admit(request, ApiScope::read);
    if (admission.refusal) co_return *std::move(admission.refusal);
  }
  std::optional<std::string> text = co_await page_();
  HttpResponse response;
  if (!text) {
    response = problem(503, "busy", "as many scrapes as may are under way");
    response.headers.emplace_back("Retry-After", "2");
    co_return response;
  }
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = *std::move(text);
  co_return response;
}

}  // namespace hotswapd
