#include "api/access.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "api/authorization.hpp"
#include "api/problem.hpp"
#include "core/text.hpp"

namespace hotswapd {
namespace {

HttpResponse retry_later(unsigned status, const char* code, const char* detail, Seconds after) {
  HttpResponse response = problem(status, code, detail);
  response.headers.emplace_back("Retry-After",
                                std::to_string(std::max<Seconds::rep>(1, after.count())));
  return response;
}

HttpResponse unauthorized(const char* detail) {
  HttpResponse response = problem(401, "unauthorized", detail);
  response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"hotswapd\", charset=\"UTF-8\"");
  response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"hotswapd\"");
  return response;
}

}  // namespace

void Access::configure(AccessPolicy policy) {
  users_.configure(std::move(policy.users));
  tokens_.configure(policy.tokens);
  policy.users.clear();
  policy.tokens.clear();
  if (policy.rate_limit != policy_.rate_limit) {
    limiter_.reset();
    if (policy.rate_limit)
      limiter_.emplace(policy.rate_limit->per_second, policy.rate_limit->per_minute);
  }
  policy_ = std::move(policy);
}

std::optional<HttpResponse> Access::misdirected(const HttpRequest& request) const {
  const auto hosts = std::count_if(request.headers.begin(), request.headers.end(),
                                   [](const auto& header) { return header.first == "host"; });
  if (hosts == 1 && is_ours(request.header("host"), policy_.host)) return std::nullopt;
  return problem(
      421, "misdirected",
      "this is not asked by a name of ours: api.host_names lists those beside the address");
}

std::optional<Millis> Access::limited(const std::string& who, TimePoint now) {
  return limiter_ ? limiter_->admit(who, now) : std::nullopt;
}

awaitable<Access::Admission> Access::admit(const HttpRequest& request, ApiScope needed) {
  Admission admission;
  Authorization claim = parse_authorization(request.header("authorization"));
  auto scope = ApiScope::operate;  // a user's
  if (claim.scheme == Authorization::Scheme::bearer) {
    const auto* const token = tokens_.find(claim.secret);
    if (token == nullptr) {
      admission.refusal = unauthorized("this token opens nothing");
      co_return admission;
    }
    scope = token->scope;
    admission.who = "token " + token->name;
  } else if (claim.scheme == Authorization::Scheme::basic) {
    std::string name = std::move(claim.name);
    Secret password = std::move(claim.secret);
    std::string peer = request.peer;
    const LogIn login =
        co_await users_.log_in(std::move(name), std::move(password), std::move(peer));
    switch (login.result) {
      case LogIn::Result::granted:
        admission.who = login.user + " (" + login.customer + ")";
        break;
      case LogIn::Result::refused:
        admission.refusal = unauthorized("no user has this name and this password");
        co_return admission;
      case LogIn::Result::limited:
        admission.refusal =
            retry_later(429, "too_many_failures", "too many failed log-ins came from this address",
                        login.retry_after);
        co_return admission;
      case LogIn::Result::busy:
        admission.refusal =
            retry_later(503, "busy", "too many log-ins are being checked", login.retry_after);
        co_return admission;
    }
  } else {
    admission.refusal = unauthorized(claim.scheme == Authorization::Scheme::none
                                         ? "log in by HTTP Basic or with a bearer token"
                                         : "this Authorization header is neither Basic nor Bearer");
    co_return admission;
  }
  if (scope < needed) {
    admission.refusal = problem(403, "forbidden", "this token may read only, not operate");
    co_return admission;
  }
  if (const auto wait = limited(admission.who, Clock::now())) {
    admission.refusal = retry_later(429, "rate_limited", "more requests than api.rate_limit allows",
                                    std::chrono::ceil<Seconds>(*wait));
  }
  co_return admission;
}

}  // namespace hotswapd
