#include "probes/http.hpp"

#include <cstdint>
#include <utility>

#include "probes/http_attempt.hpp"
#include "probes/http_hops.hpp"
#include "probes/http_plan.hpp"

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
      : plan_(HttpPlans::plan(context, spec, contexts)),
        endpoint_(asio::ip::make_address(spec.address), effective_port(spec.monitor)) {
    if (plan_->tls || plan_->rule->may_follow()) besides_ = std::make_unique<Besides>();
    if (plan_->rule->may_follow()) besides_->followed = std::make_unique<const TargetSpec>(spec);
  }

  awaitable<ProbeResult> run(TimePoint deadline) override {
    const HttpPlan& plan = *plan_;
    if (!plan.unusable.empty()) co_return cannot_probe(plan.unusable);
    TlsContexts::Context context;  // our own hold on it: a reload may replace it meanwhile
    Trusted trusted;
    if (plan.tls) {
      if (auto trouble = plan.trust->refresh(); !trouble.empty())
        co_return cannot_probe(std::move(trouble));
      context = plan.trust->context();
      trusted = {context.get(), plan.trust->generation()};
    }
    const TimePoint began = Clock::now();
    HttpRedirect redirect;
    ProbeResult result;
    if (plan.tls) {
      result = co_await resume_or_shake(trusted, deadline, redirect);
    } else {
      const std::string_view none;
      result = co_await attempt(trusted, none, deadline, redirect);
    }
    if (redirect.status == 0) co_return result;
    HttpHops hops(*plan.loop, *besides_->followed, plan.rule, *plan.trust);
    co_return co_await hops.run(std::move(result), std::move(redirect), began, deadline);
  }

 private:
  // What one attempt trusts; others that share the plan may renew theirs meanwhile.
  struct Trusted {
    ssl_ctx_st* context = nullptr;
    std::uint64_t generation = 0;
  };

  // With the session that was kept, if there is one. A server that breaks off or falls silent when
  // it is offered its own session would be blamed for our thrift: it is asked again in full, within
  // the same time.
  awaitable<ProbeResult> resume_or_shake(Trusted trusted, TimePoint deadline,
                                         HttpRedirect& redirect) {
    const TimePoint began = Clock::now();
    const std::string session(besides_->session.offer(moment(), trusted.generation));
    const std::string_view offered = session;
    ProbeResult result = co_await attempt(trusted, offered, deadline, redirect);
    const bool unshaken = result.verdict == Verdict::fail && result.phase == Phase::tls;
    if (session.empty() || !unshaken || Clock::now() >= deadline) co_return result;
    const auto before = std::chrono::duration_cast<Micros>(Clock::now() - began);
    const std::string_view none;
    result = co_await attempt(trusted, none, deadline, redirect);
    if (result.phase == Phase::exchange) besides_->session.refused();
    // How fast the service is for who comes for the first time; how long we waited for who is not.
    if (result.verdict == Verdict::pass) co_return result;
    for (auto* const time : {&result.times.connect, &result.times.tls, &result.times.first_byte}) {
      if (*time) **time += before;
    }
    result.times.total += before;
    co_return result;
  }

  awaitable<ProbeResult> attempt(Trusted trusted, std::string_view session, TimePoint deadline,
                                 HttpRedirect& redirect) {
    const HttpPlan& plan = *plan_;
    const HttpExchange exchange{endpoint_, plan.request, plan.tls_name};
    HttpAttempt attempt(*plan.poller, exchange, plan.rule, plan.timeout, trusted.context, session);
    ProbeResult result = co_await attempt.run(deadline);
    if (attempt.redirect() != nullptr)
      redirect = HttpRedirect{attempt.status(), *attempt.redirect()};
    if (!plan.tls) co_return result;
    const bool answered = result.verdict == Verdict::pass || redirect.status != 0;
    if (answered) {
      const Micros connected = *result.times.connect;
      const KeptSession::Wish wish{plan.interval, plan.timeout, *result.times.tls - connected};
      besides_->session.keep(attempt.ticket(), moment(), trusted.generation, wish);
    } else {
      besides_->session.forget();
    }
    co_return result;
  }

  static Moment moment() {
    return {Clock::now(), std::chrono::floor<Millis>(std::chrono::system_clock::now())};
  }

  // What only some have: there may be tens of thousands of us.
  struct Besides {
    KeptSession session;                         // with TLS
    std::unique_ptr<const TargetSpec> followed;  // null: no redirect is followed
  };

  const std::shared_ptr<const HttpPlan> plan_;
  const asio::ip::tcp::endpoint endpoint_;
  std::unique_ptr<Besides> besides_;  // null: neither
};

}  // namespace

std::unique_ptr<Prober> make_http_prober(asio::io_context& context, const TargetSpec& target,
                                         TlsContexts& contexts) {
  return std::make_unique<HttpProber>(context, target, contexts);
}

}  // namespace hotswapd
