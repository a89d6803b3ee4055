#include <algorithm>

#include "config/read.hpp"
#include "core/text.hpp"

namespace hotswapd::config {
namespace {

bool loopback(const std::string& address) {
  return address == "::1" || address.starts_with("127.");
}

void read_users(Object& o, ApiConfig& api) {
  o.each("users", [&](Object& entry) {
    ApiUser user;
    entry.take("customer", user.customer);
    entry.take("user", user.user);
    if (entry.take_secret("password_hash", user.password_hash) &&
        !user.password_hash.reveal().starts_with('$')) {
      entry.reader().error(
          entry.node(), entry.path("password_hash"),
          "is no crypt(3) hash, which begins with $; make one with `hotswapctl passwd`");
    }
    const bool twice = std::any_of(api.users.begin(), api.users.end(), [&](const ApiUser& u) {
      return u.user == user.user && iequals(u.customer, user.customer);
    });
    if (twice) entry.error("user", "stands in this list already");
    api.users.push_back(std::move(user));
  });
}

void read_tokens(Object& o, ApiConfig& api) {
  o.each("tokens", [&](Object& entry) {
    ApiToken token;
    entry.take("name", token.name);
    entry.take_secret("token", token.token);
    entry.take("scope", token.scope);
    const bool twice = std::any_of(api.tokens.begin(), api.tokens.end(),
                                   [&](const ApiToken& t) { return t.name == token.name; });
    if (twice) entry.error("name", "is the name of another token already; give each its own");
    api.tokens.push_back(std::move(token));
  });
}

}  // namespace

void read_api(Object& o, ApiConfig& api) {
  const bool listens = o.take("listen", api.listen);
  o.object("tls", [&](Object& tls) {
    ApiTls& out = api.tls.emplace();
    tls.take_path("certificate_file", out.certificate_file);
    tls.take_path("key_file", out.key_file);
  });
  read_users(o, api);
  read_tokens(o, api);
  o.object("rate_limit", [&](Object& limit) {
    RateLimit& out = api.rate_limit.emplace();
    limit.take("per_second", out.per_second);
    limit.take("per_minute", out.per_minute);
  });
  api.host_names = o.texts("host_names");
  o.take("insecure", api.insecure);
  o.take("anonymous_read", api.anonymous_read);
  if (listens && !api.tls && !o.has("tls") && !api.insecure && !loopback(api.listen.address)) {
    o.error("listen", to_string(api.listen) +
                          " is not loopback and there is no tls; add tls, listen on 127.0.0.1, or "
                          "say insecure: true");
  }
}

}  // namespace hotswapd::config
