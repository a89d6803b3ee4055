#include "probes/http_hops.hpp"

#include <memory>
#include <utility>

#include "core/record.hpp"
#include "core/text.hpp"
#include "probes/http_attempt.hpp"
#include "probes/http_request.hpp"
#include "probes/named.hpp"

namespace hotswapd {
namespace {

// One hop at one address.
class HopProber final : public Prober {
 public:
  // Where the next redirect is left, if there is one. Outlives the prober.
  struct Next {
    bool redirected = false;
    HttpRedirect redirect;
  };

  HopProber(Poller& poller, const HttpExchange& exchange, const HttpRule& rule, Millis timeout,
            TlsContexts::Context context, Next& next)
      : poller_(poller),
        exchange_(exchange),
        rule_(rule),
        timeout_(timeout),
        context_(std::move(context)),
        next_(next) {}

  awaitable<ProbeResult> run(TimePoint deadline) override {
    HttpAttempt attempt(poller_, exchange_, rule_, timeout_, context_.get());
    ProbeResult result = co_await attempt.run(deadline);
    const std::string* const location = attempt.redirect();
    next_.redirected = location != nullptr;
    if (location != nullptr) next_.redirect = HttpRedirect{attempt.status(), *location};
    co_return result;
  }

 private:
  Poller& poller_;
  const HttpExchange exchange_;
  const HttpRule& rule_;
  const Millis timeout_;
  const TlsContexts::Context context_;
  Next& next_;
};

void conclude(ProbeResult& result, Finding finding) {
  result.verdict = finding.verdict;
  result.failure = finding.failure;
  result.reason = std::move(finding.reason);
}

std::optional<Micros> later(std::optional<Micros> time, Micros by) {
  if (time) *time += by;
  return time;
}

}  // namespace

HttpHops::HttpHops(asio::io_context& loop, const TargetSpec& target, const HttpRule& rule,
                   TlsTrust& trust)
    : loop_(loop),
      target_(target),
      rule_(rule),
      trust_(trust),
      trail_(first_place(target.monitor, target.service)) {}

awaitable<ProbeResult> HttpHops::run(ProbeResult first, HttpRedirect redirect, TimePoint began,
                                     TimePoint deadline) {
  const auto since = [began] { return std::chrono::duration_cast<Micros>(Clock::now() - began); };
  ProbeResult result = std::move(first);
  for (bool redirected = true; redirected;) {
    if (auto end = trail_.follow(redirect.status, redirect.location)) {
      conclude(result, *std::move(end));
      result.times.total = since();
      break;
    }
    const Micros before = since();
    const auto ends = result.certificate_ends;
    result = co_await hop(deadline, redirect, redirected);
    result.times.resolve = later(result.times.resolve, before);
    result.times.connect = later(result.times.connect, before);
    result.times.tls = later(result.times.tls, before);
    result.times.first_byte = later(result.times.first_byte, before);
    result.times.total += before;
    if (ends && (!result.certificate_ends || *ends < *result.certificate_ends))
      result.certificate_ends = ends;
    if (!redirected && result.reason != "stopped") result.reason += trail_.where();
  }
  // The address is that of a hop, not of the target.
  result.address = {};
  result.stale = false;
  result.reason = clean(result.reason);
  co_return result;
}

awaitable<ProbeResult> HttpHops::hop(TimePoint deadline, HttpRedirect& redirect, bool& redirected) {
  redirected = false;
  const WebPlace& here = trail_.here();
  auto request = build_request(target_.monitor, here.authority, here.target, trail_.own_headers());
  TlsContexts::Context context;
  std::string trouble;
  if (!request) trouble = request.error().text;
  if (trouble.empty() && here.tls) {
    trouble = trust_.refresh();
    context = trust_.context();
  }
  ProbeResult result;
  if (!trouble.empty()) {
    conclude(result, inconclusive(std::move(trouble)));
    co_return result;
  }

  TargetSpec at = target_;
  if (!trail_.at_first_host()) at.address = here.host;
  at.monitor.port = here.port;
  HopProber::Next next;
  const AddressProber make = [&](const TargetSpec& spec) -> std::unique_ptr<Prober> {
    const HttpExchange exchange{
        {asio::ip::make_address(spec.address), here.port}, *request, here.host};
    return std::make_unique<HopProber>(Poller::of(loop_), exchange, rule_, target_.monitor.timeout,
                                       context, next);
  };
  std::unique_ptr<Prober> prober;
  if (canonical_address(at.address)) {
    prober = make(at);
  } else {
    prober = make_named_prober(loop_, at, make);
  }
  result = co_await prober->run(deadline);
  redirected = next.redirected;
  redirect = std::move(next.redirect);
  co_return result;
}

}  // namespace hotswapd
