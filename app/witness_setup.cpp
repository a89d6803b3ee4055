#include "app/witness_setup.hpp"

namespace hotswapd {
namespace {

// Failures of ours wait for its word: it has to be quick. One lost packet is no dead link.
constexpr Millis timeout{1'000};
constexpr int retries = 1;

}  // namespace

std::optional<WitnessSpec> witness_spec(const std::optional<WitnessConfig>& config) {
  if (!config || config->targets.empty()) return std::nullopt;
  WitnessSpec spec;
  spec.need = config->need;
  for (const auto& target : config->targets) {
    TargetSpec t;
    t.address = target.target.address;
    t.monitor.protocol = target.ping ? Protocol::ping : Protocol::tcp;
    t.monitor.port = target.target.port;
    t.monitor.timeout = timeout;
    t.monitor.retries = retries;
    spec.targets.push_back(std::move(t));
  }
  return spec;
}

}  // namespace hotswapd
