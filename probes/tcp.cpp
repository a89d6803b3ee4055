#include "probes/tcp.hpp"

#include "probes/attempt.hpp"

namespace hotswapd {
namespace {

class TcpAttempt final : public Attempt {
 public:
  using Attempt::Attempt;

 private:
  void on_connected(std::uint32_t) override { finish(pass("connected")); }
  void on_ready(std::uint32_t) override {}
};

class TcpProber final : public Prober {
 public:
  TcpProber(asio::io_context& context, const TargetSpec& target)
      : poller_(Poller::of(context)),
        endpoint_(asio::ip::make_address(target.address), effective_port(target.monitor)),
        timeout_(target.monitor.timeout) {}

  awaitable<ProbeResult> run(TimePoint deadline) override {
    TcpAttempt attempt(poller_, endpoint_, timeout_);
    co_return co_await attempt.run(deadline);
  }

 private:
  Poller& poller_;
  asio::ip::tcp::endpoint endpoint_;
  Millis timeout_;
};

}  // namespace

std::unique_ptr<Prober> make_tcp_prober(asio::io_context& context, const TargetSpec& target) {
  return std::make_unique<TcpProber>(context, target);
}

}  // namespace hotswapd
