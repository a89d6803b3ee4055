// What the probe loops are told of the configuration besides their services.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/schema.hpp"
#include "net/shard.hpp"

namespace hotswapd {

// For attempts that begin from now on: those of a round that is posted to a shard after this are
// under the new policy.
void set_probe_policy(const ProbePolicy& policy, const std::vector<std::unique_ptr<Shard>>& shards);

// What would keep this process from pinging those of the configuration that are to be pinged.
std::vector<std::string> ping_warnings(const Config& config);

}  // namespace hotswapd
