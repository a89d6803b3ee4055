// One operation of AWS: signed, sent, judged, tried again.
#include "aws/exchange.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>

#include "aws/sigv4.hpp"
#include "net/sleep.hpp"

namespace hotswapd::aws {
namespace {

constexpr std::size_t largest_answer = std::size_t{4} * 1024 * 1024;

CallError call_error(Error error, ServiceError service = {}) {
  CallError out;
  static_cast<Error&>(out) = std::move(error);
  out.service = std::move(service);
  return out;
}

Fallible<HttpCall> signed_call(const Wire& wire, const Endpoint& endpoint,
                               const Operation& operation, const Keys* keys) {
  HttpCall call;
  call.method = operation.method;
  const auto path = endpoint.prefix + operation.path;
  call.url = endpoint.origin + path + (operation.query.empty() ? "" : "?" + operation.query);
  call.max_response = largest_answer;
  call.headers.push_back({"Host", endpoint.host});
  if (!operation.content_type.empty())
    call.headers.push_back({"Content-Type", operation.content_type});
  if (!operation.target.empty()) call.headers.push_back({"X-Amz-Target", operation.target});
  if (keys != nullptr) {
    const auto now = wire.wall_clock() + wire.clock_offset;
    call.headers.push_back({"X-Amz-Date", amz_date(now)});
    if (keys->temporary()) {
      call.headers.push_back({"X-Amz-Security-Token", std::string(keys->session_token.reveal())});
    }
    const Unsigned request{operation.method, path, operation.query, call.headers, operation.body};
    auto signature = sign(request, *keys, {endpoint.signing_region, endpoint.signing_name}, now);
    if (!signature) return Error{errc::internal, "this system's OpenSSL refuses HMAC-SHA256"};
    call.headers.push_back({"Authorization", std::move(signature->authorization)});
  }
  call.headers.push_back({"User-Agent", wire.user_agent});
  call.body = operation.body;
  return call;
}

// How far AWS's clock is ahead of ours, by an answer's Date.
std::optional<Millis> ahead(const Wire& wire, const HttpReply& reply) {
  const auto* date = reply.header("date");
  const auto theirs = date != nullptr ? parse_http_date(*date) : std::nullopt;
  if (!theirs) return std::nullopt;
  return *theirs - wire.wall_clock();
}

// A service that refuses a signature prints the request as it should have been signed, the session
// token in it.
HttpReply without_secrets(const HttpReply& reply, const Keys* keys) {
  auto out = reply;
  if (keys == nullptr) return out;
  for (const auto& secret : {keys->session_token.reveal(), keys->secret_access_key.reveal()}) {
    if (secret.empty()) continue;
    for (auto at = out.body.find(secret); at != std::string::npos; at = out.body.find(secret, at))
      out.body.replace(at, secret.size(), "***");
  }
  return out;
}

// What becomes of a try that gave no good answer.
struct Judged {
  CallError error;
  bool again = false;
  bool at_once = false;  // with another time or other keys
  std::optional<Seconds> asked;
};

Judged judge_lost(const Operation& operation, Error error) {
  Judged out{call_error(std::move(error)), false, false, {}};
  const auto code = out.error.code;
  const bool not_sent = code == errc::unavailable || code == errc::timed_out;
  const bool lost = code == errc::unknown_fate;
  out.again = not_sent || (lost && operation.effect != Effect::once);
  return out;
}

struct Chances {
  bool clock = true, token = true;
};

Judged judge_answer(Wire& wire, KeyHolder& holder, const Endpoint& endpoint,
                    const Operation& operation, const HttpReply& reply, const Keys* keys,
                    Chances& chances) {
  auto service = read_error(without_secrets(reply, keys));
  const auto offset = ahead(wire, reply);
  const auto skew = offset ? *offset - wire.clock_offset : Millis(0);
  const auto what = classify(service, keys != nullptr && keys->temporary(), skew);
  Error error{errc::refused, endpoint.host + " answers " + to_string(service)};
  Judged out;
  switch (what) {
    case RetryClass::throttled:
      error.code = errc::unavailable;
      error.hint.hurdle = Hurdle::throttled;
      out.asked = retry_after(reply, wire.wall_clock());
      if (out.asked) error.hint.retry_after = *out.asked;
      out.again = true;
      break;
    case RetryClass::clock:
      error.hint.hurdle = Hurdle::clock;
      if (offset) error.hint.skew = std::chrono::floor<Seconds>(-*offset);
      if (offset && chances.clock) {
        wire.clock_offset = *offset;
        if (wire.clock_learnt) wire.clock_learnt(*offset);
        chances.clock = false;
        out.again = out.at_once = true;
      }
      break;
    case RetryClass::token:
      if (chances.token && keys != nullptr) {
        holder.refused(*keys);
        chances.token = false;
        out.again = out.at_once = true;
      }
      break;
    case RetryClass::server:
      error.code = operation.effect == Effect::once ? errc::unknown_fate : errc::unavailable;
      out.again = operation.effect != Effect::once;
      break;
    case RetryClass::refused:
      break;
  }
  out.error = call_error(std::move(error), std::move(service));
  return out;
}

}  // namespace

awaitable<Called<HttpReply>> exchange(Wire& wire, KeyHolder& holder, Endpoint endpoint,
                                      Operation operation, TimePoint deadline) {
  const int attempts = operation.effect == Effect::read ? read_attempts : write_attempts;
  Chances chances;
  bool bought = false;
  for (int tried = 0;; ++tried) {
    const auto held = co_await holder.keys(deadline);
    if (!held) co_return call_error(held.error());
    const auto& keys = *held;
    auto call = signed_call(wire, endpoint, operation, keys.get());
    if (!call) co_return call_error(call.error());
    call->deadline = std::min(deadline, Clock::now() + operation.patience);
    const auto send = wire.send;
    const auto reply = co_await send(std::move(*call));
    if (reply && reply->status >= 200 && reply->status < 300) {
      if (bought) {
        wire.budget.give_back();
      } else {
        wire.budget.earn();
      }
      co_return *reply;
    }
    Judged judged;
    if (reply) {
      judged = judge_answer(wire, holder, endpoint, operation, *reply, keys.get(), chances);
    } else {
      judged = judge_lost(operation, reply.error());
    }
    const bool last = tried + 1 >= attempts;
    const bool stopped = co_await being_stopped();
    if (!judged.again || last || stopped || !wire.budget.take()) co_return std::move(judged.error);
    bought = true;
    if (judged.at_once) continue;
    const double chance = std::generate_canonical<double, 32>(wire.chance);
    const auto pause = backoff(tried, chance, judged.asked);
    // A pause that the deadline cuts off is no use to anybody.
    if (Clock::now() + pause >= deadline) co_return std::move(judged.error);
    co_await sleep_for(wire.executor, pause);
  }
}

}  // namespace hotswapd::aws
