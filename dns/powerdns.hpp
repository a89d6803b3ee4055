// The provider `powerdns`: the HTTP API of the PowerDNS authoritative server. Reads, compares,
// writes record and generation in one step, and has the name servers asked.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dns/name_server_set.hpp"
#include "dns/powerdns_codec.hpp"
#include "dns/provider.hpp"
#include "net/endpoint.hpp"
#include "net/http_send.hpp"

namespace hotswapd {

struct PowerdnsOptions {
  powerdns::Api api;
  HttpSend send;
  std::vector<DnsEndpoint> name_servers;  // whom the proof asks; empty: the zone's NS set
  Millis proof_deadline{30'000};
};

// The API has no compare-and-set: between our look and our write somebody else's change can be
// lost. A write is one transaction of the server, so record and generation never stand apart.
class PowerdnsProvider : public Provider {
 public:
  struct Surroundings {
    AddressLookup lookup;
    std::function<WallTime()> wall_clock;
  };

  PowerdnsProvider(Surroundings surroundings, PowerdnsOptions options);
  ~PowerdnsProvider() override;

  // For calls that begin from now on. Server and server_id are what tells one provider from
  // another, so those stay.
  void reconfigure(PowerdnsOptions options);

  ProviderCapabilities capabilities() const override;
  void leave_alone(TimePoint until) override;
  awaitable<Fallible<LiveRecord>> read(RecordKey key, TimePoint deadline) override;
  awaitable<ApplyResult> apply(SwapPlan plan, TimePoint deadline) override;
  awaitable<std::vector<ServerEvidence>> prove(RecordKey key, RecordSet want,
                                               TimePoint deadline) override;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace hotswapd
