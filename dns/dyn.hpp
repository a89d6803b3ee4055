// The provider `dyn`: the client of a Dyn Managed DNS style REST API. Compared, staged in a
// session, made live by one publication; several names of a zone share one.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "dns/dyn_session.hpp"
#include "dns/provider.hpp"
#include "dns/zone_servers.hpp"

namespace hotswapd {

struct DynOptions {
  DynAccount account;
  // A TXT beside the name keeps the generation, published with the record.
  bool keeps_generation = true;
  std::vector<DnsEndpoint> name_servers;  // whom the proof asks; empty: the zone's NS set
  Millis proof_deadline{30'000};
  HttpSend send;
};

// The API has no compare-and-set: what somebody else publishes between our look and our publication
// (about a second) is overwritten. What we staged and did not publish is discarded before anything
// is read, so that a read never shows it, and a late publication makes nothing live.
class DynProvider : public Provider {
 public:
  struct Surroundings {
    asio::any_io_executor executor;
    std::function<WallTime()> wall_clock;
    ZoneServerSources zone_servers;
    DynPauses pauses{};
  };

  DynProvider(Surroundings surroundings, DynOptions options);
  ~DynProvider() override;

  // For calls that begin from now on. URL, customer and guard are what tells one provider from
  // another.
  void reconfigure(DynOptions options);

  ProviderCapabilities capabilities() const override;
  awaitable<Fallible<LiveRecord>> read(RecordKey key, TimePoint deadline) override;
  awaitable<ApplyResult> apply(SwapPlan plan, TimePoint deadline) override;
  awaitable<void> leave(TimePoint deadline) override;
  awaitable<std::vector<ServerEvidence>> prove(RecordKey key, RecordSet want,
                                               TimePoint deadline) override;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace hotswapd
