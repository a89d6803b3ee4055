// The keys of one account: when they are fetched, and who waits for it.
#include "aws/credentials.hpp"

#include <algorithm>
#include <utility>

#include "core/text.hpp"
#include "net/sleep.hpp"

namespace hotswapd::aws {
namespace {

constexpr Seconds longest_flight{20};
constexpr Seconds longest_rest{60};
constexpr std::chrono::minutes ill_rest{2};

}  // namespace

// Ends with the coroutine that makes it, cancelled or not: nobody waits for one that is gone.
struct Credentials::Flight {
  explicit Flight(Credentials& owner) : owner_(owner) { owner_.flying_ = true; }
  ~Flight() {
    owner_.flying_ = false;
    for (auto* timer : owner_.waiting_) timer->cancel();
  }
  Flight(const Flight&) = delete;
  Flight& operator=(const Flight&) = delete;
  Credentials& owner_;
};

WallTime Credentials::now() const {
  return wire_.wall_clock() + wire_.clock_offset;
}

bool Credentials::alive(WallTime at) const {
  return held_ && !refused_ && (!held_->expires || at < *held_->expires || expired_given_);
}

awaitable<void> Credentials::wait(TimePoint deadline) {
  asio::steady_timer timer(wire_.executor, deadline);
  waiting_.push_back(&timer);
  co_await timer.async_wait(nothrow);
  waiting_.erase(std::find(waiting_.begin(), waiting_.end(), &timer));
}

void Credentials::land(const Fallible<Keys>& got, bool in_time) {
  if (got) {
    failures_ = 0;
    held_ = std::make_shared<const Keys>(*got);
    got_ = now();
    refused_ = false;
    expired_given_ = got->expires && *got->expires <= got_;
    not_before_ = expired_given_ ? Clock::now() + ill_rest : TimePoint();
    return;
  }
  last_failure_ = got.error();
  // One whose own time was short says nothing of the source.
  if (!in_time) return;
  const auto rest = std::min<Seconds>(longest_rest, Seconds(1) * (1 << std::min(failures_, 6)));
  ++failures_;
  not_before_ = Clock::now() + rest;
}

awaitable<Fallible<KeysPtr>> Credentials::keys(TimePoint deadline) {
  for (;;) {
    const auto at = now();
    const bool good = alive(at);
    auto need = good ? Renewal::none : Renewal::insist;
    if (good && held_->expires) need = renewal(got_, *held_->expires, at);
    if (need == Renewal::none) co_return held_;
    const bool resting = Clock::now() < not_before_;
    if (good && (resting || (flying_ && need == Renewal::begin))) co_return held_;
    if (resting) co_return last_failure_;
    if (flying_) {
      co_await wait(deadline);
      const bool stopped = co_await being_stopped();
      if (!stopped && Clock::now() < deadline) continue;
      if (alive(now())) co_return held_;
      co_return Error{errc::timed_out, "no keys of AWS in time"};
    }
    const Flight flight(*this);
    const auto until = std::min(deadline, Clock::now() + longest_flight);
    auto got = co_await fetch(until);
    const bool stopped = co_await being_stopped();
    const bool in_time = !stopped && Clock::now() < deadline;
    land(got, in_time);
    if (got || alive(now())) co_return held_;
    co_return last_failure_;
  }
}

void Credentials::refused(const Keys& keys) {
  if (held_ && held_->access_key_id == keys.access_key_id &&
      held_->session_token == keys.session_token) {
    refused_ = true;
    not_before_ = TimePoint();
  }
}

Fallible<Endpoint> Credentials::endpoint(Service service) const {
  EndpointOverrides overrides{options_.endpoints, options_.endpoint_url, {}, {}};
  bool fips = options_.use_fips;
  const auto variable = around_.environment("AWS_USE_FIPS_ENDPOINT");
  if (plan_) {
    overrides.profile_by_service = plan_->endpoints_by_service;
    overrides.profile_for_all = plan_->endpoint_for_all;
    fips = fips || (!variable && plan_->use_fips);
  }
  fips = fips || (variable && lower(*variable) == "true");
  return endpoint_of(service, options_.region, fips,
                     override_of(service, overrides, around_.environment));
}

}  // namespace hotswapd::aws
