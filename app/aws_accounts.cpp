#include "app/aws_accounts.hpp"

#include <algorithm>
#include <cstdlib>
#include <random>
#include <utility>

#include "app/wall_clock.hpp"

namespace hotswapd {
namespace {

// What assumed roles are called in AWS's own logs: [A-Za-z0-9_+=,.@-], at most 64.
std::string session_name(const std::string& site) {
  std::string out = "hotswapd-";
  for (const char c : site) {
    const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '.' || c == '-';
    out += fine ? c : '-';
  }
  return out.substr(0, 64);
}

aws::AccountOptions options_of(const Config& config, const AwsAccount& account) {
  aws::AccountOptions out;
  out.name = account.name;
  out.region = account.region;
  out.profile = account.profile;
  out.access_key_id = account.access_key_id;
  out.secret_access_key = account.secret_access_key;
  out.role_arn = account.role_arn;
  out.external_id = account.external_id;
  out.account_id = account.account_id;
  out.endpoint_url = account.endpoint_url;
  out.endpoints = account.endpoints;
  out.use_fips = account.use_fips;
  out.session_name = session_name(config.site.code);
  return out;
}

}  // namespace

AwsAccounts::AwsAccounts(asio::io_context& loop, TlsContexts& tls, CurlPool& http, Logger& log)
    : loop_(loop),
      log_(log),
      // As every tool of AWS has it: whom to trust where TLS is opened on the way.
      send_(http.sender(aws::process_environment()("AWS_CA_BUNDLE").value_or(""))),
      direct_(loop, tls, CurlPool::Options{}) {}

aws::Account& AwsAccounts::account(const Config& config, const std::string& name) {
  auto options = options_of(config, config.aws.at(name));
  auto& made = made_[name];
  if (made) {
    made->reconfigure(std::move(options));
    return *made;
  }
  aws::Account::Surroundings around;
  around.executor = loop_.get_executor();
  around.send = send_;
  around.direct = direct_.sender();
  around.wall_clock = wall_now;
  around.environment = aws::process_environment();
  around.seed = std::random_device{}();
  around.clock_learnt = [&log = log_, name](Millis ahead) {
    const auto seconds = std::chrono::round<Seconds>(ahead).count();
    log.log(
        LogLevel::warning, "HS1222",
        "AWS finds our clock wrong: requests are signed by its own from now on account=" + name +
            " skew=" + std::to_string(-seconds) + "s (ours is " +
            std::to_string(std::abs(seconds)) + " s " + (seconds < 0 ? "ahead" : "behind") + ")");
  };
  made = std::make_unique<aws::Account>(std::move(around), std::move(options));
  return *made;
}

}  // namespace hotswapd
