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

// What only a prober needs that may speak TLS: those of plain HTTP stay small.
struct TlsSide {
  TlsSide(TlsContexts& contexts, TlsPolicy policy) : trust(contexts, std::move(policy)) {}

  TlsTrust trust;
  KeptSession session;
};

class HttpProber final : public Prober {
 public:
  HttpProber(asio::io_context& context, const TargetSpec& spec, TlsContexts& contexts)
      : loop_(context),
        poller_(Poller::of(context)),
        timeout_(spec.monitor.timeout),
        interval_(spec.monitor.interval) {
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
      TlsPolicy policy{spec.monitor.tls.verify, spec.monitor.tls.ca_file};
      tls_side_ = std::make_unique<TlsSide>(contexts, std::move(policy));
    }
    if (rule_.may_follow()) followed_ = std::make_unique<const TargetSpec>(spec);
  }

  awaitable<ProbeResult> run(TimePoint deadline) override {
    if (!unusable_.empty()) co_return cannot_probe(unusable_);
    TlsContexts::Context context;  // our own hold on it: a reload may replace it meanwhile
    if (tls_) {
      if (auto trouble = tls_side_->trust.refresh(); !trouble.empty())
        co_return cannot_probe(std::move(trouble));
      context = tls_side_->trust.context();
    }
    const TimePoint began = Clock::now();
    HttpRedirect redirect;
    ProbeResult result;
    if (tls_) {
      result = co_await resume_or_shake(context.get(), deadline, redirect);
    } else {
      const std::string_view none;
      result = co_await attempt(nullptr, none, deadline, redirect);
    }
    if (redirect.status == 0) co_return result;
    HttpHops hops(loop_, *followed_, rule_, tls_side_->trust);
    co_return co_await hops.run(std::move(result), std::move(redirect), began, deadline);
  }

 private:
  // With the session that was kept, if there is one. A server that breaks off or falls silent when
  // it is offered its own session would be blamed for our thrift: it is asked again in full, within
  // the same time.
  awaitable<ProbeResult> resume_or_shake(ssl_ctx_st* context, TimePoint deadline,
                                         HttpRedirect& redirect) {
    const TimePoint began = Clock::now();
    const std::string session(tls_side_->session.offer(moment(), tls_side_->trust.generation()));
    const std::string_view offered = session;
    ProbeResult result = co_await attempt(context, offered, deadline, redirect);
    const bool unshaken = result.verdict == Verdict::fail && result.phase == Phase::tls;
    if (session.empty() || !unshaken || Clock::now() >= deadline) co_return result;
    const auto before = std::chrono::duration_cast<Micros>(Clock::now() - began);
    const std::string_view none;
    result = co_await attempt(context, none, deadline, redirect);
    if (result.phase == Phase::exchange) tls_side_->session.refused();
    for (auto* const time : {&result.times.connect, &result.times.tls, &result.times.first_byte}) {
      if (*time) **time += before;
    }
    result.times.total += before;
    co_return result;
  }

  awaitable<ProbeResult> attempt(ssl_ctx_st* context, std::string_view session, TimePoint deadline,
                                 HttpRedirect& redirect) {
    HttpAttempt attempt(poller_, exchange_, rule_, timeout_, context, session);
    ProbeResult result = co_await attempt.run(deadline);
    if (attempt.redirect() != nullptr)
      redirect = HttpRedirect{attempt.status(), *attempt.redirect()};
    if (!tls_) co_return result;
    const bool answered = result.verdict == Verdict::pass || redirect.status != 0;
    if (answered) {
      const Micros connected = *result.times.connect;
      const KeptSession::Wish wish{interval_, timeout_, *result.times.tls - connected};
      tls_side_->session.keep(attempt.ticket(), moment(), tls_side_->trust.generation(), wish);
    } else {
      tls_side_->session.forget();
    }
    co_return result;
  }

  static Moment moment() {
    return {Clock::now(), std::chrono::floor<Millis>(std::chrono::system_clock::now())};
  }

  asio::io_context& loop_;
  Poller& poller_;
  const Millis timeout_;
  HttpRule rule_;
  HttpExchange exchange_;
  bool tls_ = false;
  Millis interval_;
  std::string unusable_;
  std::unique_ptr<TlsSide> tls_side_;           // null: TLS is never needed
  std::unique_ptr<const TargetSpec> followed_;  // null: no redirect is followed
};

}  // namespace

std::unique_ptr<Prober> make_http_prober(asio::io_context& context, const TargetSpec& target,
                                         TlsContexts& contexts) {
  return std::make_unique<HttpProber>(context, target, contexts);
}

}  // namespace hotswapd
