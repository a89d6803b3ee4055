#include "probes/ping.hpp"

#include <string>
#include <utility>

#include "probes/address_gate.hpp"
#include "probes/pending_attempt.hpp"
#include "probes/ping_engine.hpp"
#include "probes/route.hpp"

namespace hotswapd {
namespace {

// What the attempts of one target share.
struct PingTarget {
  asio::ip::udp::endpoint endpoint;  // port 0
  Millis timeout;
};

class PingAttempt final : public PendingAttempt, private PingEngine::Echo {
 public:
  PingAttempt(Poller& owner, PingEngine& engine, const PingTarget& target)
      : PendingAttempt(owner), engine_(engine), target_(target) {}
  ~PingAttempt() override { release(); }

 private:
  void start(TimePoint deadline) override {
    enter(Phase::exchange);
    if (auto denied = AddressGate::of(poller().loop()).refuse(target_.endpoint.address())) {
      return finish(*std::move(denied));
    }
    if (target_.endpoint.address().is_unspecified()) {
      return finish(inconclusive(where() +
                                 " cannot be pinged, for replies come from another address: name "
                                 "127.0.0.1 or ::1 for this host"));
    }
    if (auto trouble = engine_.send(*this, target_.endpoint)) return finish(*std::move(trouble));
    if (const error_code ec = poller().add_deadline(*this, deadline)) {
      finish(send_failure(ec.value(), where()));
    }
  }

  void answered(bool later) override {
    result().times.first_byte = elapsed();
    conclude(pass("echo reply"), later);
  }

  void refused(Finding why, bool later) override { conclude(std::move(why), later); }

  void conclude(Finding finding, bool later) {
    if (later) return finish_later(std::move(finding));
    finish(std::move(finding));
  }

  Finding out_of_time() override {
    // A reply that lies unread behind many others came in time; then this attempt has ended here.
    engine_.catch_up(*this);
    if (finished()) return {};
    if (engine_.may_have_lost(*this, began())) {
      return inconclusive(
          "this host lost ICMP messages that it had no room for (raise net.core.rmem_max)");
    }
    if (const auto& hint = Echo::hint()) return *hint;
    if (!has_route(target_.endpoint.address())) return route_lost(where());
    return fail(FailureClass::timeout,
                "no echo reply from " + where() + " within " + seconds_text(target_.timeout));
  }

  void release() noexcept override {
    poller().remove(*this);
    engine_.forget(*this);
  }

  void ready(std::uint32_t) override {}  // has no descriptor

  std::string where() const { return target_.endpoint.address().to_string(); }

  PingEngine& engine_;
  const PingTarget& target_;
};

class PingProber final : public Prober {
 public:
  PingProber(asio::io_context& context, const TargetSpec& spec)
      : poller_(Poller::of(context)),
        engine_(PingEngine::of(context)),
        target_{{asio::ip::make_address(spec.address), 0}, spec.monitor.timeout} {}

  awaitable<ProbeResult> run(TimePoint deadline) override {
    PingAttempt attempt(poller_, engine_, target_);
    co_return co_await attempt.run(deadline);
  }

 private:
  Poller& poller_;
  PingEngine& engine_;
  PingTarget target_;
};

}  // namespace

std::unique_ptr<Prober> make_ping_prober(asio::io_context& context, const TargetSpec& target) {
  return std::make_unique<PingProber>(context, target);
}

}  // namespace hotswapd
