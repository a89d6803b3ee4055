// One account of AWS as everything that uses it sees it: operations in, answers out.
#pragma once

#include <memory>
#include <string>

#include "aws/credentials.hpp"
#include "aws/exchange.hpp"

namespace hotswapd::aws {

// Lives on one loop and outlives the calls made on it.
class Account {
 public:
  struct Surroundings {
    asio::any_io_executor executor;
    HttpSend send;    // with the proxies of the environment
    HttpSend direct;  // without any: credentials endpoints are next door
    std::function<WallTime()> wall_clock;
    Environment environment;  // the process's own, but in tests
    ReadFile read = &read_file;
    unsigned seed = 1;
    // AWS found our clock wrong; from now on requests are signed by its own.
    std::function<void(Millis ahead)> clock_learnt = {};
  };

  Account(Surroundings around, AccountOptions options);
  ~Account();
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;

  const std::string& name() const noexcept;

  // Calls that begin from now on: other keys, another endpoint.
  void reconfigure(AccountOptions options);

  // Signed, sent, tried again as the operation allows, ended by the deadline. The text of an error
  // names the host and what AWS said. Where `account_id` is configured nothing is sent with keys
  // of another account.
  awaitable<Called<HttpReply>> call(Operation operation, TimePoint deadline);

 private:
  struct State;
  std::shared_ptr<State> state_;
  Surroundings around_;
};

Environment process_environment();

}  // namespace hotswapd::aws
