#include "dns/exec.hpp"

#include <cstdlib>
#include <utility>

#include "dns/exec_protocol.hpp"
#include "net/command.hpp"

namespace hotswapd {
namespace {

// Interpreters start slowly, and what they ask may be far away.
constexpr Millis call_time{10'000};

}  // namespace

struct ExecProvider::State {
  State(const asio::any_io_executor& executor, ZoneServerSources sources)
      : proof_servers(find_by_resolvers(std::move(sources))), runner(executor, at_once) {}

  bool keeps_generation = true;
  Millis proof_deadline{0};
  std::shared_ptr<const Command> command;
  std::vector<std::string> environment;
  ProofServers proof_servers;
  CommandRunner runner;
};

ExecProvider::ExecProvider(asio::any_io_executor executor, ZoneServerSources sources,
                           ExecOptions options, std::vector<std::string> environment)
    : state_(std::make_shared<State>(executor, std::move(sources))) {
  state_->environment = std::move(environment);
  reconfigure(std::move(options));
}

ExecProvider::~ExecProvider() = default;

void ExecProvider::reconfigure(ExecOptions options) {
  state_->keeps_generation = options.keeps_generation;
  state_->proof_deadline = options.proof_deadline;
  Command command{std::move(options.command), state_->environment};
  state_->command = std::make_shared<const Command>(std::move(command));
  state_->proof_servers.configure(std::move(options.name_servers));
}

ProviderCapabilities ExecProvider::capabilities() const {
  ProviderCapabilities can;
  can.compare_and_set = true;     // the protocol asks for it
  can.atomic_type_change = true;  // likewise; a program that cannot answers `refused`
  can.keeps_generation = state_->keeps_generation;
  can.proof_deadline = state_->proof_deadline;
  can.read_time = can.write_time = call_time;
  can.at_once = at_once;
  return can;
}

awaitable<Fallible<LiveRecord>> ExecProvider::read(RecordKey key, TimePoint deadline) {
  const auto state = state_;
  auto command = state->command;
  auto input = exec_protocol::encode_read(key);
  const auto end = co_await state->runner.run(std::move(command), std::move(input), deadline);
  co_return exec_protocol::judge_read(end, state->keeps_generation);
}

awaitable<ApplyResult> ExecProvider::apply(SwapPlan plan, TimePoint deadline) {
  const auto state = state_;
  auto command = state->command;
  auto input = exec_protocol::encode_apply(plan, state->keeps_generation);
  const auto end = co_await state->runner.run(std::move(command), std::move(input), deadline);
  co_return exec_protocol::judge_apply(end);
}

awaitable<std::vector<ServerEvidence>> ExecProvider::prove(RecordKey key, RecordSet want,
                                                           TimePoint deadline) {
  const auto state = state_;
  co_return co_await state->proof_servers.prove(std::move(key), std::move(want), deadline);
}

std::vector<std::string> exec_environment() {
  std::vector<std::string> out{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                               "LANG=C.UTF-8"};
  if (const char* credentials = std::getenv("CREDENTIALS_DIRECTORY"))
    out.push_back(std::string("CREDENTIALS_DIRECTORY=") + credentials);
  return out;
}

}  // namespace hotswapd
