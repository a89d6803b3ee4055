// The provider `cloudflare`: DNS records of a zone at Cloudflare by its API v4. Reads, compares,
// writes the set as one batch, and has the name servers asked.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "dns/cloudflare_codec.hpp"
#include "dns/name_server_set.hpp"
#include "dns/provider.hpp"
#include "net/endpoint.hpp"
#include "net/http_send.hpp"

namespace hotswapd {

struct CloudflareOptions {
  cloudflare::Api api;
  HttpSend send;
  std::vector<DnsEndpoint> name_servers;  // whom the proof asks; empty: those of the zone
  Millis proof_deadline{30'000};
};

// The API has no compare-and-set: between our look and our write somebody else's change can be
// lost. A batch is one transaction of the database, but its records reach the edge one by one: no
// change of type is atomic there.
class CloudflareProvider : public Provider {
 public:
  struct Surroundings {
    AddressLookup lookup;
    std::function<WallTime()> wall_clock;
  };

  CloudflareProvider(Surroundings surroundings, CloudflareOptions options);
  ~CloudflareProvider() override;

  // For calls that begin from now on. The zone is what tells one provider from another, so it
  // stays.
  void reconfigure(CloudflareOptions options);

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
