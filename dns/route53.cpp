// The provider `route53`.
#include "dns/route53.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "core/text.hpp"
#include "dns/proof_servers.hpp"
#include "dns/route53_message.hpp"

namespace hotswapd {
namespace {

// Five requests a second are served to an account; a write makes two of them.
constexpr double calls_per_second = 2;
// A change is two requests that wait for their turn, and may have keys to fetch before them.
constexpr Millis call_time{10'000};
constexpr int page_size = 100;
constexpr int readings = 3;
constexpr Millis first_poll{2'000};
constexpr Millis longest_poll{30'000};
constexpr Millis between_polls{1'000};  // of all names: swaps come first

// What became of the last change of a name, as Route 53 tells it.
struct Change {
  std::string id;
  bool in_sync = false;
  bool asking = false;
  Millis pause = first_poll;
  TimePoint next;
};

aws::Operation get(std::string path, std::string query) {
  aws::Operation operation;
  operation.service = aws::Service::route53;
  operation.path = std::move(path);
  operation.query = std::move(query);
  return operation;
}

Error plain(const aws::CallError& error) {
  return {error.code, error.text, error.hint};
}

TimePoint half_way(TimePoint deadline) {
  const auto now = Clock::now();
  return now + std::max(deadline - now, Clock::duration::zero()) / 2;
}

awaitable<Fallible<route53::Page>> list(Route53Provider::Call call, std::string zone_id,
                                        std::string query, TimePoint deadline) {
  auto operation = get(route53::list_path(zone_id), std::move(query));
  const auto reply = co_await call(std::move(operation), deadline);
  if (!reply) co_return plain(reply.error());
  co_return route53::read_page(reply->body);
}

// One page shows a name and its mark nearly always: they stand close to each other. Where it does
// not, the name is read again after the mark: only where it stayed the same the two belong
// together.
awaitable<Fallible<route53::NameState>> read_name(Route53Provider::Call call, std::string zone_id,
                                                  std::string fqdn, TimePoint deadline) {
  const std::string mark = "_hotswap." + fqdn;
  std::optional<route53::NameState> before;
  for (int reading = 0; reading < readings; ++reading) {
    auto query = route53::list_query(fqdn, page_size);
    const auto page = co_await list(call, zone_id, std::move(query), deadline);
    if (!page) co_return page.error();
    route53::NameState state;
    route53::add(state, *page, fqdn);
    if (page->next_name.empty() || route53::past(page->next_name, mark)) co_return state;
    auto mark_query = route53::list_query(mark, page_size);
    const auto marks = co_await list(call, zone_id, std::move(mark_query), deadline);
    if (!marks) co_return marks.error();
    state.at_mark.clear();
    route53::add(state, *marks, fqdn);
    if (before && *before == state) co_return state;
    before = std::move(state);
  }
  co_return Error{errc::unavailable, "the record changes faster than it can be read"};
}

awaitable<NameServerSet> find_servers(Route53Provider::Surroundings around, std::string zone_id,
                                      std::string zone, TimePoint deadline) {
  NameServerSet out;
  auto query = route53::list_query(zone, 1) + "&type=NS";
  const auto call = around.call;
  const auto page = co_await list(call, zone_id, std::move(query), deadline);
  if (!page) {
    out.trouble = page.error().text;
    out.retry_after = page.error().hint.retry_after;
    co_return out;
  }
  const auto lookup = around.lookup;
  for (const auto& name : route53::name_servers(*page, zone)) {
    const auto addresses = co_await lookup(name, deadline);
    if (!addresses) {
      out.unknown.emplace_back(clean(name), "its address is not known: " + addresses.error().text);
      continue;
    }
    for (const auto& address : *addresses) {
      const auto at = DnsEndpoint::parse(address, 53);
      const bool fresh =
          at && std::find(out.servers.begin(), out.servers.end(), *at) == out.servers.end();
      if (fresh) out.servers.push_back(*at);
    }
  }
  co_return out;
}

// Nothing but questions has left.
ApplyResult not_applied(const Error& error) {
  auto outcome = SwapOutcome::failed;
  if (error.code == errc::conflict) outcome = SwapOutcome::conflict;
  if (error.code == errc::refused || error.code == errc::invalid_argument)
    outcome = SwapOutcome::refused;
  return {outcome, error.text, error.hint};
}

// What is known before anything is written; nullopt: the batch may go.
std::optional<ApplyResult> settled(const SwapPlan& plan, const route53::Found& found) {
  if (found.mark && found.mark->mark == mark_of(plan.generation, plan.op, plan.want))
    return ApplyResult{SwapOutcome::already, "this write is there already"};
  const auto generation = found.mark ? std::optional(found.mark->mark.generation) : std::nullopt;
  if (generation != plan.expect_generation) {
    return ApplyResult{SwapOutcome::conflict,
                       (generation ? "the generation there is " + std::to_string(*generation)
                                   : std::string("there is no generation record")) +
                           ", not the one that was expected"};
  }
  const bool same = plan.expect ? found.set && found.set->same_values(*plan.expect) : !found.set;
  if (same) return std::nullopt;
  return ApplyResult{SwapOutcome::conflict,
                     found.set ? "the record there is " + clean(to_string(*found.set))
                               : std::string("there is no record")};
}

ApplyResult not_changed(const aws::CallError& error) {
  if (error.code == errc::unknown_fate) return {SwapOutcome::unknown, error.text, error.hint};
  if (!error.service.code.empty() && error.code == errc::refused && error.hint == Hint())
    return {route53::outcome_of(error.service), error.text};
  return not_applied(error);
}

}  // namespace

struct Route53Provider::State {
  Surroundings around;
  std::shared_ptr<const Route53Options> options;
  ProofServers proof_servers{[this](std::string zone, TimePoint deadline) {
    return find_servers(around, options->zone_id, std::move(zone), deadline);
  }};
  std::map<RecordKey, Change> changes;
  TimePoint next_poll{};
};

Route53Provider::Route53Provider(Surroundings surroundings, Route53Options options)
    : state_(std::make_shared<State>()) {
  state_->around = std::move(surroundings);
  reconfigure(std::move(options));
}

Route53Provider::~Route53Provider() = default;

void Route53Provider::reconfigure(Route53Options options) {
  state_->proof_servers.configure(std::move(options.name_servers));
  state_->options = std::make_shared<const Route53Options>(std::move(options));
}

void Route53Provider::leave_alone(TimePoint until) {
  state_->proof_servers.leave_alone(until);
}

ProviderCapabilities Route53Provider::capabilities() const {
  ProviderCapabilities out;
  out.compare_and_set = true;
  out.atomic_type_change = true;
  out.keeps_generation = true;
  out.proof_deadline = state_->options->proof_deadline;
  out.rate = calls_per_second;
  out.at_once = 4;
  out.read_time = call_time;
  out.write_time = call_time;
  return out;
}

awaitable<Fallible<LiveRecord>> Route53Provider::read(RecordKey key, TimePoint deadline) {
  const auto state = state_;
  const auto call = state->around.call;
  const auto zone_id = state->options->zone_id;
  const auto fqdn = key.fqdn;
  const auto live = co_await read_name(call, zone_id, fqdn, deadline);
  if (!live) co_return live.error();
  auto found = route53::understand(*live, key.fqdn);
  if (!found) co_return found.error();
  co_return live_record(std::move(found->set), found->mark, std::nullopt);
}

awaitable<ApplyResult> Route53Provider::apply(SwapPlan plan, TimePoint deadline) {
  const auto state = state_;
  const auto call = state->around.call;
  const auto zone_id = state->options->zone_id;
  if (plan.want.type == RecordType::cname && plan.key.fqdn == plan.key.zone) {
    co_return ApplyResult(SwapOutcome::refused,
                          "a CNAME cannot stand at the top of a zone; give backups as addresses");
  }
  const auto ask_until = half_way(deadline);
  const auto fqdn = plan.key.fqdn;
  const auto live = co_await read_name(call, zone_id, fqdn, ask_until);
  if (!live) co_return not_applied(live.error());
  const auto found = route53::understand(*live, plan.key.fqdn);
  if (!found) co_return not_applied(found.error());
  if (const auto known = settled(plan, *found)) co_return *known;
  aws::Operation operation = get(route53::change_path(zone_id), "");
  operation.method = "POST";
  operation.effect = aws::Effect::once;
  operation.content_type = route53::xml_type;
  operation.body = route53::change_batch(plan, *live);
  const auto reply = co_await call(std::move(operation), deadline);
  if (!reply) co_return not_changed(reply.error());
  const auto change = route53::read_change(reply->body);
  if (!change) co_return ApplyResult(SwapOutcome::unknown, change.error().text);
  auto& kept = state->changes[plan.key];
  kept = Change{change->id, change->in_sync, false, first_poll, Clock::now() + first_poll};
  co_return ApplyResult(SwapOutcome::applied, "Route 53 accepted the change " +
                                                  clean(change->id, 64) +
                                                  (change->in_sync ? ", INSYNC" : ", PENDING"));
}

namespace {

awaitable<void> poll(Route53Provider::Call call, Change* change, TimePoint deadline) {
  const auto id = change->id;
  change->asking = true;
  auto operation = get(route53::change_status_path(id), "");
  const auto reply = co_await call(std::move(operation), deadline);
  change->asking = false;
  if (change->id != id) co_return;  // a later change took its place
  change->next = Clock::now() + change->pause;
  change->pause = std::min(change->pause * 2, longest_poll);
  if (!reply) {
    // One that is too old to be remembered has long been made.
    if (reply.error().service.code == "NoSuchChange") change->in_sync = true;
    co_return;
  }
  const auto told = route53::read_change(reply->body);
  if (told && told->id == id) change->in_sync = told->in_sync;
}

}  // namespace

awaitable<std::vector<ServerEvidence>> Route53Provider::prove(RecordKey key, RecordSet want,
                                                              TimePoint deadline) {
  const auto state = state_;
  const auto change = state->changes.find(key);
  const bool known_change = change != state->changes.end();
  if (known_change) {
    auto& one = change->second;
    const auto now = Clock::now();
    if (!one.in_sync && !one.asking && now >= std::max(one.next, state->next_poll)) {
      state->next_poll = now + between_polls;
      const auto call = state->around.call;
      const auto until = half_way(deadline);
      co_await poll(call, &one, until);
    }
  }
  auto evidence = co_await state->proof_servers.prove(key, std::move(want), deadline);
  if (known_change) {
    // Each name server answers from many places, of which we see one; Route 53 knows of all.
    ServerEvidence line;
    line.server = "Route 53, change " + clean(change->second.id, 64);
    line.proved = change->second.in_sync;
    line.detail = line.proved ? "INSYNC" : "PENDING";
    evidence.push_back(std::move(line));
  }
  co_return evidence;
}

}  // namespace hotswapd
