#include "dns/http_trouble.hpp"

#include "core/text.hpp"

namespace hotswapd {
namespace {

std::string origin_of(const HttpCall& call) {
  const auto url = parse_http_url(call.url);
  return url ? url->origin() : "the API";
}

bool changes_nothing(const HttpCall& call) {
  return call.method == "GET" || call.method == "HEAD";
}

}  // namespace

Error http_trouble(const HttpCall& call, const HttpReply& reply, std::string_view said,
                   WallTime now) {
  Error out;
  out.text = origin_of(call) + ": answers " + std::to_string(reply.status);
  if (!said.empty()) out.text += ": " + redacted(said, call);
  const auto wait = retry_after(reply, now);
  if (reply.status == 429 || (reply.status == 503 && wait)) {
    out.code = errc::unavailable;
    out.hint.hurdle = Hurdle::throttled;
    out.hint.retry_after = wait.value_or(Seconds{0});
    if (wait) out.text += "; it asks us to wait " + std::to_string(wait->count()) + " s";
  } else if (reply.status >= 300 && reply.status < 400) {
    out.code = errc::refused;
    out.text += ": a redirect is not followed; write the API's own address";
  } else if (reply.status >= 400 && reply.status < 500 && reply.status != 408) {
    out.code = errc::refused;
  } else {
    out.code = changes_nothing(call) ? errc::unavailable : errc::unknown_fate;
  }
  return out;
}

Error not_understood(const HttpCall& call, const std::string& what) {
  const auto code = changes_nothing(call) ? errc::corrupt : errc::unknown_fate;
  return {code, origin_of(call) + ": answers what is not understood: " + what};
}

namespace {

SwapOutcome outcome_of(errc code) {
  switch (code) {
    case errc::refused:
    case errc::invalid_argument:
    case errc::not_found:
    case errc::not_built:
      return SwapOutcome::refused;
    case errc::conflict:
      return SwapOutcome::conflict;
    case errc::unavailable:
    case errc::timed_out:
      return SwapOutcome::failed;
    default:
      return SwapOutcome::unknown;
  }
}

}  // namespace

ApplyResult write_failed(const Error& error) {
  return {outcome_of(error.code), error.text, error.hint};
}

ApplyResult question_failed(const Error& error) {
  auto out = write_failed(error);
  // Nothing but questions has left.
  if (out.outcome == SwapOutcome::unknown) out.outcome = SwapOutcome::failed;
  // Something of somebody else's stands in the way, and no try will change that.
  if (out.outcome == SwapOutcome::conflict) out.outcome = SwapOutcome::refused;
  return out;
}

}  // namespace hotswapd
