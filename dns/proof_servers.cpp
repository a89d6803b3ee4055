#include "dns/proof_servers.hpp"

#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <utility>

#include "dns/prover.hpp"

namespace hotswapd {
namespace {

constexpr Millis kept_for{60'000};
constexpr Millis failure_kept_for{1'000};
constexpr Millis failure_kept_longest{300'000};

using Waiting = std::vector<std::function<void()>>;

}  // namespace

NameServerSet NameServerMemory::silence() {
  NameServerSet out;
  out.trouble = "the provider, which knows them, asks to be left alone";
  return out;
}

const NameServerSet* NameServerMemory::find(const std::string& zone, TimePoint now) const {
  const auto found = sets_.find(zone);
  const bool known = found != sets_.end();
  if (known && found->second.until > now) return &found->second.set;
  if (alone_until_ <= now) return nullptr;
  return known ? &found->second.set : &alone_;
}

const NameServerSet& NameServerMemory::keep(const std::string& zone, NameServerSet found,
                                            TimePoint now) {
  auto& kept = sets_[zone];
  const bool whole = !found.servers.empty() && found.unknown.empty();
  Millis time = kept_for;
  if (!whole) {
    time = std::min(failure_kept_longest, failure_kept_for * (1 << std::min(kept.failures, 10)));
    time = std::max(time, found.retry_after);
  }
  kept.failures = whole ? 0 : kept.failures + 1;
  kept.until = now + time;
  // A set hardly ever changes: what was known goes on where the question fails.
  if (whole || !kept.whole) kept.set = std::move(found);
  kept.whole = kept.whole || whole;
  return kept.set;
}

struct ProofServers::State {
  Find find;
  std::vector<DnsEndpoint> listed;
  NameServerMemory memory;
  std::uint64_t epoch = 0;  // of the configuration
  std::map<std::string, Waiting> asking;
};

namespace {

// However the question ends, those who wait for it go on.
class Question {
 public:
  Question(std::map<std::string, Waiting>& asking, std::string zone)
      : asking_(asking), zone_(std::move(zone)) {
    asking_[zone_];
  }
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;
  ~Question() {
    auto waiting = asking_.extract(zone_);
    for (auto& go : waiting.mapped()) go();
  }

 private:
  std::map<std::string, Waiting>& asking_;
  std::string zone_;
};

awaitable<void> answered(Waiting& waiting) {
  auto executor = co_await asio::this_coro::executor;
  auto initiate = [](auto handler, Waiting* line, asio::any_io_executor by) {
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    line->emplace_back(
        [shared, by] { asio::post(by, [shared]() mutable { std::move (*shared)(); }); });
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(
      initiate, asio::use_awaitable, &waiting, asio::any_io_executor(executor));
}

}  // namespace

ProofServers::ProofServers(Find find) : state_(std::make_shared<State>()) {
  state_->find = std::move(find);
}

void ProofServers::configure(std::vector<DnsEndpoint> listed) {
  state_->listed = std::move(listed);
  state_->memory.clear();
  ++state_->epoch;
}

void ProofServers::leave_alone(TimePoint until) {
  state_->memory.leave_alone(until);
}

awaitable<NameServerSet> ProofServers::of_zone(std::string zone, TimePoint deadline) {
  const auto state = state_;
  for (;;) {
    if (const auto* known = state->memory.find(zone, Clock::now())) co_return *known;
    const auto asking = state->asking.find(zone);
    if (asking == state->asking.end()) break;
    co_await answered(asking->second);
  }
  const auto epoch = state->epoch;
  const Question question(state->asking, zone);
  const Find find = state->find;
  auto asked = zone;
  auto found = co_await find(std::move(asked), deadline);
  // Found out as the configuration was; the next one asks as it is.
  if (epoch != state->epoch) co_return found;
  co_return state->memory.keep(zone, std::move(found), Clock::now());
}

awaitable<std::vector<ServerEvidence>> ProofServers::prove(RecordKey key, RecordSet want,
                                                           TimePoint deadline) {
  const auto state = state_;
  auto servers = state->listed;
  std::vector<ServerEvidence> unknown;
  if (servers.empty()) {
    const auto now = Clock::now();
    const auto until = now + std::max(deadline - now, Clock::duration::zero()) / 2;
    auto zone = key.zone;
    auto known = co_await of_zone(std::move(zone), until);
    unknown = known.evidence();
    servers = std::move(known.servers);
  }
  auto evidence =
      co_await prove_on_servers(std::move(servers), std::move(key), std::move(want), deadline);
  evidence.insert(evidence.end(), unknown.begin(), unknown.end());
  co_return evidence;
}

}  // namespace hotswapd
