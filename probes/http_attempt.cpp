#include "probes/http_attempt.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include <cerrno>
#include <utility>

namespace hotswapd {
namespace {

// A request that may need more than one segment must not wait for acknowledgements; TLS sends
// several short ones anyway.
constexpr std::size_t one_segment = 1200;
// How often a greedy peer may fill our buffer before the other descriptors get their turn.
constexpr int reads_at_once = 8;

}  // namespace

HttpAttempt::HttpAttempt(Poller& owner, const HttpExchange& exchange, const HttpRule& rule,
                         Millis timeout, ssl_ctx_st* tls_context, std::string_view session)
    : Attempt(owner, exchange.endpoint, timeout),
      tls_name_(exchange.tls_name),
      tls_context_(tls_context),
      session_(session),
      unsent_(exchange.request),
      judge_(rule) {}

void HttpAttempt::on_connected(std::uint32_t events) {
  if (tls_context_ != nullptr || unsent_.size() > one_segment) {
    const int on = 1;
    ::setsockopt(descriptor(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  if (tls_context_ != nullptr) {
    enter(Phase::tls);
    tls_.emplace(tls_context_, descriptor(), tls_name_, session_);
    if (!session_.empty()) {
      const TimePoint now = Clock::now();
      hurry(now + (deadline() - now) / KeptSession::share_of_time);
    }
  } else {
    enter(Phase::exchange);
  }
  advance(events);
}

const char* HttpAttempt::waiting_for() const {
  if (result().phase == Phase::tls) return "waiting for the TLS handshake";
  return unsent_.empty() ? judge_.waiting_for() : "sending the request";
}

void HttpAttempt::advance(std::uint32_t events) {
  if (tls_) tls_->begin_turn();
  if (result().phase == Phase::tls && !shake()) return;
  if (!unsent_.empty() && !send()) return;
  // TLS may hold bytes that raise no event any more; a plain socket tells of each.
  if (tls_ || send_failed_ || (events & ~std::uint32_t{EPOLLOUT}) != 0) receive();
}

bool HttpAttempt::shake() {
  switch (tls_->handshake()) {
    case TlsClient::Step::again:
      wait_for_more();
      return false;
    case TlsClient::Step::done:
      result().times.tls = elapsed();
      result().certificate_ends = tls_->certificate_ends();
      enter(Phase::exchange);
      if (!session_.empty()) end_of_hurry();
      return true;
    case TlsClient::Step::closed:
    case TlsClient::Step::failed:
      break;
  }
  finish(tls_->finding());
  return false;
}

bool HttpAttempt::send() {
  if (tls_) {
    const auto step = tls_->write(unsent_);
    if (step == TlsClient::Step::again) {
      wait_for_more();
      return false;
    }
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

// Events come by themselves only for what the kernel has told of and was read to its end.
void HttpAttempt::wait_for_more() noexcept {
  if (tls_->yielded()) yield_reading();
}

// A peer that has closed may have answered first.
void HttpAttempt::give_up_sending() {
  unsent_ = {};
  send_failed_ = true;
}

void HttpAttempt::receive() {
  const auto buffer = poller().scratch();
  for (int i = 0; i < reads_at_once; ++i) {
    std::size_t size = 0;
    if (tls_) {
      const auto step = tls_->read(buffer, size);
      if (step == TlsClient::Step::again) return wait_for_more();
      if (step == TlsClient::Step::closed) return finish(judge_.closed());
      if (step == TlsClient::Step::failed) return finish(tls_->finding());
    } else {
      const long n = receive_some(buffer);
      if (n == -EAGAIN) return;
      if (n < 0) return finish(exchange_failure(static_cast<int>(-n), "while the answer was read"));
      if (n == 0) return finish(judge_.closed());
      size = static_cast<std::size_t>(n);
    }
    if (!result().times.first_byte) result().times.first_byte = elapsed();
    if (auto finding = judge_.feed({buffer.data(), size})) return finish(*std::move(finding));
  }
  yield_reading();
}

}  // namespace hotswapd
