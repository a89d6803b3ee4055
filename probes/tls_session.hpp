// The TLS session that a prober keeps of its target, so that most handshakes are short, and the
// rules that make some of them full. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/time.hpp"

namespace hotswapd {

// What came of a handshake that may be made short the next time.
struct TlsTicket {
  std::string bytes;     // the session, serialised; empty: there is none to keep
  bool resumed = false;  // the handshake was a short one itself
  Seconds lifetime{0};   // how long the server takes it
  std::optional<WallTime> certificate_ends;  // of a full, verified handshake
};

// Belongs to one prober: one address, one name, one policy. A short handshake shows no certificate,
// so at least every tenth is full, and none is short when the certificate has ended or the trust
// was read again. Anything but a pass forgets the session.
class KeptSession {
 public:
  static constexpr int most_in_sequence = 9;
  static constexpr std::size_t largest = 1024;  // bytes; a larger one is not worth its memory
  static constexpr Seconds oldest = std::chrono::hours(24);

  // The session to offer now; empty: the handshake is to be full.
  std::string_view offer(const Moment& now, std::uint64_t trust) const;

  // After an attempt that passed. `interval`: when it would be wanted again.
  void keep(TlsTicket ticket, const Moment& now, std::uint64_t trust, Millis interval);
  void forget() noexcept;

  std::size_t bytes() const noexcept { return bytes_.capacity(); }

 private:
  std::string bytes_;
  std::uint64_t trust_ = 0;  // generation of the certificates that it was verified with
  TimePoint expires_;
  std::optional<WallTime> certificate_ends_;
  int short_ones_ = 0;  // in sequence
};

// A serialised SSL_SESSION (i2d_SSL_SESSION) without the server's certificate, which is most of it
// and which no client needs again; what is no such thing comes back empty.
std::string without_certificate(std::string_view session);

}  // namespace hotswapd
