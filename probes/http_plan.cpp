#include "probes/http_plan.hpp"

#include <utility>

#include "probes/http_request.hpp"

namespace hotswapd {

asio::execution_context::id HttpPlans::id;

std::shared_ptr<const HttpPlan> HttpPlans::plan(asio::io_context& context, const TargetSpec& target,
                                                TlsContexts& contexts) {
  const MonitorSpec& monitor = target.monitor;
  HttpPlan plan;
  plan.loop = &context;
  plan.poller = &Poller::of(context);
  if (auto request = build_request(monitor, target.service)) {
    plan.request = *std::move(request);
  } else {
    plan.unusable = std::move(request).error().text;
  }
  plan.tls = monitor.protocol == Protocol::https;
  if (plan.tls) plan.tls_name = tls_name(host_of(monitor, target.service));
  plan.timeout = monitor.timeout;
  plan.interval = monitor.interval;

  auto& last = asio::use_service<HttpPlans>(context).last_;
  HttpRule rule(monitor);
  plan.rule = last && *last->rule == rule ? last->rule : Shared(std::move(rule));
  if (plan.tls || plan.rule->may_follow()) {
    TlsPolicy policy{monitor.tls.verify, monitor.tls.ca_file};
    const bool known = last && last->trust && last->trust->is_of(contexts, policy);
    plan.trust = known ? last->trust : std::make_shared<TlsTrust>(contexts, std::move(policy));
  }
  if (!last || *last != plan) last = std::make_shared<const HttpPlan>(std::move(plan));
  return last;
}

}  // namespace hotswapd
