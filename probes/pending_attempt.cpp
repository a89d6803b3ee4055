#include "probes/pending_attempt.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <utility>

namespace hotswapd {
namespace {

// A loop that comes this late to a deadline did not run when the answer may have come: that is our
// fault.
constexpr Clock::duration own_delay = Millis(500);

}  // namespace

awaitable<ProbeResult> PendingAttempt::run(TimePoint deadline) {
  began_ = Clock::now();
  start(deadline);
  if (!finished_) {
    auto wait = [this](auto handler) {
      auto slot = asio::get_associated_cancellation_slot(handler);
      Resume boxed(std::move(handler));
      boxed.swap(resume_);
      if (slot.is_connected()) {
        // Called from inside the emission of the signal, which must be over before the coroutine
        // that owns it goes on.
        slot.assign([this](asio::cancellation_type type) {
          if ((type & asio::cancellation_type::terminal) != asio::cancellation_type::none) {
            finish_later(inconclusive("stopped"));
          }
        });
      }
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(wait, asio::use_awaitable);
  }
  co_return std::move(result_);
}

void PendingAttempt::expired(Clock::duration late) {
  if (late > own_delay) {
    const auto by = std::chrono::duration_cast<Millis>(late);
    return finish(inconclusive("this process was not running for " + seconds_text(by) +
                               " when the deadline passed"));
  }
  finish(out_of_time());
}

void PendingAttempt::abandoned() {
  // The handler owns the coroutine and with it this object: let it go last.
  const Resume doomed = take_resume();
}

void PendingAttempt::finish(Finding finding) {
  if (finished_) return;
  end(std::move(finding));
  if (Resume resume = take_resume()) std::move(resume)();
}

void PendingAttempt::finish_later(Finding finding) {
  if (finished_) return;
  end(std::move(finding));
  if (Resume later = take_resume()) {
    asio::post(poller_.loop(), [resume = std::move(later)]() mutable { std::move(resume)(); });
  }
}

void PendingAttempt::end(Finding finding) {
  finished_ = true;
  result_.verdict = finding.verdict;
  result_.failure = finding.failure;
  result_.reason = std::move(finding.reason);
  result_.times.total = elapsed();
  release();
}

// By swap: the move assignment of any_completion_handler in Boost 1.81 calls itself for ever.
PendingAttempt::Resume PendingAttempt::take_resume() {
  Resume taken;
  taken.swap(resume_);
  return taken;
}

Micros PendingAttempt::elapsed() const {
  return std::chrono::duration_cast<Micros>(Clock::now() - began_);
}

}  // namespace hotswapd
