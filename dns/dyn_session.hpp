// One session with a Dyn style API: logs in when it has to, paces, follows jobs, and repeats what
// may be repeated.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "dns/dyn_api.hpp"
#include "net/http_send.hpp"

namespace hotswapd {

// Wipes the password at its end.
struct DynAccount {
  DynAccount() = default;
  DynAccount(const DynAccount&) = default;
  DynAccount& operator=(const DynAccount&) = default;
  ~DynAccount();
  bool operator==(const DynAccount&) const = default;

  std::string url;  // "https://api.dynect.net/REST", without a final slash
  std::string customer;
  std::string user;
  std::string password;
};

// How long it waits of its own accord.
struct DynPauses {
  Millis pace{1'000};  // in which no more than five requests are made: what Dyn allows an account
  Millis poll{1'000};  // between two looks at a job or a task
  Millis busy{5'000};  // before a session that has something else to do is asked again
};

// Used by one coroutine at a time: the API serves the requests of a session one after the other.
// A log-in that was refused is not tried again within a minute, by whomever.
class DynSession {
 public:
  struct Surroundings {
    asio::any_io_executor executor;
    HttpSend send;
    std::function<WallTime()> wall_clock;
    DynPauses pauses{};
  };

  // What may be done when a request does not come through.
  struct Rules {
    bool repeat = false;  // twice is as good as once
    bool log_in = false;  // it does not build on what this session did before
  };

  explicit DynSession(Surroundings around) : around_(std::move(around)) {}

  // Another account begins another session, another password as well.
  void configure(std::shared_ptr<const DynAccount> account, HttpSend send);

  // The answer is one of success, not_found, no_zone, form, not_allowed and failed. The error's
  // code: refused (credentials, certificate), unknown_fate (it may have been done), else it has
  // certainly not been done; throttled is in the hint. Completes by the deadline.
  awaitable<Fallible<dyn_api::Answer>> call(dyn_api::Request request, Rules rules,
                                            TimePoint deadline);

  // Logs out, by the deadline; nothing where there is no session.
  awaitable<void> end(TimePoint deadline);

  // Which session it is: changes that are not published belong to one, and go with it.
  std::uint64_t number() const noexcept { return number_; }
  bool alive() const noexcept { return !token_.empty(); }
  asio::any_io_executor executor() const { return around_.executor; }

 private:
  using Answer = dyn_api::Answer;

  awaitable<Fallible<void>> log_in(TimePoint deadline);
  // One request, one answer, whatever it is; the error is the transport's.
  awaitable<Fallible<Answer>> exchange(dyn_api::Request request, TimePoint deadline);
  // The same, followed to the end of its job.
  awaitable<Fallible<Answer>> finish(dyn_api::Request request, TimePoint deadline);
  awaitable<bool> wait(Millis duration, TimePoint deadline);
  awaitable<bool> wait_for_task(std::string task, int tries, TimePoint deadline);
  Error throttled(const Answer& answer);
  Error shut(std::string why);
  void forget() noexcept;

  Surroundings around_;
  std::shared_ptr<const DynAccount> account_;
  std::string token_;
  std::uint64_t number_ = 0;
  std::deque<TimePoint> sent_;  // the last few, for the pace
  TimePoint quiet_until_;       // the API asked for less
  Millis quiet_step_{0};
  TimePoint shut_until_;  // no log-in before: the last one was refused
  std::string shut_why_;
  int times_busy_ = 0;
};

}  // namespace hotswapd
