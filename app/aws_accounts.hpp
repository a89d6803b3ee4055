// The accounts of AWS out of the configuration as objects: made when something first needs one,
// kept for good.
#pragma once

#include <boost/asio/io_context.hpp>
#include <map>
#include <memory>
#include <string>

#include "aws/account.hpp"
#include "config/schema.hpp"
#include "core/log.hpp"
#include "net/curl_pool.hpp"

namespace hotswapd {

// Lives on shard 0.
class AwsAccounts {
 public:
  // All of them outlive it.
  AwsAccounts(asio::io_context& loop, TlsContexts& tls, CurlPool& http, Logger& log);

  // As the configuration has it now; one that is known is reconfigured. The name is one of
  // Config::aws.
  aws::Account& account(const Config& config, const std::string& name);

 private:
  asio::io_context& loop_;
  Logger& log_;
  HttpSend send_;
  CurlPool direct_;  // credentials are asked for next door, never through a proxy
  std::map<std::string, std::unique_ptr<aws::Account>> made_;
};

}  // namespace hotswapd
