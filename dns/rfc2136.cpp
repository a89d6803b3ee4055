// The provider `rfc2136`.
#include "dns/rfc2136.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/text.hpp"
#include "dns/live_record.hpp"
#include "dns/name_server_set.hpp"
#include "dns/proof_servers.hpp"

namespace hotswapd {

struct Rfc2136Provider::State {
  Surroundings around;
  std::shared_ptr<const Rfc2136Options> options;
  std::shared_ptr<const LinkOptions> link;
  std::vector<TimePoint> ill_until;  // of each server
  ProofServers proof_servers{[this](std::string zone, TimePoint deadline) {
    return servers_of_zone(*this, std::move(zone), deadline);
  }};

  static awaitable<NameServerSet> servers_of_zone(State& state, std::string zone,
                                                  TimePoint deadline);
};

namespace {

constexpr Millis ill_for{30'000};
constexpr std::size_t most_addresses = 16;
constexpr int readings = 3;
constexpr std::size_t calls_at_once = 32;  // each is a connection of its own

// An address of one of the servers.
struct Candidate {
  std::size_t server = 0;
  DnsEndpoint at;
};

struct Candidates {
  std::vector<Candidate> list;
  std::string troubles;  // of servers whose address is not known
};

void add_trouble(std::string& troubles, const std::string& trouble) {
  troubles += (troubles.empty() ? "" : "; ") + trouble;
}

// Its fair share of the time that is left, so that a silent one leaves some to those behind it.
TimePoint share(TimePoint deadline, std::size_t left) {
  const auto now = Clock::now();
  return now + std::max(deadline - now, Clock::duration::zero()) / static_cast<int>(left);
}

std::vector<std::size_t> in_turn(const std::vector<TimePoint>& ill_until) {
  const auto now = Clock::now();
  std::vector<std::size_t> order;
  for (const bool ill : {false, true}) {
    for (std::size_t i = 0; i < ill_until.size(); ++i) {
      if ((ill_until[i] > now) == ill) order.push_back(i);
    }
  }
  return order;
}

struct Names {
  wire::Name record, mark, zone;
};

Fallible<Names> names_of(const RecordKey& key) {
  const auto record = wire::Name::from_text(key.fqdn);
  const auto zone = wire::Name::from_text(key.zone);
  const auto mark = record ? mark_name(*record) : std::nullopt;
  if (!record || !zone || !mark)
    return Error{errc::invalid_argument, clean(key.fqdn) + " is no name that can be swapped"};
  return Names{*record, *mark, *zone};
}

// The generation is read before and after the record: only where it stayed the same do the two
// belong together.
awaitable<Fallible<LiveRecord>> read_by(PrimaryLink& link, Names names, std::string fqdn,
                                        WriteGuard guard, TimePoint deadline) {
  std::vector<PrimaryQuestion> record;
  record.push_back({names.record, wire::type::a});
  record.push_back({names.record, wire::type::aaaa});
  record.push_back({names.zone, wire::type::soa});
  std::vector<PrimaryQuestion> mark;
  mark.push_back({names.mark, wire::type::txt});
  const bool marks = guard == WriteGuard::generation;
  std::vector<std::vector<std::string>> before;
  if (marks) {
    auto questions = mark;
    auto replies = co_await link.ask(std::move(questions), deadline);
    if (!replies) co_return replies.error();
    before = std::move(replies->front().texts);
  }
  for (int reading = 0; reading < readings; ++reading) {
    auto questions = record;
    auto replies = co_await link.ask(std::move(questions), deadline);
    if (!replies) co_return replies.error();
    auto set = found_set((*replies)[0], (*replies)[1], fqdn);
    if (!set) co_return set.error();
    const auto serial = (*replies)[2].serial;
    if (!marks) co_return live_record(std::move(*set), std::nullopt, serial);
    auto again = mark;
    auto marked = co_await link.ask(std::move(again), deadline);
    if (!marked) co_return marked.error();
    if (marked->front().texts == before) {
      const auto found = found_mark(marked->front(), fqdn);
      if (!found) co_return found.error();
      co_return live_record(std::move(*set), *found, serial);
    }
    before = std::move(marked->front().texts);
  }
  co_return Error{errc::unavailable, "the record changes faster than it can be read"};
}

struct Attempt {
  UpdateClass what = UpdateClass::unknown;
  std::optional<SwapOutcome> known;  // without an update: `already`, `conflict`
  std::string detail;
  Hint hint = {};
};

Attempt attempt_failed(const Error& error) {
  // Nothing but questions has left.
  const bool refused = error.code == errc::refused || error.code == errc::conflict ||
                       error.code == errc::invalid_argument;
  return {
      refused ? UpdateClass::configuration : UpdateClass::unreached, {}, error.text, error.hint};
}

awaitable<Attempt> apply_by(PrimaryLink& link, Names names, const SwapPlan& plan, WriteGuard guard,
                            TimePoint ask_until, TimePoint deadline) {
  const auto opened = co_await link.open(ask_until);
  if (!opened) co_return attempt_failed(opened.error());
  std::optional<std::string> expected;
  if (guard == WriteGuard::generation) {
    std::vector<PrimaryQuestion> questions;
    questions.push_back({names.mark, wire::type::txt});
    const auto replies = co_await link.ask(std::move(questions), ask_until);
    if (!replies) co_return attempt_failed(replies.error());
    const auto found = found_mark(replies->front(), plan.key.fqdn);
    if (!found) co_return attempt_failed(found.error());
    const auto& mark = *found;
    if (mark && mark->mark == mark_of(plan.generation, plan.op, plan.want)) {
      co_return Attempt(UpdateClass::applied, SwapOutcome::already, "this write is there already");
    }
    const auto generation =
        mark ? std::optional<std::uint64_t>(mark->mark.generation) : std::nullopt;
    if (generation != plan.expect_generation) {
      const auto text = mark ? "the generation there is " + std::to_string(*generation)
                             : std::string("there is no generation record");
      co_return Attempt(UpdateClass::lost_race, SwapOutcome::conflict,
                        text + ", not the one that was expected");
    }
    if (mark) expected = mark->text;
  }
  const auto id = random_message_id();
  if (!id) co_return attempt_failed(id.error());
  auto message = encode_update(*id, plan, guard, expected);
  if (!message) co_return attempt_failed(message.error());
  auto answer = co_await link.update(std::move(*message), *id, names.zone, deadline);
  if (answer.rcode == wire::Rcode::yxrrset && plan.want.type == RecordType::cname) {
    // It will be refused again until somebody has tidied up: a race it is not.
    answer.what = UpdateClass::configuration;
    answer.detail += ": the name has other records, and a CNAME cannot stand beside them";
  }
  co_return Attempt(answer.what, std::nullopt, std::move(answer.detail), answer.hint);
}

}  // namespace

Rfc2136Provider::Rfc2136Provider(Surroundings surroundings, Rfc2136Options options)
    : state_(std::make_shared<State>()) {
  state_->around = std::move(surroundings);
  state_->ill_until.resize(options.servers.size());
  reconfigure(std::move(options));
}

Rfc2136Provider::~Rfc2136Provider() = default;

void Rfc2136Provider::reconfigure(Rfc2136Options options) {
  LinkOptions link{options.key, options.by_udp, state_->around.wall_clock};
  state_->link = std::make_shared<const LinkOptions>(std::move(link));
  options.key.reset();
  state_->proof_servers.configure(std::move(options.name_servers));
  state_->options = std::make_shared<const Rfc2136Options>(std::move(options));
}

ProviderCapabilities Rfc2136Provider::capabilities() const {
  const auto& options = *state_->options;
  ProviderCapabilities can;
  can.compare_and_set = can.atomic_type_change = true;
  can.keeps_generation = options.guard == WriteGuard::generation;
  can.proof_deadline = options.proof_deadline;
  can.at_once = calls_at_once;
  return can;
}

namespace {

awaitable<Fallible<std::vector<DnsEndpoint>>> addresses_of(
    const Rfc2136Provider::Surroundings& around, std::string host, std::uint16_t port,
    TimePoint deadline) {
  std::vector<DnsEndpoint> out;
  std::vector<std::string> addresses;
  if (canonical_address(host)) {
    addresses.push_back(host);
  } else {
    auto found = co_await around.lookup(host, deadline);
    if (!found) co_return found.error();
    addresses = std::move(*found);
  }
  for (const auto& address : addresses) {
    const auto at = DnsEndpoint::parse(address, port);
    if (at) out.push_back(*at);
  }
  co_return out;
}

awaitable<Candidates> candidates(const Rfc2136Provider::Surroundings& around,
                                 std::shared_ptr<const Rfc2136Options> options,
                                 std::vector<std::size_t> order, TimePoint deadline) {
  Candidates out;
  for (const auto server : order) {
    const auto host = options->servers[server].host;
    const auto port = options->servers[server].port;
    const auto until = share(deadline, 2);
    const auto found = co_await addresses_of(around, host, port, until);
    if (!found) {
      add_trouble(out.troubles, clean(host) + ": " + found.error().text);
      continue;
    }
    for (const auto& at : *found) {
      if (out.list.size() < most_addresses) out.list.push_back({server, at});
    }
  }
  co_return out;
}

}  // namespace

awaitable<Fallible<LiveRecord>> Rfc2136Provider::read(RecordKey key, TimePoint deadline) {
  const auto state = state_;
  const auto options = state->options;
  const auto link_options = state->link;
  const auto names = names_of(key);
  if (!names) co_return names.error();
  auto order = in_turn(state->ill_until);
  const auto asked = co_await candidates(state->around, options, std::move(order), deadline);
  std::string troubles = asked.troubles;
  // All of them have to refuse: one that is silent may take what another refuses.
  Error why{errc::unavailable, ""};
  bool first = true;
  const auto guard = options->guard;
  for (std::size_t i = 0; i < asked.list.size(); ++i) {
    const auto server = asked.list[i].server;
    PrimaryLink link(state->around.executor, asked.list[i].at, link_options);
    const auto until = share(deadline, asked.list.size() - i);
    auto live = co_await read_by(link, *names, key.fqdn, guard, until);
    if (live) {
      state->ill_until[server] = TimePoint();
      co_return live;
    }
    const auto code = live.error().code;
    if (std::exchange(first, false) || code != errc::refused) why = live.error();
    add_trouble(troubles, link.server().text() + " " + live.error().text);
    // What it holds is what the zone holds: others would say the same.
    if (code == errc::conflict) break;
    state->ill_until[server] = Clock::now() + ill_for;
    if (Clock::now() >= deadline) break;
  }
  why.text = troubles;
  co_return why;
}

awaitable<ApplyResult> Rfc2136Provider::apply(SwapPlan plan, TimePoint deadline) {
  const auto state = state_;
  const auto options = state->options;
  const auto link_options = state->link;
  const auto names = names_of(plan.key);
  if (!names) co_return ApplyResult(SwapOutcome::refused, names.error().text);
  auto order = in_turn(state->ill_until);
  const auto asked = co_await candidates(state->around, options, std::move(order), deadline);
  std::string troubles = asked.troubles;
  auto outcome = SwapOutcome::failed;
  Hint hint;
  bool first = true;
  const auto guard = options->guard;
  for (std::size_t i = 0; i < asked.list.size(); ++i) {
    const auto server = asked.list[i].server;
    PrimaryLink link(state->around.executor, asked.list[i].at, link_options);
    const auto until = share(deadline, asked.list.size() - i);
    const auto attempt = co_await apply_by(link, *names, plan, guard, until, deadline);
    add_trouble(troubles, link.server().text() + " " + attempt.detail);
    if (attempt.known) co_return ApplyResult(*attempt.known, troubles);
    const bool refused = attempt.what == UpdateClass::configuration;
    if (std::exchange(first, false) || !refused) {
      outcome = outcome_of(attempt.what);
      hint = attempt.hint;
    }
    if (attempt.what == UpdateClass::unknown || may_try_another(attempt.what))
      state->ill_until[server] = Clock::now() + ill_for;
    if (!may_try_another(attempt.what)) break;
    if (Clock::now() >= deadline) break;
  }
  co_return ApplyResult(outcome, troubles, hint);
}

awaitable<NameServerSet> Rfc2136Provider::State::servers_of_zone(State& state, std::string zone,
                                                                 TimePoint deadline) {
  const auto options = state.options;
  const auto link_options = state.link;
  auto order = in_turn(state.ill_until);
  const auto asked = co_await candidates(state.around, options, std::move(order), deadline);
  NameServerSet found;
  found.trouble = asked.troubles;
  for (std::size_t i = 0; i < asked.list.size() && found.servers.empty(); ++i) {
    PrimaryLink link(state.around.executor, asked.list[i].at, link_options);
    const auto ask_until = share(deadline, asked.list.size() - i);
    const auto& lookup = state.around.lookup;
    found = co_await find_name_servers(link, zone, lookup, ask_until);
  }
  co_return found;
}

awaitable<std::vector<ServerEvidence>> Rfc2136Provider::prove(RecordKey key, RecordSet want,
                                                              TimePoint deadline) {
  const auto state = state_;
  co_return co_await state->proof_servers.prove(std::move(key), std::move(want), deadline);
}

}  // namespace hotswapd
