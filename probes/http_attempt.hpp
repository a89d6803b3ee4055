// One HTTP exchange over one connection: the request out, the answer judged as it comes.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "probes/attempt.hpp"
#include "probes/http_judge.hpp"
#include "probes/tls_client.hpp"

namespace hotswapd {

// Where to, and what is said there. What it refers to outlives the attempt.
struct HttpExchange {
  asio::ip::tcp::endpoint endpoint;
  std::string_view request;
  const std::string& tls_name;  // SNI, and what the certificate must be for; only with TLS
};

// What it refers to outlives it.
class HttpAttempt final : public Attempt {
 public:
  // `tls_context`: null for plain HTTP. `session`: to be resumed, if that can be; empty: none. A
  // handshake with one has a part of the time only: it is the caller's to make a full one in the
  // rest.
  HttpAttempt(Poller& owner, const HttpExchange& exchange, const HttpRule& rule, Millis timeout,
              ssl_ctx_st* tls_context, std::string_view session = {});

  // After the end: the Location that is to be followed, when the result is no verdict yet.
  const std::string* redirect() const noexcept { return finished() ? judge_.redirect() : nullptr; }
  int status() const noexcept { return judge_.status(); }
  // After the end: what there is to keep of the TLS connection.
  TlsTicket ticket() const { return tls_ ? tls_->ticket() : TlsTicket(); }

 private:
  void on_connected(std::uint32_t events) override;
  void on_ready(std::uint32_t events) override { advance(events); }
  const char* waiting_for() const override;
  void advance(std::uint32_t events);
  bool shake();
  bool send();
  void wait_for_more() noexcept;
  void give_up_sending();
  void receive();

  const std::string& tls_name_;
  ssl_ctx_st* const tls_context_;
  const std::string_view session_;
  std::optional<TlsClient> tls_;
  std::span<const char> unsent_;
  bool send_failed_ = false;
  HttpJudge judge_;
};

}  // namespace hotswapd
