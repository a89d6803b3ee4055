#include "app/probe_setup.hpp"

#include <boost/asio/post.hpp>
#include <utility>

#include "probes/address_gate.hpp"

namespace hotswapd {
namespace {

std::vector<ProbeNetwork> networks(const std::vector<Cidr>& written) {
  std::vector<ProbeNetwork> all;
  for (const auto& cidr : written) {
    if (auto network = ProbeNetwork::parse(cidr.address, cidr.prefix))
      all.push_back(*std::move(network));
  }
  return all;
}

}  // namespace

void set_probe_policy(const ProbePolicy& policy,
                      const std::vector<std::unique_ptr<Shard>>& shards) {
  const auto shared = std::make_shared<const AddressPolicy>(
      AddressPolicy{networks(policy.deny), networks(policy.allow)});
  for (const auto& shard : shards) {
    asio::io_context& context = shard->context();
    asio::post(context, [&context, shared] { AddressGate::of(context).configure(shared); });
  }
}

}  // namespace hotswapd
