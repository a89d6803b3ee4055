// A TLS client over one non-blocking socket, with reasons that an operator can act on.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/time.hpp"
#include "probes/finding.hpp"
#include "probes/tls_session.hpp"

struct ssl_st;
struct ssl_ctx_st;
struct bio_method_st;

namespace hotswapd {

class TlsClient {
 public:
  // `name`: SNI (unless it is an address) and what the certificate must be for. `fd` stays the
  // caller's.
  // `session`: one to resume, from ticket() of an earlier connection to the same server under the
  // same name and context; empty, or one that cannot be used: the handshake is full.
  TlsClient(ssl_ctx_st* context, int fd, const std::string& name, std::string_view session = {});
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  enum class Step : unsigned char { done, again, closed, failed };

  // Each goes on until it is done, would block (`again`), met the peer's end (`closed`) or failed:
  // finding().
  Step handshake();
  Step write(std::span<const char>& data);              // cuts what was written from the front
  Step read(std::span<char> into, std::size_t& bytes);  // done: `bytes` were read

  const Finding& finding() const noexcept { return finding_; }

  // After a full handshake that was verified: when the server's certificate stops being valid.
  std::optional<WallTime> certificate_ends() const;

  // What there is to keep of this connection. The answer must have been read: servers send what is
  // to be kept before it.
  TlsTicket ticket() const;

 private:
  friend struct TlsVerify;
  void offer(std::string_view session);
  Step explain(int outcome, const char* doing);
  Finding explain_verification(long code) const;

  struct Free {
    void operator()(ssl_st* ssl) const noexcept;
  };
  std::string name_;
  int io_error_ = 0;  // errno of the last send or recv that failed for good
  bool shaken_ = false;
  bool end_ = false;  // recv() said that the peer has closed
  int fd_;
  Finding finding_;
  std::string certificate_;  // what the failing certificate says about itself, for the reason
  std::unique_ptr<ssl_st, Free> ssl_;

  friend struct TlsBio;
};

}  // namespace hotswapd
