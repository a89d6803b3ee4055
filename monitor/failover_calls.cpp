// One call to a provider: in its turn, with its deadline, and what comes back is heard for what it
// says of the provider.
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/json.hpp>
#include <memory>
#include <utility>

#include "monitor/failover_service.hpp"
#include "monitor/swap_journal.hpp"
#include "monitor/swap_pauses.hpp"
#include "monitor/views.hpp"
#include "net/sleep.hpp"

namespace hotswapd {

awaitable<bool> FailoverService::turn(CallRank rank, std::uint64_t ticket) {
  auto& provider = *provider_;
  const bool patient = !leaving();
  co_return co_await context_.gate.turn(provider, rank, ticket, patient);
}

awaitable<Fallible<LiveRecord>> FailoverService::read_now(Provider& provider) {
  const auto key = model_.spec().key;
  const auto name = model_.spec().provider;  // an edit may come while it is away
  const auto deadline = context_.clocks.steady() + provider.capabilities().read_time;
  auto live = co_await provider.read(key, deadline);
  const bool ours = !ended_ && &provider == provider_;
  if (live || live.error().code == errc::conflict) {
    answered(provider, name);
    if (ours) context_.troubles.read(name, key);
  } else {
    const auto& why = live.error();
    const auto hurdle = hurdle_of(why);
    if (hurdle == Hurdle::configuration) answered(provider, name);
    hindered(provider, name, why.hint, hurdle, why.text);
    if (ours) context_.troubles.read_failed(name, key, why);
  }
  context_.gate.called(provider);
  co_return live;
}

awaitable<ApplyResult> FailoverService::apply_now(Provider& provider, SwapPlan plan) {
  const auto key = plan.key;
  const auto name = model_.spec().provider;
  const auto deadline = context_.clocks.steady() + provider.capabilities().write_time;
  auto answer = co_await provider.apply(std::move(plan), deadline);
  Hint hint = answer.hint;
  hint.hurdle = hurdle_of(answer);
  const bool done = answer.outcome == SwapOutcome::applied ||
                    answer.outcome == SwapOutcome::already ||
                    answer.outcome == SwapOutcome::conflict;
  if (done || hint.hurdle == Hurdle::configuration) answered(provider, name);
  hindered(provider, name, hint, hint.hurdle, answer.detail);
  if (!ended_ && &provider == provider_)
    context_.troubles.write_failed(name, key, hint, answer.detail);
  context_.gate.called(provider);
  co_return answer;
}

// What an answer says of the provider, whatever it was about: it takes calls. Silence does not say
// that, nor does an answer to what was under way when somebody else was told to stay away.
void FailoverService::answered(const Provider& provider, const std::string& name) {
  if (context_.gate.left_alone_until(provider)) return;
  context_.gate.not_throttled(provider);
  context_.troubles.not_throttled(name);
}

void FailoverService::hindered(Provider& provider, const std::string& name, const Hint& hint,
                               Hurdle hurdle, const std::string& text) {
  if (hurdle == Hurdle::throttled) {
    const auto until = context_.gate.throttled(provider, hint.retry_after);
    provider.leave_alone(until);
    context_.troubles.throttled(name, until, text);
  }
  if (hurdle == Hurdle::configuration && &provider == provider_)
    slow_until_ = context_.clocks.steady() + jittered_up(refused_pause);
}

// A pause that an edit or the end of the service cuts short, and an operator's word; one after a
// refusal only what may have put that right.
awaitable<void> FailoverService::rest(Millis duration, bool after_refusal) {
  static constexpr Millis longest_nap{200};
  const auto until = context_.clocks.steady() + duration;
  const bool ended = ended_;
  const auto words = words_;
  for (;;) {
    const auto left = std::chrono::ceil<Millis>(until - context_.clocks.steady());
    const bool spoken = after_refusal ? !refused_lately() : words != words_;
    if (ended != ended_ || spoken || left <= Millis(0)) co_return;
    const auto nap = std::min(left, longest_nap);
    co_await context_.clocks.sleep(nap);
    if (co_await being_stopped()) co_return;
  }
}

}  // namespace hotswapd
