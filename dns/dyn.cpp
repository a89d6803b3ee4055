#include "dns/dyn.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "dns/dyn_publication.hpp"
#include "net/places.hpp"
#include "net/sleep.hpp"

namespace hotswapd {
namespace {

constexpr Millis collecting{
    50};  // names of a zone that are swapped together are published together
constexpr std::size_t most_together = 8;
constexpr std::size_t calls_at_once = 16;
constexpr Millis call_time{10'000};   // a dozen requests at their pace, and a job to wait for
constexpr double calls_a_second = 2;  // a reading is two requests, of the five that Dyn allows

}  // namespace

struct DynProvider::State {
  explicit State(Surroundings around, bool with_mark)
      : executor(around.executor),
        session({around.executor, {}, around.wall_clock, around.pauses}),
        zones(session, with_mark),
        proof_servers(find_by_resolvers(std::move(around.zone_servers))),
        turn(around.executor, 1),
        keeps_generation(with_mark) {}

  // Those that wait for a publication of its zone, `first` in front, each name once.
  std::vector<std::shared_ptr<DynChange>> take(const std::shared_ptr<DynChange>& first) {
    auto& line = waiting[first->plan.key.zone];
    std::vector<std::shared_ptr<DynChange>> out{first};
    std::vector<std::shared_ptr<DynChange>> later;
    for (auto& change : line) {
      if (change == first) continue;
      const bool known = std::any_of(out.begin(), out.end(), [&](const auto& other) {
        return other->plan.key == change->plan.key;
      });
      auto& to = known || out.size() == most_together ? later : out;
      to.push_back(std::move(change));
    }
    line = std::move(later);
    return out;
  }

  // Those without a result wait for the next one.
  void back_in_line(const std::vector<std::shared_ptr<DynChange>>& changes) {
    auto& line = waiting[changes.front()->plan.key.zone];
    for (auto i = changes.rbegin(); i != changes.rend(); ++i) {
      if (!(*i)->result && !(*i)->given_up) line.insert(line.begin(), *i);
    }
  }

  void leave(const std::shared_ptr<DynChange>& change) {
    std::erase(waiting[change->plan.key.zone], change);
  }

  asio::any_io_executor executor;
  DynSession session;
  DynZones zones;
  ProofServers proof_servers;
  Places turn;  // one request of a session after the other
  bool keeps_generation;
  Millis proof_deadline{0};
  std::map<std::string, std::vector<std::shared_ptr<DynChange>>> waiting;  // by zone
};

DynProvider::DynProvider(Surroundings surroundings, DynOptions options)
    : state_(std::make_shared<State>(std::move(surroundings), options.keeps_generation)) {
  reconfigure(std::move(options));
}

DynProvider::~DynProvider() = default;

void DynProvider::reconfigure(DynOptions options) {
  state_->proof_deadline = options.proof_deadline;
  state_->proof_servers.configure(std::move(options.name_servers));
  auto account = std::make_shared<const DynAccount>(options.account);
  state_->session.configure(std::move(account), std::move(options.send));
}

ProviderCapabilities DynProvider::capabilities() const {
  ProviderCapabilities can;
  can.atomic_type_change = true;  // both halves are published together
  can.keeps_generation = state_->keeps_generation;
  can.proof_deadline = state_->proof_deadline;
  can.read_time = can.write_time = call_time;
  can.rate = calls_a_second;
  can.at_once = calls_at_once;
  return can;
}

awaitable<Fallible<LiveRecord>> DynProvider::read(RecordKey key, TimePoint deadline) {
  const auto state = state_;
  const auto place = co_await state->turn.take(deadline);
  if (!place) co_return Error{errc::timed_out, "the session was busy with other names"};
  auto live = co_await state->zones.read(std::move(key), deadline);
  co_return live;
}

awaitable<ApplyResult> DynProvider::apply(SwapPlan plan, TimePoint deadline) {
  const auto state = state_;
  const auto zone = plan.key.zone;
  const auto mine = std::make_shared<DynChange>();
  mine->plan = std::move(plan);
  state->waiting[zone].push_back(mine);
  const auto place = co_await state->turn.take(deadline);
  if (mine->result) co_return *mine->result;
  const auto& line = state->waiting[zone];
  const bool in_line = std::find(line.begin(), line.end(), mine) != line.end();
  if (!in_line) {
    // It is part of a publication that is under way, and our time is up.
    mine->given_up = true;
    co_return ApplyResult(SwapOutcome::unknown,
                          "the publication that it is part of takes too long");
  }
  if (!place) {
    state->leave(mine);
    co_return ApplyResult(SwapOutcome::failed, "the session was busy with other names");
  }
  const auto executor = state->executor;
  co_await sleep_for(executor, collecting);
  const auto together = state->take(mine);
  auto changes = together;
  co_await state->zones.change(zone, std::move(changes), deadline);
  state->back_in_line(together);
  co_return *mine->result;
}

awaitable<std::vector<ServerEvidence>> DynProvider::prove(RecordKey key, RecordSet want,
                                                          TimePoint deadline) {
  const auto state = state_;
  auto evidence = co_await state->proof_servers.prove(std::move(key), std::move(want), deadline);
  co_return evidence;
}

awaitable<void> DynProvider::leave(TimePoint deadline) {
  const auto state = state_;
  const auto place = co_await state->turn.take(deadline);
  if (place) co_await state->session.end(deadline);
}

}  // namespace hotswapd
