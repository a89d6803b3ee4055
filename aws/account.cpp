// One account of AWS.
#include "aws/account.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "aws/credential_wire.hpp"
#include "core/text.hpp"
#include "net/sleep.hpp"

namespace hotswapd::aws {
namespace {

// Route 53 serves five requests a second of one account, whoever in it makes them.
constexpr Millis route53_pace{250};

CallError call_error(Error error) {
  CallError out;
  static_cast<Error&>(out) = std::move(error);
  return out;
}

}  // namespace

struct Account::State {
  State(const Surroundings& around, AccountOptions given)
      : options(std::move(given)),
        wire{around.executor,
             around.send,
             around.wall_clock,
             "hotswapd",
             Millis(0),
             around.clock_learnt,
             {},
             std::minstd_rand(around.seed)},
        credentials(wire, {around.direct, around.environment, around.read}, options) {}

  AccountOptions options;
  Wire wire;
  Credentials credentials;
  bool account_checked = false;
  TimePoint next_route53{};
};

Account::Account(Surroundings around, AccountOptions options)
    : state_(std::make_shared<State>(around, std::move(options))), around_(std::move(around)) {}

Account::~Account() = default;

const std::string& Account::name() const noexcept {
  return state_->options.name;
}

void Account::reconfigure(AccountOptions options) {
  if (options == state_->options) return;
  const auto pace = state_->next_route53;
  state_ = std::make_shared<State>(around_, std::move(options));
  state_->next_route53 = pace;
}

namespace {

awaitable<Called<HttpReply>> compare_accounts(Wire& wire, Credentials& credentials,
                                              std::string wanted, TimePoint deadline) {
  auto at = credentials.endpoint(Service::sts);
  if (!at) co_return call_error({errc::refused, at.error().text});
  Operation operation;
  operation.method = "POST";
  operation.content_type = form_type;
  operation.body = caller_identity_form();
  auto where = std::move(*at);
  auto reply =
      co_await exchange(wire, credentials, std::move(where), std::move(operation), deadline);
  if (!reply) co_return reply;
  const auto account = read_caller_account(reply->body);
  if (!account) co_return call_error(account.error());
  if (*account != wanted) {
    co_return call_error({errc::refused, "the keys belong to the account " + *account +
                                             ", and the configuration says " + wanted});
  }
  co_return reply;
}

}  // namespace

awaitable<Called<HttpReply>> Account::call(Operation operation, TimePoint deadline) {
  const auto state = state_;
  // The profile that gives the keys may name the endpoint, too.
  const auto keys = co_await state->credentials.keys(deadline);
  if (!keys) co_return call_error(keys.error());
  auto at = state->credentials.endpoint(operation.service);
  if (!at) co_return call_error({errc::refused, at.error().text});
  if (!state->account_checked && !state->options.account_id.empty()) {
    auto wanted = state->options.account_id;
    auto& wire = state->wire;
    auto& credentials = state->credentials;
    auto same = co_await compare_accounts(wire, credentials, std::move(wanted), deadline);
    if (!same) co_return same;
    state->account_checked = true;
  }
  if (operation.service == Service::route53) {
    const auto now = Clock::now();
    const auto turn = std::max(now, state->next_route53);
    if (turn >= deadline) {
      co_return call_error({errc::unavailable,
                            "too many calls of Route 53 wait for their turn",
                            {Hurdle::throttled, Seconds(1), {}}});
    }
    state->next_route53 = turn + route53_pace;
    if (turn > now) {
      const auto executor = state->wire.executor;
      co_await sleep_for(executor, std::chrono::ceil<Millis>(turn - now));
    }
  }
  auto& wire = state->wire;
  auto& credentials = state->credentials;
  auto where = std::move(*at);
  co_return co_await exchange(wire, credentials, std::move(where), std::move(operation), deadline);
}

Environment process_environment() {
  return [](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
}

}  // namespace hotswapd::aws
