// The DNS providers of the configuration as objects: made when a service first needs one, kept for
// good.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "app/provider_kind.hpp"

namespace hotswapd {

// Lives on shard 0. A provider once given stays valid: swaps under way end on the one that they
// began with. A reload that changes where a provider writes makes another one of it, so that its
// services read the record anew; any other change reaches the one there is.
class ProviderSet {
 public:
  // `embedded` outlives the set.
  ProviderSet(ProviderWorld world, Provider& embedded) : world_(world), embedded_(embedded) {}

  // After a reload, before its services are reconfigured.
  void reconfigure(const Config& config);

  // nullptr: the configuration has none of that name.
  Provider* find(const Config& config, const std::string& name);

  // When nothing is asked of them any more.
  awaitable<void> leave(TimePoint deadline);

 private:
  ProviderWorld world_;
  Provider& embedded_;
  std::map<std::string, std::unique_ptr<Provider>> made_;
};

}  // namespace hotswapd
