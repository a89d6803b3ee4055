#include "probes/smtp.hpp"

#include <cerrno>
#include <string>
#include <utility>

#include "probes/attempt.hpp"
#include "probes/farewell.hpp"
#include "probes/smtp_dialogue.hpp"

namespace hotswapd {
namespace {

// A greeting is one read; a greedy peer meets the bounds of the dialogue.
constexpr int reads_at_once = 4;

// What the attempts of one target share.
struct SmtpTarget {
  asio::ip::tcp::endpoint endpoint;
  Millis timeout;
  std::string expected;
};

class SmtpAttempt final : public Attempt {
 public:
  SmtpAttempt(Poller& owner, const SmtpTarget& target)
      : Attempt(owner, target.endpoint, target.timeout), dialogue_(target.expected) {}

 private:
  void on_connected(std::uint32_t) override {
    enter(Phase::exchange);
    receive();
  }

  void on_ready(std::uint32_t) override { receive(); }

  const char* waiting_for() const override { return dialogue_.waiting_for(); }

  void receive() {
    const auto buffer = poller().scratch();
    for (int i = 0; i < reads_at_once; ++i) {
      const long n = receive_some(buffer);
      if (n == -EAGAIN) return;
      if (n < 0) {
        return finish(exchange_failure(static_cast<int>(-n), "while the SMTP greeting was read"));
      }
      if (n == 0) return finish(dialogue_.closed());
      if (!result().times.first_byte) result().times.first_byte = elapsed();
      if (auto finding = dialogue_.feed({buffer.data(), static_cast<std::size_t>(n)})) {
        if (dialogue_.understood()) quit();
        return finish(*std::move(finding));
      }
    }
    yield_reading();
  }

  void quit() {
    if (send_some(SmtpDialogue::quit) != static_cast<long>(SmtpDialogue::quit.size())) return;
    if (auto* const place = Farewells::of(poller().loop()).find_place()) {
      place->take(hand_over(*place, Clock::now() + Farewells::patience));
    } else {
      close_in_order();
    }
  }

  SmtpDialogue dialogue_;
};

class SmtpProber final : public Prober {
 public:
  SmtpProber(asio::io_context& context, const TargetSpec& spec)
      : poller_(Poller::of(context)),
        target_{{asio::ip::make_address(spec.address), effective_port(spec.monitor)},
                spec.monitor.timeout,
                spec.monitor.expected} {}

  awaitable<ProbeResult> run(TimePoint deadline) override {
    SmtpAttempt attempt(poller_, target_);
    co_return co_await attempt.run(deadline);
  }

 private:
  Poller& poller_;
  SmtpTarget target_;
};

}  // namespace

std::unique_ptr<Prober> make_smtp_prober(asio::io_context& context, const TargetSpec& target) {
  return std::make_unique<SmtpProber>(context, target);
}

}  // namespace hotswapd
