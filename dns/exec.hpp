// The provider `exec`: a program of the operator's reads and changes the record, for every DNS that
// has no provider of its own. What it is told and answers is in dns/exec_protocol.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <string>
#include <vector>

#include "dns/provider.hpp"
#include "dns/zone_servers.hpp"

namespace hotswapd {

struct ExecOptions {
  std::vector<std::string> command;  // never empty; the first is an absolute path
  // The program keeps the generation of each write, and says it when it reads. Without, only the
  // old value is compared.
  bool keeps_generation = true;
  std::vector<DnsEndpoint> name_servers;  // whom the proof asks; empty: the zone's NS set
  Millis proof_deadline{30'000};
};

// So many programs run at a time; a call waits for its turn until its deadline.
class ExecProvider : public Provider {
 public:
  static constexpr std::size_t at_once = 8;

  // `environment` is all that the program gets besides: see exec_environment().
  ExecProvider(asio::any_io_executor executor, ZoneServerSources sources, ExecOptions options,
               std::vector<std::string> environment);
  ~ExecProvider() override;

  // For calls that begin from now on: another list of name servers, another deadline. Command and
  // guard are what tells one provider from another.
  void reconfigure(ExecOptions options);

  ProviderCapabilities capabilities() const override;
  awaitable<Fallible<LiveRecord>> read(RecordKey key, TimePoint deadline) override;
  awaitable<ApplyResult> apply(SwapPlan plan, TimePoint deadline) override;
  awaitable<std::vector<ServerEvidence>> prove(RecordKey key, RecordSet want,
                                               TimePoint deadline) override;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// PATH, LANG, and where systemd keeps the credentials, when it does.
std::vector<std::string> exec_environment();

}  // namespace hotswapd
