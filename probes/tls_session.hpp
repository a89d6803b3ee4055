// The TLS session that a prober keeps of its target, so that most handshakes are short, and the
// rules that make some of them full. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/kept_text.hpp"
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
//
// Some servers, and boxes on the way, lose a ClientHello with a session, which makes it larger than
// one segment. So a handshake with a session has a quarter of the time that is left, and then there
// is a full one in the rest; when that one is answered, no session is offered for a long while. And
// none is kept of a handshake that took an eighth of the timeout: a target that needs so long is
// given all of it.
class KeptSession {
 public:
  static constexpr int most_in_sequence = 9;
  static constexpr int share_of_time = 4;
  static constexpr int full_ones_after_refusal = 100;
  static constexpr std::size_t largest = 1024;  // bytes; a larger one is not worth its memory
  static constexpr Seconds oldest = std::chrono::hours(24);

  // The session to offer now; empty: the handshake is to be full.
  std::string_view offer(const Moment& now, std::uint64_t trust) const;

  // What decides whether an attempt that passed leaves a session behind.
  struct Wish {
    Millis interval;   // when it would be wanted again
    Millis timeout;    // of an attempt
    Micros handshake;  // how long it took
  };
  void keep(TlsTicket ticket, const Moment& now, std::uint64_t trust, const Wish& wish);
  // Offering it failed where a full handshake did not.
  void refused() noexcept;
  void forget() noexcept;

  std::size_t bytes() const noexcept { return bytes_.view().size(); }

 private:
  KeptText bytes_;
  std::uint64_t trust_ = 0;  // generation of the certificates that it was verified with
  TimePoint expires_;
  MaybeTime<WallTime> certificate_ends_;
  std::uint8_t short_ones_ = 0;      // in sequence
  std::uint8_t full_ones_left_ = 0;  // before one is offered again
};

// What a client needs of a serialised SSL_SESSION (i2d_SSL_SESSION) to resume it. Without the
// server's certificate, which is most of it, without what only servers use and the name that it was
// asked for; of TLS 1.3 also without the session's name, which stands for the ticket in caches, and
// its timeout, which the ticket's own lifetime takes the place of. What is no such thing comes back
// empty.
std::string slim_session(std::string_view session);

}  // namespace hotswapd
