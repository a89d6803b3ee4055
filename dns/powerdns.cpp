#include "dns/powerdns.hpp"

#include <utility>

#include "core/text.hpp"
#include "dns/http_trouble.hpp"
#include "dns/live_record.hpp"
#include "dns/proof_servers.hpp"

namespace hotswapd {

namespace {

using powerdns::Found;
using OptionsPtr = std::shared_ptr<const PowerdnsOptions>;

constexpr int readings = 3;
constexpr const char* foreign_mark = "remove it, or nothing is written";

// Record and generation as they stood at one moment.
struct Snapshot {
  Found found;
  std::optional<RecordSet> set;
  std::optional<FoundMark> mark;
};

std::string mark_of_name(const RecordKey& key) {
  return "_hotswap." + key.fqdn;
}

awaitable<Fallible<Found>> ask(OptionsPtr options, std::function<WallTime()> wall_clock,
                               std::string zone, std::string name, TimePoint deadline) {
  auto call = powerdns::read_call(options->api, zone, name, deadline);
  const auto kept = call;
  const HttpSend send = options->send;
  const auto reply = co_await send(std::move(call));
  if (!reply) co_return reply.error();
  if (reply->status == 200) co_return powerdns::parse_zone(kept, *reply, name);
  auto trouble = http_trouble(kept, *reply, powerdns::said(*reply), wall_clock());
  if (reply->status == 404)
    trouble.text += " (is the zone " + clean(zone) + " there, and server_id right?)";
  co_return trouble;
}

awaitable<NameServerSet> find_name_servers(OptionsPtr options,
                                           PowerdnsProvider::Surroundings around, std::string zone,
                                           TimePoint deadline) {
  auto wall_clock = around.wall_clock;
  const auto apex = co_await ask(options, std::move(wall_clock), zone, zone, deadline);
  NameServerSet out;
  if (!apex) {
    out.trouble = apex.error().text;
    out.retry_after = apex.error().hint.retry_after;
    co_return out;
  }
  auto names = apex->records.name_servers;
  auto lookup = around.lookup;
  out = co_await find_addresses(std::move(names), std::move(lookup), deadline);
  co_return out;
}

}  // namespace

struct PowerdnsProvider::State {
  Surroundings around;
  std::shared_ptr<const PowerdnsOptions> options;
  ProofServers proof_servers{[this](std::string zone, TimePoint deadline) {
    return find_name_servers(options, around, std::move(zone), deadline);
  }};
};

namespace {

// The generation is read before and after the record: only where it stayed the same do the two
// belong together.
awaitable<Fallible<Snapshot>> look(OptionsPtr options, std::function<WallTime()> wall_clock,
                                   RecordKey key, TimePoint deadline) {
  const auto beside = mark_of_name(key);
  auto mark = co_await ask(options, wall_clock, key.zone, beside, deadline);
  if (!mark) co_return mark.error();
  for (int reading = 0; reading < readings; ++reading) {
    auto record = co_await ask(options, wall_clock, key.zone, key.fqdn, deadline);
    if (!record) co_return record.error();
    auto again = co_await ask(options, wall_clock, key.zone, beside, deadline);
    if (!again) co_return again.error();
    const bool same = again->records.texts == mark->records.texts;
    mark = std::move(again);
    if (!same) continue;
    if (!record->maker.empty()) {
      co_return Error{errc::conflict, clean(key.fqdn) + " has a record of the type " +
                                          record->maker + ", which answers instead of a set"};
    }
    auto set = found_set(record->records, AuthReply(), key.fqdn);
    if (!set) co_return set.error();
    const auto found = found_mark(mark->records, key.fqdn, foreign_mark);
    if (!found) co_return found.error();
    co_return Snapshot{std::move(*record), std::move(*set), *found};
  }
  co_return Error{errc::unavailable, "the record changes faster than it can be read"};
}

bool as_expected(const SwapPlan& plan, const Snapshot& now) {
  if (now.set.has_value() != plan.expect.has_value()) return false;
  return !now.set || now.set->same_values(*plan.expect);
}

// nullopt: the record is the one that was expected, and may be written.
std::optional<ApplyResult> compare(const SwapPlan& plan, const Snapshot& now) {
  const bool marked = now.mark && now.mark->mark == mark_of(plan.generation, plan.op, plan.want);
  if (marked && now.set && tells_of(now.mark->mark, *now.set))
    return ApplyResult{SwapOutcome::already, "this write is there already"};
  const auto generation =
      now.mark ? std::optional<std::uint64_t>(now.mark->mark.generation) : std::nullopt;
  if (generation != plan.expect_generation) {
    const auto there = generation ? "the generation there is " + std::to_string(*generation)
                                  : std::string("there is no generation record");
    return ApplyResult{SwapOutcome::conflict, there + ", not the one that was expected"};
  }
  if (as_expected(plan, now)) return std::nullopt;
  return ApplyResult{
      SwapOutcome::conflict,
      "found " + (now.set ? clean(to_string(*now.set)) : "no record") + ", not what was expected"};
}

}  // namespace

PowerdnsProvider::PowerdnsProvider(Surroundings surroundings, PowerdnsOptions options)
    : state_(std::make_shared<State>()) {
  state_->around = std::move(surroundings);
  reconfigure(std::move(options));
}

PowerdnsProvider::~PowerdnsProvider() = default;

void PowerdnsProvider::reconfigure(PowerdnsOptions options) {
  state_->proof_servers.configure(std::move(options.name_servers));
  state_->options = std::make_shared<const PowerdnsOptions>(std::move(options));
}

void PowerdnsProvider::leave_alone(TimePoint until) {
  state_->proof_servers.leave_alone(until);
}

ProviderCapabilities PowerdnsProvider::capabilities() const {
  ProviderCapabilities can;
  // No atomic_type_change: PowerDNS 4.7 makes one where the deletion stands first, and answers 422
  // where it does not; nothing documents either.
  can.keeps_generation = true;
  can.proof_deadline = state_->options->proof_deadline;
  can.at_once = 8;
  return can;
}

awaitable<Fallible<LiveRecord>> PowerdnsProvider::read(RecordKey key, TimePoint deadline) {
  const auto state = state_;
  auto wall_clock = state->around.wall_clock;
  auto found = co_await look(state->options, std::move(wall_clock), std::move(key), deadline);
  if (!found) co_return found.error();
  const auto serial = found->found.records.serial;
  co_return live_record(std::move(found->set), found->mark, serial);
}

awaitable<ApplyResult> PowerdnsProvider::apply(SwapPlan plan, TimePoint deadline) {
  const auto state = state_;
  const auto options = state->options;
  if (plan.want.values.empty())
    co_return ApplyResult(SwapOutcome::refused, "a set without a record is never written");
  auto wall_clock = state->around.wall_clock;
  auto key = plan.key;
  const auto now = co_await look(options, std::move(wall_clock), std::move(key), deadline);
  if (!now) co_return question_failed(now.error());
  if (auto over = compare(plan, *now)) co_return std::move(*over);
  auto call = powerdns::write_call(options->api, plan, now->found, deadline);
  const auto kept = call;
  const HttpSend send = options->send;
  const auto reply = co_await send(std::move(call));
  if (!reply) co_return write_failed(reply.error());
  if (reply->status >= 200 && reply->status < 300) {
    co_return ApplyResult(SwapOutcome::applied, parse_http_url(kept.url)->origin() + " answers " +
                                                    std::to_string(reply->status));
  }
  const auto wall = state->around.wall_clock();
  auto trouble = http_trouble(kept, *reply, powerdns::said(*reply), wall);
  const bool turns = now->set && now->set->type != plan.want.type &&
                     (now->set->type == RecordType::cname || plan.want.type == RecordType::cname);
  if (reply->status == 422 && turns)
    trouble.text += " (it did not take an address for a CNAME, or the other way round)";
  co_return write_failed(trouble);
}

awaitable<std::vector<ServerEvidence>> PowerdnsProvider::prove(RecordKey key, RecordSet want,
                                                               TimePoint deadline) {
  const auto state = state_;
  co_return co_await state->proof_servers.prove(std::move(key), std::move(want), deadline);
}

}  // namespace hotswapd
