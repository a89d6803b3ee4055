// Who may ask our own API what: users by HTTP Basic, bearer tokens with their scopes, the rate
// limit.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/bearer_tokens.hpp"
#include "api/host_check.hpp"
#include "api/http_message.hpp"
#include "api/rate_window.hpp"
#include "api/users.hpp"

namespace hotswapd {

// The part of the configuration's api section that a reload may change.
struct AccessPolicy {
  struct Limit {
    std::size_t per_second = 0;
    std::size_t per_minute = 0;
    bool operator==(const Limit&) const = default;
  };

  std::vector<ApiAccount> users = {};
  std::vector<BearerToken> tokens = {};
  std::optional<Limit> rate_limit = {};
  HostPolicy host = {};
  bool anonymous_read = false;
};

// Lives on the server's thread.
class Access {
 public:
  explicit Access(asio::any_io_executor home) : users_(std::move(home)) {}

  void configure(AccessPolicy policy);

  // Who it is, or the answer that says why not.
  struct Admission {
    std::string who = {};  // "ops (acme)", "token ci"
    std::optional<HttpResponse> refusal = {};
  };
  // `request` has to outlive it.
  awaitable<Admission> admit(const HttpRequest& request, ApiScope needed);

  bool anonymous_read() const noexcept { return policy_.anonymous_read; }
  // The answer when the request was meant for somebody else; nullopt: it was not.
  std::optional<HttpResponse> misdirected(const HttpRequest& request) const;

  // For whoever has log-ins or limits of its own, by the same configuration.
  Users& users() noexcept { return users_; }
  // nullopt: go on. Else how long to wait; off: never.
  std::optional<Millis> limited(const std::string& who, TimePoint now);

 private:
  AccessPolicy policy_;  // without its users and tokens
  Users users_;
  BearerTokens tokens_;
  std::optional<RequestLimiter> limiter_;
};

}  // namespace hotswapd
