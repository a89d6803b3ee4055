#include "probes/factory.hpp"

#include <string>
#include <utility>

#include "probes/http.hpp"
#include "probes/named.hpp"
#include "probes/ping.hpp"
#include "probes/smtp.hpp"
#include "probes/tcp.hpp"

namespace hotswapd {
namespace {

// Says why a target cannot be probed.
class UnavailableProber final : public Prober {
 public:
  explicit UnavailableProber(std::string reason) : reason_(std::move(reason)) {}

  awaitable<ProbeResult> run(TimePoint) override {
    ProbeResult result;
    result.failure = FailureClass::local;
    result.reason = reason_;
    co_return result;
  }

 private:
  std::string reason_;
};

std::unique_ptr<Prober> unavailable(std::string reason) {
  return std::make_unique<UnavailableProber>(std::move(reason));
}

}  // namespace

std::unique_ptr<Prober> make_prober(asio::io_context& context, const TargetSpec& target,
                                    TlsContexts& contexts) {
  const Protocol protocol = target.monitor.protocol;
  if (protocol == Protocol::none) return unavailable("this target is not monitored");
  if (!canonical_address(target.address)) {
    return make_named_prober(context, target, [&context, &contexts](const TargetSpec& at_address) {
      return make_prober(context, at_address, contexts);
    });
  }
  switch (protocol) {
    case Protocol::ping:
      return make_ping_prober(context, target);
    case Protocol::smtp:
      return make_smtp_prober(context, target);
    case Protocol::tcp:
      return make_tcp_prober(context, target);
    default:
      return make_http_prober(context, target, contexts);
  }
}

}  // namespace hotswapd
