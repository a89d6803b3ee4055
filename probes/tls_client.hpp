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

  // OpenSSL reads on by itself as long as there is something that is no answer (tickets, key
  // updates, pieces of a handshake). So what is read between two calls of begin_turn() is bounded:
  // `again` with yielded() means that there may be more, of which no event will tell. And so is the
  // whole of it: a peer that goes on for ever has failed.
  void begin_turn() noexcept;
  bool yielded() const noexcept { return yielded_; }
  static constexpr int reads_at_once = 64;  // a record takes two
  static constexpr std::size_t bytes_at_once = 128 * 1024;
  // A handshake has ten at most and two or three tickets follow.
  static constexpr int most_messages = 100;
  // The largest answer that is read, its chunks' overhead included, has half of it, the largest
  // chain of certificates 100 KiB.
  static constexpr std::size_t most_bytes = 4 * 1024 * 1024;

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
  const char* excess() const noexcept;
  Step explain(int outcome, const char* doing);
  Finding explain_verification(long code) const;

  struct Free {
    void operator()(ssl_st* ssl) const noexcept;
  };
  std::string name_;
  int io_error_ = 0;  // errno of the last send or recv that failed for good
  bool shaken_ = false;
  bool end_ = false;  // recv() said that the peer has closed
  bool yielded_ = false;
  bool wants_certificate_ = false;  // ours
  int reads_left_ = reads_at_once;
  std::size_t bytes_left_ = bytes_at_once;  // of this turn
  std::size_t bytes_ = 0;                   // received in all
  int messages_ = 0;                        // of handshakes, tickets and key updates among them
  int fd_;
  Finding finding_;
  std::string certificate_;  // what the failing certificate says about itself, for the reason
  std::unique_ptr<ssl_st, Free> ssl_;

  friend struct TlsBio;
};

}  // namespace hotswapd
