// The keys of one account: fetched by the chain, renewed ahead of their end, by one at a time for
// all who wait.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aws/credential_plan.hpp"
#include "aws/exchange.hpp"
#include "net/background.hpp"

namespace hotswapd::aws {

// Reads a file whole; called on another thread. not_found: there is none.
using ReadFile = std::function<Fallible<std::string>(const std::string& path)>;
Fallible<std::string> read_file(const std::string& path);

// Lives on one loop. A caller who comes in the time when a renewal has begun, and is not the one
// who makes it, goes on with the old keys; nobody waits for a renewal before it is insisted on.
class Credentials final : public KeyHolder {
 public:
  struct Surroundings {
    HttpSend direct;  // without a proxy: the machine's and the container's agent
    Environment environment;
    ReadFile read;
  };

  // `wire` outlives it. STS is asked where `options` say.
  Credentials(Wire& wire, Surroundings around, AccountOptions options);
  ~Credentials() override;

  // Two who ask at once share what one of them fetches. After a failure there is none for a while,
  // which grows to a minute.
  awaitable<Fallible<KeysPtr>> keys(TimePoint deadline) override;
  void refused(const Keys& keys) override;

  // Where a service is reached, the profile's word included. Known once there are keys.
  Fallible<Endpoint> endpoint(Service service) const;

 private:
  struct Flight;  // while it lives, others wait
  struct Reads;

  bool alive(WallTime now) const;
  WallTime now() const;
  void land(const Fallible<Keys>& got, bool in_time);
  awaitable<void> wait(TimePoint deadline);
  awaitable<Fallible<Keys>> fetch(TimePoint deadline);
  awaitable<Fallible<std::string>> file(std::string path, TimePoint deadline);
  awaitable<Fallible<void>> make_plan(TimePoint deadline);
  awaitable<Fallible<Keys>> base_keys(TimePoint deadline);
  awaitable<Fallible<Keys>> from_sts(KeyHolder& holder, std::string body, TimePoint deadline);
  awaitable<Fallible<Keys>> from_web_identity(FromWebIdentity source, TimePoint deadline);
  awaitable<Fallible<Keys>> from_container(FromContainer source, TimePoint deadline);
  awaitable<Fallible<Keys>> from_instance(FromInstance source, TimePoint deadline);
  awaitable<Fallible<HttpReply>> ask_agent(HttpCall call, Millis patience, int tries,
                                           TimePoint deadline);

  Wire& wire_;
  Surroundings around_;
  AccountOptions options_;
  std::optional<CredentialPlan> plan_;
  KeysPtr held_;
  WallTime got_{};
  bool refused_ = false;        // AWS said so of what is held
  bool expired_given_ = false;  // the one who gives keys out gave such: its trouble, they may work
  bool flying_ = false;
  std::vector<asio::steady_timer*> waiting_;
  int failures_ = 0;
  TimePoint not_before_{};
  Error last_failure_;
  std::shared_ptr<Reads> reads_;
  Background background_;
};

}  // namespace hotswapd::aws
