// Who may log in with a password: the users of the configuration, whose crypt(3) hashes are
// verified away from the loop, a few at a time.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/rate_window.hpp"
#include "core/secret.hpp"
#include "core/time.hpp"
#include "net/awaitable.hpp"
#include "net/background.hpp"
#include "net/hmac.hpp"
#include "net/sha256.hpp"

namespace hotswapd {

struct ApiAccount {
  std::string customer;  // compared without regard to case
  std::string user;      // compared exactly
  Secret hash;           // crypt(3)
};

struct LogIn {
  enum class Result : std::uint8_t {
    granted,
    refused,  // wrong in something: it is not told in what
    limited,  // too many failures from this address: nothing was looked at
    busy,     // too many checks wait, or this one waited for too long
  };
  Result result = Result::refused;
  Seconds retry_after{0};  // limited and busy
  std::string customer;    // granted: as the configuration spells them
  std::string user;
};

struct UserLimits {
  std::size_t at_once = 2;            // checks, each on a thread of its own while it runs
  std::size_t waiting = 32;           // checks of everybody
  std::size_t waiting_of_one = 8;     // and of one address
  Millis wait = Seconds(8);           // for a check to come to its end
  std::size_t failures = 30;          // a minute, of one address
  Millis remembered = Seconds(60);    // a password that was right is not hashed again for so long
  std::size_t remembered_most = 256;  // of them
};

// Lives on one executor (one thread); every member function is called there.
//
// Who asks the same at the same time shares one check. A user that does not exist costs a hash as
// well, made with the parameters of one that does. What was right is remembered as a digest under a
// key that is made at the start and never leaves the process; a new configuration forgets it.
class Users {
 public:
  explicit Users(asio::any_io_executor home, UserLimits limits = {});
  ~Users();  // after the coroutines that wait here have ended

  void configure(std::vector<ApiAccount> accounts);
  // Called with an address (of IPv6: a /64) from which no more is looked at for a while: once each
  // time.
  void on_limited(std::function<void(const std::string& from)> tell) { tell_ = std::move(tell); }
  bool known(std::string_view customer, std::string_view user) const;

  // `peer` is the client's address. Never blocks, and ends within UserLimits::wait.
  awaitable<LogIn> log_in(std::string customer, std::string user, Secret password,
                          std::string peer);
  // By a name alone, as HTTP Basic has it: "ops" where only one customer has a user of that name,
  // "acme/ops" always.
  awaitable<LogIn> log_in(std::string name, Secret password, std::string peer);

 private:
  struct Check;
  struct Remembered {
    TimePoint until;
    std::string customer;
    std::string user;
  };

  const ApiAccount* find(std::string_view customer, std::string_view user) const;
  const ApiAccount* named(const std::string& name) const;
  awaitable<LogIn> log_in(const ApiAccount* account, std::string claimed, Secret password,
                          std::string peer);
  Sha256 digest(std::string_view name, std::string_view password) const;
  Secret setting_for(const ApiAccount* account, std::string_view claimed) const;
  bool room_for(const std::string& from) const;
  void begin_checks();
  void forget_unwanted();
  void checked(std::uint64_t number, bool right);
  void remember(const Sha256& seal, const ApiAccount& account, TimePoint now);

  asio::any_io_executor home_;
  const UserLimits limits_;
  std::vector<ApiAccount> accounts_;
  MacKey key_;  // empty: there was no randomness, and nothing is remembered
  RateWindow failures_;
  std::function<void(const std::string&)> tell_;
  std::map<Sha256, Remembered> remembered_;
  std::map<std::uint64_t, std::shared_ptr<Check>> checks_;  // waiting and running
  std::deque<std::uint64_t> queue_;  // of those, the ones that have not begun
  std::uint64_t next_ = 1;
  std::size_t running_ = 0;
  Background background_;
};

// Whether the password has this crypt(3) hash. Slow by design; any thread. A password of more than
// 511 bytes or with a NUL has none.
bool matches_hash(const Secret& password, const Secret& hash);

}  // namespace hotswapd
