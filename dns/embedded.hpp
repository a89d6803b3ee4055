// The provider `embedded`: our own authoritative DNS, changed on disk first, then in the answers,
// then reported.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "dns/embedded_zones.hpp"
#include "dns/provider.hpp"
#include "dns/record_journal.hpp"
#include "net/endpoint.hpp"

namespace hotswapd {

// Lives on shard 0, as every provider. Calls of one name take their turns; different names never
// wait for each other. When the deadline of apply() passes while the disk is still at it the
// outcome is `unknown`; read() of that name then waits for the end of the write, so what it returns
// is final.
class EmbeddedProvider : public Provider {
 public:
  // `journal` outlives the provider. `listen`: where our DnsServer answers; the proof asks there.
  EmbeddedProvider(asio::any_io_executor executor, std::shared_ptr<EmbeddedZones> zones,
                   RecordJournal& journal, std::vector<DnsEndpoint> listen);
  ~EmbeddedProvider() override;

  ProviderCapabilities capabilities() const override;
  awaitable<Fallible<LiveRecord>> read(RecordKey key, TimePoint deadline) override;
  awaitable<ApplyResult> apply(SwapPlan plan, TimePoint deadline) override;
  awaitable<std::vector<ServerEvidence>> prove(RecordKey key, RecordSet want,
                                               TimePoint deadline) override;

 private:
  struct State;
  static awaitable<bool> wait_for(std::shared_ptr<State> state, std::function<bool()> condition,
                                  TimePoint deadline);

  std::shared_ptr<State> state_;
};

}  // namespace hotswapd
