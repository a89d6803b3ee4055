#include "dns/dyn_session.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <boost/json/value.hpp>
#include <utility>

#include "core/text.hpp"
#include "net/sleep.hpp"

namespace hotswapd {
namespace {

using dyn_api::Request;
using dyn_api::Verdict;

constexpr std::size_t at_pace = 5;
constexpr Millis one_exchange{6'000};  // a longer request is answered as a job
constexpr int most_busy = 3;
constexpr Millis first_quiet{5'000};
constexpr Millis longest_quiet{60'000};
constexpr Millis shut_for{60'000};
constexpr Millis longest_backoff{30'000};
constexpr std::array<Millis, 5> blocked_pauses{Millis(1'000), Millis(3'000), Millis(7'000),
                                               Millis(15'000), Millis(31'000)};

Millis backoff(int failures) {
  return std::min(longest_backoff, Millis(1'000) * (1 << std::clamp(failures - 1, 0, 5)));
}

Error unavailable(std::string text) {
  return {errc::unavailable, std::move(text)};
}

}  // namespace

DynAccount::~DynAccount() {
  OPENSSL_cleanse(password.data(), password.size());
}

void DynSession::configure(std::shared_ptr<const DynAccount> account, HttpSend send) {
  around_.send = std::move(send);
  if (account_ && *account_ == *account) return;
  account_ = std::move(account);
  forget();
  shut_until_ = TimePoint();
}

void DynSession::forget() noexcept {
  OPENSSL_cleanse(token_.data(), token_.size());
  token_.clear();
  times_busy_ = 0;
}

Error DynSession::throttled(const Answer& answer) {
  quiet_step_ = std::clamp(quiet_step_ * 2, first_quiet, longest_quiet);
  const Millis pause = answer.pause ? Millis(*answer.pause) : quiet_step_;
  quiet_until_ = Clock::now() + pause;
  Error out = unavailable("the API asks for fewer requests: " + answer.text);
  out.hint.hurdle = Hurdle::throttled;
  out.hint.retry_after = pause;
  return out;
}

Error DynSession::shut(std::string why) {
  shut_until_ = Clock::now() + shut_for;
  shut_why_ = std::move(why);
  return {errc::refused, shut_why_, {Hurdle::configuration}};
}

awaitable<bool> DynSession::wait(Millis duration, TimePoint deadline) {
  if (Clock::now() + duration >= deadline) co_return false;
  const auto executor = around_.executor;
  co_await sleep_for(executor, duration);
  co_return !co_await being_stopped();
}

awaitable<Fallible<dyn_api::Answer>> DynSession::exchange(Request request, TimePoint deadline) {
  const auto now = Clock::now();
  if (sent_.size() == at_pace) {
    const auto free = sent_.front() + around_.pauses.pace;
    sent_.pop_front();
    if (free > now) {
      const auto pause = std::chrono::ceil<Millis>(free - now);
      const bool waited = co_await wait(pause, deadline);
      if (!waited) co_return Error{errc::timed_out, "no time left for a request"};
    }
  }
  sent_.push_back(Clock::now());
  HttpCall call;
  call.method = std::move(request.method);
  call.url = account_->url + request.path;
  call.headers.push_back({"API-Version", "current"});
  if (!token_.empty()) call.headers.push_back({"Auth-Token", token_});
  if (!request.body.empty()) call.headers.push_back({"Content-Type", "application/json"});
  call.body = std::move(request.body);
  call.deadline = std::min(deadline, Clock::now() + one_exchange);
  call.secrets.push_back(account_->password);
  if (!token_.empty()) call.secrets.push_back(token_);
  const auto redactor = call;
  const auto send = around_.send;
  const auto reply = co_await send(std::move(call));
  if (!reply) co_return reply.error();
  const auto wall = around_.wall_clock();
  auto answer = dyn_api::judge(*reply, wall);
  answer.text = redacted(answer.text, redactor);
  co_return answer;
}

awaitable<Fallible<dyn_api::Answer>> DynSession::finish(Request request, TimePoint deadline) {
  const bool asks = request.method == "GET";
  auto answer = co_await exchange(std::move(request), deadline);
  const auto poll_pause = around_.pauses.poll;
  while (answer && answer->verdict == Verdict::running) {
    const auto job = answer->job;
    const bool waited = co_await wait(poll_pause, deadline);
    auto poll = dyn_api::poll_job(job);
    if (waited) {
      answer = co_await exchange(std::move(poll), deadline);
      const bool silent =
          !answer || answer->verdict == Verdict::ill || answer->verdict == Verdict::garbage;
      if (!silent) continue;
      // Asking after it changes nothing: once more, as long as there is time.
      Answer still;
      still.verdict = Verdict::running;
      still.job = job;
      answer = std::move(still);
      continue;
    }
    forget();  // this session can do nothing else until it has ended
    co_return Error{asks ? errc::timed_out : errc::unknown_fate,
                    "job " + job + " had not ended in time"};
  }
  co_return answer;
}

awaitable<Fallible<void>> DynSession::log_in(TimePoint deadline) {
  if (Clock::now() < shut_until_)
    co_return Error{errc::refused, shut_why_ + " (tried once a minute)", {Hurdle::configuration}};
  auto request = dyn_api::log_in(account_->customer, account_->user, account_->password);
  auto answer = co_await exchange(std::move(request), deadline);
  if (!answer) {
    // Lost or not: it has not given us a token.
    auto error = answer.error();
    if (error.code == errc::unknown_fate) error.code = errc::unavailable;
    co_return error;
  }
  const auto* token = dyn_api::member(answer->data, "token");
  switch (answer->verdict) {
    case Verdict::success:
      break;
    case Verdict::throttled:
      co_return throttled(*answer);
    case Verdict::ill:
    case Verdict::garbage:
    case Verdict::running:
    case Verdict::blocked:
    case Verdict::busy:
      co_return unavailable("log-in: the API " + answer->text);
    default:
      co_return shut("log-in refused: " + answer->text);
  }
  if (token == nullptr || !token->is_string() || token->as_string().empty())
    co_return unavailable("log-in: the API gives no token");
  token_ = std::string(token->as_string());
  ++number_;
  co_return Fallible<void>();
}

awaitable<void> DynSession::end(TimePoint deadline) {
  if (token_.empty()) co_return;
  auto request = dyn_api::log_out();
  co_await exchange(std::move(request), deadline);  // it expires where this is not heard
  forget();
}

// True when it no longer blocks, or has had its time.
awaitable<bool> DynSession::wait_for_task(std::string task, int tries, TimePoint deadline) {
  if (task.empty()) {
    const auto step =
        std::min<std::size_t>(static_cast<std::size_t>(tries), blocked_pauses.size() - 1);
    const auto pause = blocked_pauses[step];
    const bool waited = co_await wait(pause, deadline);
    co_return waited;
  }
  const auto poll_pause = around_.pauses.poll;
  for (;;) {
    const bool waited = co_await wait(poll_pause, deadline);
    if (!waited) co_return false;
    auto poll = dyn_api::poll_task(task);
    const auto answer = co_await exchange(std::move(poll), deadline);
    if (!answer) continue;
    if (answer->verdict != Verdict::success || !dyn_api::task_blocks(answer->data)) co_return true;
  }
}

awaitable<Fallible<dyn_api::Answer>> DynSession::call(Request request, Rules rules,
                                                      TimePoint deadline) {
  const bool asks = request.method == "GET";
  const bool may_repeat = rules.repeat || asks;
  bool logged_in = false;  // within this call
  bool in_doubt = false;   // an earlier try may have been done
  int failures = 0;
  int blocked = 0;
  const auto given_up = [&in_doubt](Error error) {
    if (in_doubt && error.hint.hurdle != Hurdle::configuration) error.code = errc::unknown_fate;
    return error;
  };
  if (const auto now = Clock::now(); now < quiet_until_) {
    Error out = unavailable("the API asked for fewer requests");
    out.hint.hurdle = Hurdle::throttled;
    out.hint.retry_after = std::chrono::ceil<Millis>(quiet_until_ - now);
    co_return out;
  }
  for (;;) {
    if (token_.empty()) {
      if (!rules.log_in) co_return given_up(unavailable("the session was lost"));
      auto done = co_await log_in(deadline);
      if (!done) co_return given_up(done.error());
      logged_in = true;
    }
    auto copy = request;
    auto answer = co_await finish(std::move(copy), deadline);
    std::string trouble;
    bool maybe_done = false;
    if (!answer) {
      const auto& error = answer.error();
      if (error.code == errc::refused || error.code == errc::invalid_argument)
        co_return given_up(error);
      if (token_.empty()) co_return error;  // its job runs on without us
      trouble = error.text;
      maybe_done = !asks && error.code == errc::unknown_fate;
    } else {
      switch (answer->verdict) {
        case Verdict::ill:
        case Verdict::garbage:
          trouble = "the API " + answer->text;
          maybe_done = !asks;
          break;
        case Verdict::session:
          forget();
          if (logged_in) co_return given_up(shut("a new session was refused: " + answer->text));
          continue;
        case Verdict::throttled:
          co_return given_up(throttled(*answer));
        case Verdict::blocked: {
          auto task = answer->task;
          const bool free = co_await wait_for_task(std::move(task), blocked++, deadline);
          if (!free) co_return given_up(unavailable("the zone is blocked: " + answer->text));
          continue;
        }
        case Verdict::busy: {
          if (++times_busy_ > most_busy) {
            forget();
            continue;
          }
          const auto busy_pause = around_.pauses.busy;
          const bool waited = co_await wait(busy_pause, deadline);
          if (!waited) co_return given_up(unavailable(answer->text));
          continue;
        }
        default:
          quiet_step_ = Millis(0);
          times_busy_ = 0;
          co_return std::move(answer);
      }
    }
    in_doubt = in_doubt || maybe_done;
    if (maybe_done && !may_repeat) co_return Error{errc::unknown_fate, trouble};
    const auto pause = backoff(++failures);
    const bool waited = co_await wait(pause, deadline);
    if (!waited) co_return given_up(unavailable(trouble));
  }
}

}  // namespace hotswapd
