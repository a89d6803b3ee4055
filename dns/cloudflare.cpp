#include "dns/cloudflare.hpp"

#include <utility>

#include "core/text.hpp"
#include "dns/http_trouble.hpp"
#include "dns/proof_servers.hpp"

namespace hotswapd {

namespace {

using cloudflare::Record;
using cloudflare::Snapshot;
using OptionsPtr = std::shared_ptr<const CloudflareOptions>;

constexpr int most_pages = 20;

awaitable<Fallible<HttpReply>> exchange(OptionsPtr options, HttpCall call) {
  const HttpSend send = options->send;
  co_return co_await send(std::move(call));
}

awaitable<Fallible<std::vector<Record>>> list(OptionsPtr options, std::function<WallTime()> wall,
                                              std::string name, TimePoint deadline) {
  std::vector<Record> out;
  for (int number = 1; number <= most_pages; ++number) {
    const auto call = cloudflare::list_call(options->api, name, number, deadline);
    const auto reply = co_await exchange(options, call);
    if (!reply) co_return reply.error();
    auto page = cloudflare::parse_page(call, *reply, name, wall());
    if (!page) co_return page.error();
    out.insert(out.end(), page->records.begin(), page->records.end());
    if (number >= page->pages) co_return out;
  }
  co_return Error{errc::corrupt, clean(name) + " has more records than a name can have"};
}

awaitable<Fallible<cloudflare::Zone>> zone_of(OptionsPtr options, std::function<WallTime()> wall,
                                              TimePoint deadline) {
  const auto call = cloudflare::zone_call(options->api, deadline);
  const auto reply = co_await exchange(options, call);
  if (!reply) co_return reply.error();
  co_return cloudflare::parse_zone(call, *reply, wall());
}

awaitable<NameServerSet> find_name_servers(OptionsPtr options,
                                           CloudflareProvider::Surroundings around,
                                           TimePoint deadline) {
  auto wall = around.wall_clock;
  const auto zone = co_await zone_of(options, std::move(wall), deadline);
  NameServerSet out;
  if (!zone) {
    out.trouble = zone.error().text + "; write name_servers, or give the token Zone:Read";
    out.retry_after = zone.error().hint.retry_after;
    co_return out;
  }
  std::vector<wire::Name> names;
  for (const auto& server : zone->name_servers) {
    if (const auto name = wire::Name::from_text(server)) names.push_back(*name);
  }
  auto lookup = around.lookup;
  out = co_await find_addresses(std::move(names), std::move(lookup), deadline);
  co_return out;
}

}  // namespace

struct CloudflareProvider::State {
  Surroundings around;
  std::shared_ptr<const CloudflareOptions> options;
  ProofServers proof_servers{[this](std::string, TimePoint deadline) {
    return find_name_servers(options, around, deadline);
  }};
  std::string checked_zone;  // its name is known to be that of the id
};

namespace {

// nullopt: the record is the one that was expected, and may be written.
std::optional<ApplyResult> compare(const SwapPlan& plan, const Snapshot& now) {
  if (now.mark && *now.mark == mark_of(plan.generation, plan.op, plan.want) &&
      tells_of(*now.mark, *now.set))
    return ApplyResult{SwapOutcome::already, "this write is there already"};
  const auto generation =
      now.mark ? std::optional<std::uint64_t>(now.mark->generation) : std::nullopt;
  if (generation != plan.expect_generation) {
    const auto there = generation ? "the generation there is " + std::to_string(*generation)
                                  : std::string("there is no generation");
    return ApplyResult{SwapOutcome::conflict, there + ", not the one that was expected"};
  }
  const bool same = now.set && plan.expect ? now.set->same_values(*plan.expect)
                                           : now.set.has_value() == plan.expect.has_value();
  if (same) return std::nullopt;
  return ApplyResult{
      SwapOutcome::conflict,
      "found " + (now.set ? clean(to_string(*now.set)) : "no record") + ", not what was expected"};
}

bool turns(const SwapPlan& plan, const Snapshot& now) {
  return now.set && now.set->type != plan.want.type &&
         (now.set->type == RecordType::cname || plan.want.type == RecordType::cname);
}

}  // namespace

CloudflareProvider::CloudflareProvider(Surroundings surroundings, CloudflareOptions options)
    : state_(std::make_shared<State>()) {
  state_->around = std::move(surroundings);
  reconfigure(std::move(options));
}

CloudflareProvider::~CloudflareProvider() = default;

void CloudflareProvider::reconfigure(CloudflareOptions options) {
  state_->proof_servers.configure(std::move(options.name_servers));
  state_->options = std::make_shared<const CloudflareOptions>(std::move(options));
}

void CloudflareProvider::leave_alone(TimePoint until) {
  state_->proof_servers.leave_alone(until);
}

ProviderCapabilities CloudflareProvider::capabilities() const {
  ProviderCapabilities can;
  can.keeps_generation = true;
  can.proof_deadline = state_->options->proof_deadline;
  // 1,200 requests in five minutes, of which a quarter is one a second; read() is one, apply() two.
  can.rate = 0.7;
  can.at_once = 4;
  return can;
}

awaitable<Fallible<LiveRecord>> CloudflareProvider::read(RecordKey key, TimePoint deadline) {
  const auto state = state_;
  auto wall = state->around.wall_clock;
  const auto records = co_await list(state->options, std::move(wall), key.fqdn, deadline);
  if (!records) co_return records.error();
  auto now = cloudflare::snapshot_of(*records, key.fqdn);
  if (!now) co_return now.error();
  LiveRecord out;
  if (now->mark) {
    out.generation = now->mark->generation;
    if (now->set && tells_of(*now->mark, *now->set)) out.op = now->mark->op;
  }
  out.set = std::move(now->set);
  co_return out;
}

awaitable<ApplyResult> CloudflareProvider::apply(SwapPlan plan, TimePoint deadline) {
  const auto state = state_;
  const auto options = state->options;
  const auto wall = state->around.wall_clock;
  if (plan.want.values.empty())
    co_return ApplyResult(SwapOutcome::refused, "a set without a record is never written");
  auto wall_now = wall;
  const auto records = co_await list(options, std::move(wall_now), plan.key.fqdn, deadline);
  if (!records) co_return question_failed(records.error());
  const auto now = cloudflare::snapshot_of(*records, plan.key.fqdn);
  if (!now) co_return question_failed(now.error());
  if (auto over = compare(plan, *now)) co_return std::move(*over);
  if (turns(plan, *now)) {
    co_return ApplyResult(SwapOutcome::refused,
                          "Cloudflare's name servers learn of each record by itself: a change "
                          "between an address and a CNAME would leave the name empty for a moment");
  }
  // Where records of the name are listed the zone is the right one; else it would be made in
  // whatever zone the id is of.
  if (records->empty() && state->checked_zone != plan.key.zone) {
    auto wall_then = wall;
    const auto zone = co_await zone_of(options, std::move(wall_then), deadline);
    if (!zone) co_return question_failed(zone.error());
    if (zone->name != plan.key.zone) {
      co_return ApplyResult(SwapOutcome::refused, "zone_id is the zone " + clean(zone->name) +
                                                      ", not " + clean(plan.key.zone));
    }
    state->checked_zone = plan.key.zone;
  }
  const auto call = cloudflare::batch_call(options->api, plan, *records, deadline);
  const auto reply = co_await exchange(options, call);
  if (!reply) co_return write_failed(reply.error());
  const auto done = cloudflare::parse_done(call, *reply, wall());
  if (!done) co_return write_failed(done.error());
  co_return ApplyResult(SwapOutcome::applied, "the API answers " + std::to_string(reply->status));
}

awaitable<std::vector<ServerEvidence>> CloudflareProvider::prove(RecordKey key, RecordSet want,
                                                                 TimePoint deadline) {
  const auto state = state_;
  co_return co_await state->proof_servers.prove(std::move(key), std::move(want), deadline);
}

}  // namespace hotswapd
