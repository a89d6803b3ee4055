#include "probes/http.hpp"

#include <optional>
#include <utility>

#include "probes/http_attempt.hpp"
#include "probes/http_hops.hpp"
#include "probes/http_request.hpp"

namespace hotswapd {
namespace {

ProbeResult cannot_probe(std::string reason) {
  ProbeResult result;
  result.failure = FailureClass::local;
  result.reason = std::move(reason);
  return result;
}

class HttpProber final : public Prober {
 public:
  HttpProber(asio::io_context& context, const TargetSpec& spec, TlsContexts& contexts)
      : loop_(context), poller_(Poller::of(context)), timeout_(spec.monitor.timeout) {
    rule_ = HttpRule(spec.monitor);
    exchange_.endpoint = {asio::ip::make_address(spec.address), effective_port(spec.monitor)};
    if (auto request = build_request(spec.monitor, spec.service)) {
      exchange_.request = *std::move(request);
    } else {
      unusable_ = std::move(request).error().text;
    }
    const bool https = spec.monitor.protocol == Protocol::https;
    if (https) exchange_.tls_name = tls_name(host_of(spec.monitor, spec.service));
    tls_ = https;
    if (https || rule_.may_follow()) {
      trust_.emplace(contexts, TlsPolicy{spec.monitor.tls.verify, spec.monitor.tls.ca_file});
    }
    if (rule_.may_follow()) followed_ = std::make_unique<const TargetSpec>(spec);
  }

  awaitable<ProbeResult> run(TimePoint deadline) override {
    if (!unusable_.empty()) co_return cannot_probe(unusable_);
    TlsContexts::Context context;  // our own hold on it: a reload may replace it meanwhile
    if (tls_) {
      if (auto trouble = trust_->refresh(); !trouble.empty())
        co_return cannot_probe(std::move(trouble));
      context = trust_->context();
    }
    const TimePoint began = Clock::now();
    HttpAttempt attempt(poller_, exchange_, rule_, timeout_, context.get());
    ProbeResult result = co_await attempt.run(deadline);
    if (attempt.redirect() == nullptr) co_return result;
    HttpRedirect redirect{attempt.status(), *attempt.redirect()};
    HttpHops hops(loop_, *followed_, rule_, *trust_);
    co_return co_await hops.run(std::move(result), std::move(redirect), began, deadline);
  }

 private:
  asio::io_context& loop_;
  Poller& poller_;
  const Millis timeout_;
  HttpRule rule_;
  HttpExchange exchange_;
  bool tls_ = false;
  std::string unusable_;
  std::optional<TlsTrust> trust_;               // absent: TLS is never needed
  std::unique_ptr<const TargetSpec> followed_;  // null: no redirect is followed
};

}  // namespace

std::unique_ptr<Prober> make_http_prober(asio::io_context& context, const TargetSpec& target,
                                         TlsContexts& contexts) {
  return std::make_unique<HttpProber>(context, target, contexts);
}

}  // namespace hotswapd
