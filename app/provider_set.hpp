// The DNS providers of the configuration as objects: made when a service first needs one, kept for
// good.
#pragma once

#include <boost/asio/io_context.hpp>
#include <map>
#include <memory>
#include <string>

#include "config/schema.hpp"
#include "dns/provider.hpp"

namespace hotswapd {

// Lives on shard 0. A provider once given stays valid: swaps under way end on the one that they
// began with. A reload that changes where a provider writes makes another one of it, so that its
// services read the record anew; any other change reaches the one there is.
class ProviderSet {
 public:
  // `embedded` outlives the set. Host names are looked up by the loop's resolver.
  ProviderSet(asio::io_context& loop, Provider& embedded) : loop_(loop), embedded_(embedded) {}

  // After a reload, before its services are reconfigured.
  void reconfigure(const Config& config);

  // nullptr: the configuration has none of that name.
  Provider* find(const Config& config, const std::string& name);

 private:
  asio::io_context& loop_;
  Provider& embedded_;
  std::map<std::string, std::unique_ptr<Provider>> made_;
};

}  // namespace hotswapd
