// What every attempt has, whatever its protocol: a result on its way, a coroutine that waits for
// it, and a deadline.
#pragma once

#include <boost/asio/any_completion_handler.hpp>
#include <cstdint>

#include "core/probe_result.hpp"
#include "net/awaitable.hpp"
#include "net/poller.hpp"
#include "probes/finding.hpp"

namespace hotswapd {

// Made for one run() and destroyed after it; everything happens on the poller's thread. The derived
// class calls release() in its destructor.
class PendingAttempt : protected Poller::Watch {
 public:
  // Runs the attempt to its end, which is at `deadline` at the latest. Called once.
  // Cancelled (terminal): ends at once, inconclusive, "stopped".
  awaitable<ProbeResult> run(TimePoint deadline);

 protected:
  explicit PendingAttempt(Poller& poller) noexcept : poller_(poller) {}

  // Begins, with this watch in the poller, or ends at once in finish().
  virtual void start(TimePoint deadline) = 0;
  // The words for a deadline that passed. May end the attempt instead, in finish_later().
  virtual Finding out_of_time() = 0;
  // Gives back what the attempt holds, its place in the poller too. Called more than once.
  virtual void release() noexcept = 0;

  // Ends the attempt; once. The derived class touches nothing of the attempt afterwards.
  void finish(Finding finding);
  // The same from inside another coroutine's step: who waits goes on in a turn of its own.
  void finish_later(Finding finding);
  bool finished() const noexcept { return finished_; }

  Poller& poller() noexcept { return poller_; }
  TimePoint began() const noexcept { return began_; }
  Micros elapsed() const;
  ProbeResult& result() noexcept { return result_; }
  const ProbeResult& result() const noexcept { return result_; }
  void enter(Phase phase) noexcept { result_.phase = phase; }

 private:
  using Resume = asio::any_completion_handler<void()>;

  Resume take_resume();
  void end(Finding finding);
  void expired(Clock::duration late) final;
  void abandoned() final;

  Poller& poller_;
  bool finished_ = false;
  TimePoint began_;
  ProbeResult result_;
  Resume resume_;
};

}  // namespace hotswapd
