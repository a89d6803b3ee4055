// The provider `route53`: one batch that takes the old record and generation out and puts the new
// ones in, as the compare-and-set; proved on the zone's name servers and by Route 53's own INSYNC.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "aws/exchange.hpp"
#include "dns/name_server_set.hpp"
#include "dns/provider.hpp"

namespace hotswapd {

struct Route53Options {
  std::string zone_id;
  std::vector<DnsEndpoint> name_servers;  // whom the proof asks; empty: the zone's NS set
  Millis proof_deadline{30'000};
};

// Calls of all names go side by side. What can never be a service's record (an alias, a routing
// policy, an A beside an AAAA) is a conflict to read.
class Route53Provider : public Provider {
 public:
  // As aws::Account::call(). In a coroutine take a local copy first.
  using Call = std::function<awaitable<aws::Called<HttpReply>>(aws::Operation operation,
                                                               TimePoint deadline)>;
  struct Surroundings {
    Call call;
    AddressLookup lookup;
  };

  Route53Provider(Surroundings surroundings, Route53Options options);
  ~Route53Provider() override;

  // For calls that begin from now on: name servers, deadline. The zone stays.
  void reconfigure(Route53Options options);

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
