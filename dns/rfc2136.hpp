// The provider `rfc2136`: one dynamic update, signed, as the compare-and-set; read back from the
// servers that were written to; proved on every name server of the zone.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dns/primary_link.hpp"
#include "dns/provider.hpp"

namespace hotswapd {

struct Rfc2136Server {
  std::string host;  // an address or a host name
  std::uint16_t port = 53;
  bool operator==(const Rfc2136Server&) const = default;
};

struct Rfc2136Options {
  // Never empty. Each can be written and read: addresses of one primary, or primaries of one zone.
  // Asked in this order; one that did not answer comes last for half a minute.
  std::vector<Rfc2136Server> servers;
  std::optional<tsig::Key> key;
  bool by_udp = false;
  WriteGuard guard = WriteGuard::generation;
  std::vector<DnsEndpoint> name_servers;  // whom the proof asks; empty: the zone's NS set
  Millis proof_deadline{30'000};
};

// Calls of all names go side by side. Names that have an A and an AAAA record are an error to read:
// one set is what a service has.
class Rfc2136Provider : public Provider {
 public:
  struct Surroundings {
    asio::any_io_executor executor;
    std::function<WallTime()> wall_clock;
    // The addresses of a host name; an error when they are not known.
    std::function<awaitable<Fallible<std::vector<std::string>>>(std::string, TimePoint)> lookup;
  };

  Rfc2136Provider(Surroundings surroundings, Rfc2136Options options);
  ~Rfc2136Provider() override;

  // For calls that begin from now on: another key, name servers, deadline. Servers and guard are
  // what tells one provider from another, so those stay.
  void reconfigure(Rfc2136Options options);

  ProviderCapabilities capabilities() const override;
  awaitable<Fallible<LiveRecord>> read(RecordKey key, TimePoint deadline) override;
  awaitable<ApplyResult> apply(SwapPlan plan, TimePoint deadline) override;
  awaitable<std::vector<ServerEvidence>> prove(RecordKey key, RecordSet want,
                                               TimePoint deadline) override;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace hotswapd
