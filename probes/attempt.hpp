// One TCP connection to one target under one deadline: what every probe over TCP begins with.
#pragma once

#include <sys/socket.h>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <span>

#include "core/probe_result.hpp"
#include "net/awaitable.hpp"
#include "net/poller.hpp"
#include "probes/finding.hpp"

namespace hotswapd {

// Opens the socket, waits for the connection, tells the derived class, ends at the deadline,
// closes, fills the times. Made for one run() and destroyed after it; everything happens on the
// poller's thread. The peer's close, a reset and our own errors are told apart as PRODUCT §4 says.
class Attempt : private Poller::Watch {
 public:
  Attempt(Poller& poller, const asio::ip::tcp::endpoint& target, Millis timeout);
  ~Attempt() override;

  // Runs the attempt to its end, which is at `deadline` at the latest. Called once.
  // Cancelled (terminal): ends at once, inconclusive, "stopped".
  awaitable<ProbeResult> run(TimePoint deadline);

 protected:
  // The connection stands, the descriptor can be written to. Ends in finish() or in waiting for
  // on_ready().
  virtual void on_connected(std::uint32_t events) = 0;
  // Something may be read or written: go on until EAGAIN.
  virtual void on_ready(std::uint32_t events) = 0;
  // What the attempt was waiting for when its time ran out, once connected: "waiting for the status
  // line".
  virtual const char* waiting_for() const { return "waiting for the answer"; }

  // Ends the attempt; once. The derived class touches nothing of the attempt afterwards.
  void finish(Finding finding);
  bool finished() const noexcept { return finished_; }

  // send() and recv() of the descriptor: bytes moved, 0 at the peer's end (recv), or -errno.
  long send_some(std::span<const char> data) noexcept;
  long receive_some(std::span<char> into) noexcept;
  void yield_reading() noexcept { poller_.again(*this, fd_); }

  int descriptor() const noexcept { return fd_; }
  Poller& poller() noexcept { return poller_; }
  Micros elapsed() const;
  ProbeResult& result() noexcept { return result_; }
  const ProbeResult& result() const noexcept { return result_; }
  void enter(Phase phase) noexcept { result_.phase = phase; }

 private:
  using Resume = asio::any_completion_handler<void()>;

  Resume take_resume();
  void start(TimePoint deadline);
  void ready(std::uint32_t events) final;
  void expired(Clock::duration late) final;
  void abandoned() final;
  void stop();
  void fail_to_connect(int error);
  std::string where() const;
  void close() noexcept;

  Poller& poller_;
  const asio::ip::tcp::endpoint& target_;
  Millis timeout_;  // as configured, for the words
  int fd_ = -1;
  bool connected_ = false;
  bool finished_ = false;
  TimePoint began_;
  ProbeResult result_;
  Resume resume_;
};

}  // namespace hotswapd
