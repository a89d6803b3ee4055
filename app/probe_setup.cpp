#include "app/probe_setup.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "probes/address_gate.hpp"
#include "probes/ping_socket.hpp"

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

// A host name may have addresses of both families: IPv4 is what it is asked for first.
IpFamily family_of(const std::string& address) {
  return address.find(':') != std::string::npos ? IpFamily::v6 : IpFamily::v4;
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

std::vector<std::string> ping_warnings(const Config& config) {
  std::vector<IpFamily> wanted;
  const auto want = [&](const std::string& address) {
    const IpFamily family = family_of(address);
    if (std::find(wanted.begin(), wanted.end(), family) == wanted.end()) wanted.push_back(family);
  };
  for (const ServiceSpec& service : config.services) {
    if (service.monitor->protocol == Protocol::ping) want(probed_address(service, 0));
    for (const auto& backup : service.backups) {
      if (backup.monitor && (*backup.monitor)->protocol == Protocol::ping) want(backup.data);
    }
  }
  if (config.witness) {
    for (const auto& target : config.witness->targets) {
      if (target.ping) want(target.target.address);
    }
  }
  std::vector<std::string> lines;
  for (const IpFamily family : wanted) {
    auto trouble = ping_trouble(family);
    // The right is the same for both.
    if (trouble && std::find(lines.begin(), lines.end(), *trouble) == lines.end())
      lines.push_back(*std::move(trouble));
  }
  return lines;
}

}  // namespace hotswapd
