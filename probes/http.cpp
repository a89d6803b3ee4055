#include "probes/http.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "probes/attempt.hpp"
#include "probes/http_judge.hpp"
#include "probes/http_request.hpp"
#include "probes/tls_client.hpp"

namespace hotswapd {
namespace {

// What the attempts of one target share.
struct HttpTarget {
  asio::ip::tcp::endpoint endpoint;
  Millis timeout;
  HttpRule rule;
  std::string request;
  std::string tls_name;  // empty: plain HTTP
};

// A request that may need more than one segment must not wait for acknowledgements; TLS sends
// several short ones anyway.
constexpr std::size_t one_segment = 1200;
// How often a greedy peer may fill our buffer before the other descriptors get their turn.
constexpr int reads_at_once = 8;

class HttpAttempt final : public Attempt {
 public:
  HttpAttempt(Poller& owner, const HttpTarget& target, ssl_ctx_st* tls_context)
      : Attempt(owner, target.endpoint, target.timeout),
        target_(target),
        tls_context_(tls_context),
        unsent_(target.request),
        judge_(target.rule) {}

 private:
  void on_connected(std::uint32_t events) override {
    if (tls_context_ != nullptr || unsent_.size() > one_segment) {
      const int on = 1;
      ::setsockopt(descriptor(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    if (tls_context_ != nullptr) {
      enter(Phase::tls);
      tls_.emplace(tls_context_, descriptor(), target_.tls_name);
    } else {
      enter(Phase::exchange);
    }
    advance(events);
  }

  void on_ready(std::uint32_t events) override { advance(events); }

  const char* waiting_for() const override {
    if (result().phase == Phase::tls) return "waiting for the TLS handshake";
    return unsent_.empty() ? judge_.waiting_for() : "sending the request";
  }

  void advance(std::uint32_t events) {
    if (result().phase == Phase::tls && !shake()) return;
    if (!unsent_.empty() && !send()) return;
    // TLS may hold bytes that raise no event any more; a plain socket tells of each.
    if (tls_ || send_failed_ || (events & ~std::uint32_t{EPOLLOUT}) != 0) receive();
  }

  bool shake() {
    switch (tls_->handshake()) {
      case TlsClient::Step::again:
        return false;
      case TlsClient::Step::done:
        result().times.tls = elapsed();
        enter(Phase::exchange);
        return true;
      case TlsClient::Step::closed:
      case TlsClient::Step::failed:
        break;
    }
    finish(tls_->finding());
    return false;
  }

  bool send() {
    if (tls_) {
      const auto step = tls_->write(unsent_);
      if (step == TlsClient::Step::again) return false;
      if (step != TlsClient::Step::done) give_up_sending();
      return true;
    }
    while (!unsent_.empty()) {
      const long n = send_some(unsent_);
      if (n == -EAGAIN) return false;
      if (n < 0) {
        give_up_sending();
        return true;
      }
      unsent_ = unsent_.subspan(static_cast<std::size_t>(n));
    }
    return true;
  }

  // A peer that has closed may have answered first.
  void give_up_sending() {
    unsent_ = {};
    send_failed_ = true;
  }

  void receive() {
    const auto buffer = poller().scratch();
    for (int i = 0; i < reads_at_once; ++i) {
      std::size_t size = 0;
      if (tls_) {
        const auto step = tls_->read(buffer, size);
        if (step == TlsClient::Step::again) return;
        if (step == TlsClient::Step::closed) return finish(judge_.closed());
        if (step == TlsClient::Step::failed) return finish(tls_->finding());
      } else {
        const long n = receive_some(buffer);
        if (n == -EAGAIN) return;
        if (n < 0)
          return finish(exchange_failure(static_cast<int>(-n), "while the answer was read"));
        if (n == 0) return finish(judge_.closed());
        size = static_cast<std::size_t>(n);
      }
      if (!result().times.first_byte) result().times.first_byte = elapsed();
      if (auto finding = judge_.feed({buffer.data(), size})) return finish(*std::move(finding));
    }
    yield_reading();
  }

  const HttpTarget& target_;
  ssl_ctx_st* const tls_context_;  // null: plain HTTP
  std::optional<TlsClient> tls_;
  std::span<const char> unsent_;
  bool send_failed_ = false;
  HttpJudge judge_;
};

ProbeResult cannot_probe(std::string reason) {
  ProbeResult result;
  result.failure = FailureClass::local;
  result.reason = std::move(reason);
  return result;
}

class HttpProber final : public Prober {
 public:
  HttpProber(asio::io_context& context, const TargetSpec& spec, TlsContexts& contexts)
      : poller_(Poller::of(context)), contexts_(contexts) {
    target_.endpoint = {asio::ip::make_address(spec.address), effective_port(spec.monitor)};
    target_.timeout = spec.monitor.timeout;
    target_.rule = HttpRule(spec.monitor);
    if (auto request = build_request(spec.monitor, spec.service)) {
      target_.request = *std::move(request);
    } else {
      unusable_ = std::move(request).error().text;
    }
    if (spec.monitor.protocol == Protocol::https) {
      target_.tls_name = tls_name(host_of(spec.monitor, spec.service));
      policy_.emplace(TlsPolicy{spec.monitor.tls.verify, spec.monitor.tls.ca_file});
    }
  }

  awaitable<ProbeResult> run(TimePoint deadline) override {
    if (!unusable_.empty()) co_return cannot_probe(unusable_);
    if (policy_ && generation_ != contexts_.generation()) {
      if (auto trouble = refresh(); !trouble.empty()) co_return cannot_probe(std::move(trouble));
    }
    const TlsContexts::Context context = context_;  // a reload may replace it meanwhile
    HttpAttempt attempt(poller_, target_, context.get());
    co_return co_await attempt.run(deadline);
  }

 private:
  std::string refresh() {
    const auto generation = contexts_.generation();
    auto got = contexts_.get(*policy_, Clock::now());
    if (!got) return std::move(got).error().text;
    context_ = *std::move(got);
    generation_ = generation;
    return {};
  }

  Poller& poller_;
  TlsContexts& contexts_;
  HttpTarget target_;
  std::string unusable_;
  std::optional<TlsPolicy> policy_;  // absent: plain HTTP
  TlsContexts::Context context_;
  std::uint64_t generation_ = 0;
};

}  // namespace

std::unique_ptr<Prober> make_http_prober(asio::io_context& context, const TargetSpec& target,
                                         TlsContexts& contexts) {
  return std::make_unique<HttpProber>(context, target, contexts);
}

}  // namespace hotswapd
