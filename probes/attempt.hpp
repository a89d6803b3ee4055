// One TCP connection to one target under one deadline: what every probe over TCP begins with.
#pragma once

#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <span>

#include "probes/pending_attempt.hpp"

namespace hotswapd {

// Opens the socket, waits for the connection, tells the derived class, ends at the deadline,
// closes, fills the times. The peer's close, a reset and our own errors are told
// apart.
class Attempt : public PendingAttempt {
 public:
  Attempt(Poller& poller, const asio::ip::tcp::endpoint& target, Millis timeout);
  ~Attempt() override;

 protected:
  // The connection stands, the descriptor can be written to; or it stood, and the peer has reset it
  // already, which sending and receiving will tell. Ends in finish() or in waiting for
  // on_ready().
  virtual void on_connected(std::uint32_t events) = 0;
  // Something may be read or written: go on until EAGAIN.
  virtual void on_ready(std::uint32_t events) = 0;
  // What the attempt was waiting for when its time ran out, once connected: "waiting for the status
  // line".
  virtual const char* waiting_for() const { return "waiting for the answer"; }

  // send() and recv() of the descriptor: bytes moved, 0 at the peer's end (recv), or -errno.
  long send_some(std::span<const char> data) noexcept;
  long receive_some(std::span<char> into) noexcept;
  void yield_reading() noexcept { poller().again(*this, fd_); }

  // A deadline before the attempt's own, for a part of it; and back to its own.
  void hurry(TimePoint deadline) { poller().set_deadline(*this, deadline); }
  void end_of_hurry() { poller().set_deadline(*this, deadline_); }
  TimePoint deadline() const noexcept { return deadline_; }

  int descriptor() const noexcept { return fd_; }
  // Leaves the connection, still open and watched until `deadline`, to another watch: for what is
  // to be said after the verdict.
  int hand_over(Poller::Watch& heir, TimePoint deadline);
  // Closes now, and not by the reset that otherwise ends an attempt.
  void close_in_order() noexcept;

 private:
  void start(TimePoint deadline) final;
  Finding out_of_time() final;
  void release() noexcept final;
  void ready(std::uint32_t events) final;
  void fail_to_begin(int error);    // at once
  void fail_to_connect(int error);  // later
  std::string where() const;

  const asio::ip::tcp::endpoint& target_;
  Millis timeout_;  // as configured, for the words
  TimePoint deadline_;
  int fd_ = -1;
  bool connected_ = false;
  int reset_ = 0;  // errno of a reset that came before we looked, and is said when all is read
};

}  // namespace hotswapd
