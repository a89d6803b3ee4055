// One operation of AWS: signed, sent, judged, and tried again where that is allowed.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <random>
#include <string>

#include "aws/error_reply.hpp"
#include "aws/keys.hpp"
#include "aws/retry.hpp"
#include "aws/services.hpp"
#include "core/error.hpp"
#include "net/awaitable.hpp"
#include "net/http_send.hpp"

namespace hotswapd::aws {

enum class Effect : std::uint8_t {
  read,        // nothing changes: tried again whatever happened
  repeatable,  // twice is as good as once: tried again, less often
  once,        // where it may have been done the caller has to look
};

struct Operation {
  Service service = Service::sts;
  Effect effect = Effect::read;
  std::string method = "GET";
  std::string path = "/";  // percent-encoded
  std::string query;       // percent-encoded
  std::string content_type;
  std::string target;  // X-Amz-Target of the services that speak JSON; empty: none
  std::string body;
  Seconds patience{10};  // for each try
};

// Why there is no answer. `code` of Error: refused (also when there are no keys), unavailable,
// timed_out, invalid_argument: certainly not done; unknown_fate: perhaps. The hint says of a clock
// or a throttle.
struct CallError : Error {
  ServiceError service;  // empty where AWS did not answer
};

template <class T>
using Called = boost::system::result<T, CallError>;

using KeysPtr = std::shared_ptr<const Keys>;

// Who has the keys at the moment.
class KeyHolder {
 public:
  virtual ~KeyHolder() = default;
  // nullptr: the request goes unsigned.
  virtual awaitable<Fallible<KeysPtr>> keys(TimePoint deadline) = 0;
  // AWS says that these have run out: the next ones are others, if there are any.
  virtual void refused(const Keys& keys) = 0;
};

// What the calls of one account share.
struct Wire {
  asio::any_io_executor executor;
  HttpSend send;
  std::function<WallTime()> wall_clock;
  std::string user_agent = "hotswapd";
  Millis clock_offset{0};  // what AWS's clock is ahead of ours, learnt when it said so
  std::function<void(Millis ahead)> clock_learnt = {};  // told of it; may be empty
  RetryBudget budget;
  std::minstd_rand chance;
};

// Ends by the deadline. `wire` and `holder` outlive the call.
awaitable<Called<HttpReply>> exchange(Wire& wire, KeyHolder& holder, Endpoint endpoint,
                                      Operation operation, TimePoint deadline);

}  // namespace hotswapd::aws
