#include "monitor/views.hpp"

#include <algorithm>

#include "core/timestamp.hpp"
#include "monitor/note_log.hpp"

namespace hotswapd {
namespace {

namespace json = boost::json;

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

json::value time_or_null(const std::optional<WallTime>& at) {
  return at ? json::value(to_rfc3339(*at)) : json::value(nullptr);
}

json::value millis_or_null(PhaseTime t) {
  return t ? json::value(static_cast<double>((*t).count()) / 1000.0) : json::value(nullptr);
}

std::string serving_text(const ServiceModel& m) {
  std::string text;
  for (const auto& value : m.serving_values()) text += (text.empty() ? "" : ",") + value;
  return text;
}

std::string role(std::size_t target) {
  return target == 0 ? "primary" : "backup " + std::to_string(target);
}

std::string probed_as(const ServiceSpec& spec, std::size_t target) {
  const auto* monitor = target == 0                        ? &*spec.monitor
                        : spec.backups[target - 1].monitor ? &**spec.backups[target - 1].monitor
                                                           : nullptr;
  if (monitor == nullptr) return "not probed";
  const auto& address = probed_address(spec, target);
  const auto port = effective_port(*monitor);
  const bool v6 = address.find(':') != std::string::npos;
  std::string text = v6 ? "[" + address + "]" : address;
  if (port != 0) text += ":" + std::to_string(port);
  return text + " " + to_string(monitor->protocol);
}

std::string address_of(const ServiceSpec& spec, std::size_t target) {
  return target == 0 ? spec.address : spec.backups[target - 1].data;
}

json::value forced_word(const ServiceModel& m) {
  if (!m.forced()) return nullptr;
  return m.forced()->to == ForcedTo::primary ? "primary" : "failover";
}

json::array guard_views(const std::vector<GuardCheck>& guards) {
  json::array list;
  for (const auto& g : guards)
    list.push_back(json::object{{"name", g.name}, {"holds", !g.allows}, {"text", g.text}});
  return list;
}

json::array degraded_roles(const ServiceModel& m) {
  json::array roles;
  for (std::size_t i = 0; i < m.targets().size(); ++i) {
    if (m.targets()[i].quality.degraded) roles.emplace_back(role(i));
  }
  return roles;
}

// What is shown of a target besides its health.
void add_quality(json::object& view, const ServiceModel& m, std::size_t target, WallTime now) {
  const auto& quality = m.targets()[target].quality;
  const auto* const monitor = m.monitor_of(target);
  view["degraded"] = quality.degraded;
  view["degraded_above_ms"] = monitor != nullptr && monitor->degraded_above
                                  ? json::value(monitor->degraded_above->count())
                                  : json::value(nullptr);
  view["certificate_ends"] = time_or_null(quality.certificate_ends);
  view["certificate_ends_soon"] = monitor != nullptr && expires_soon(quality, *monitor, now);
}

json::object attempt_view(const ProbeResult& a) {
  return {{"verdict", to_string(a.verdict)},
          {"class", to_string(a.failure)},
          {"phase", to_string(a.phase)},
          {"reason", a.reason},
          {"address", a.address.empty() ? json::value(nullptr) : json::value(a.address.text())},
          {"stale_address", a.stale},
          {"resolve_ms", millis_or_null(a.times.resolve)},
          {"connect_ms", millis_or_null(a.times.connect)},
          {"tls_ms", millis_or_null(a.times.tls)},
          {"first_byte_ms", millis_or_null(a.times.first_byte)},
          {"total_ms", static_cast<double>(a.times.total.count()) / 1000.0}};
}

// How far the row of rounds towards the other state has come, and how long it has to be.
json::object streak_view(const ServiceModel& m, std::size_t target) {
  const auto& t = m.targets()[target];
  const auto& spec = m.spec();
  const bool to_up = t.health.health == Health::down;
  const bool recovering = target == 0 && m.serving() != 0;
  const int need = to_up ? (recovering ? std::max(1, spec.recovery_delay) : 1) : spec.fall;
  return {{"have", t.health.streak}, {"need", need}, {"towards", to_up ? "up" : "down"}};
}

json::array proof_view(const std::vector<ServerEvidence>& proof) {
  json::array servers;
  for (const auto& e : proof) {
    servers.push_back(json::object{
        {"server", e.server}, {"proved", e.proved}, {"detail", e.detail}, {"serial", e.serial}});
  }
  return servers;
}

}  // namespace

json::object status_view(const FailoverService& service) {
  const auto& m = service.model();
  const auto& spec = m.spec();
  json::array backups;
  json::array backup_health;
  for (std::size_t i = 0; i < spec.backups.size(); ++i) {
    backups.emplace_back(spec.backups[i].data);
    backup_health.emplace_back(to_string(m.targets()[i + 1].health.health));
  }
  return {{"zone", spec.key.zone},
          {"fqdn", spec.key.fqdn},
          {"status", to_string(m.status())},
          {"active", m.active()},
          {"serving", text_or_null(serving_text(m))},
          {"primary", spec.address},
          {"backups", std::move(backups)},
          {"forced", forced_word(m)},
          {"drift", m.record_state() == RecordState::foreign ? json::value(m.foreign())
                                                             : json::value(nullptr)},
          {"proof", text_or_null(to_string(m.proof_state()))},
          {"since", to_rfc3339(m.status_since())},
          {"reason", m.reason()},
          {"degraded", degraded_roles(m)},
          {"health", json::object{{"primary", to_string(m.targets()[0].health.health)},
                                  {"backups", std::move(backup_health)}}}};
}

json::object show_view(const FailoverService& service, const Moment& now) {
  const auto& m = service.model();
  const auto& spec = m.spec();
  auto o = status_view(service);
  o["provider"] = spec.provider;
  o["mode"] = spec.mode == ServiceMode::observe ? "observe" : "act";
  o["ttl"] = spec.ttl;
  o["auto_recover"] = spec.auto_recover;
  o["recovery_delay"] = spec.recovery_delay;
  o["fall"] = spec.fall;
  o["interval_ms"] = spec.monitor->interval.count();
  o["recheck_ms"] = spec.recheck.count();
  o["max_swaps_per_hour"] = spec.max_swaps_per_hour;
  o["swaps_last_hour"] = m.budget().used(now.steady);
  o["forced_until"] = m.forced() && m.forced()->until
                          ? json::value(to_rfc3339(now.wall_at(*m.forced()->until)))
                          : json::value(nullptr);
  o["record"] =
      json::object{{"text", m.served() ? to_string(*m.served()) : std::string("no record")},
                   {"generation", m.generation()},
                   {"serial", m.serial()}};
  json::array targets;
  for (std::size_t i = 0; i < m.targets().size(); ++i) {
    const auto& t = m.targets()[i];
    const auto* telling = t.round ? t.round->telling() : nullptr;
    json::object target{
        {"role", role(i)},
        {"address", address_of(spec, i)},
        {"probed", probed_as(spec, i)},
        {"health", to_string(t.health.health)},
        {"verdict", t.round ? json::value(to_string(t.last)) : json::value(nullptr)},
        {"class",
         telling != nullptr ? json::value(to_string(telling->failure)) : json::value(nullptr)},
        {"reason", telling != nullptr ? json::value(telling->reason) : json::value(nullptr)},
        {"total_ms", telling != nullptr
                         ? json::value(static_cast<double>(telling->times.total.count()) / 1000.0)
                         : json::value(nullptr)},
        {"attempts", t.round ? t.round->attempts.size() : 0}};
    add_quality(target, m, i, now.wall);
    targets.push_back(std::move(target));
  }
  o["targets"] = std::move(targets);
  o["last_round"] = time_or_null(service.last_round_at());
  o["rounds"] = service.rounds_seen();
  o["skipped"] = service.slots_skipped();
  o["inconclusive_rounds"] = service.rounds_inconclusive();
  return o;
}

json::object explain_view(const FailoverService& service, const Moment& now,
                          const Surroundings& around, const std::optional<std::string>& blocked) {
  const auto& m = service.model();
  const auto& spec = m.spec();
  // The decision as it would be taken now, so that what it waits for is never stale; while a swap
  // runs, the one that began it.
  auto current = m.swap_under_way() ? service.last_decision() : m.decision(now, around);
  auto guards = m.guards(now, around);
  guards.push_back({"journal", !blocked, blocked.value_or("the journal takes writes")});
  if (blocked && current.action == Action::write && !m.swap_under_way()) {
    current.action = Action::hold;
    current.rule = "journal";
    current.text += ", but " + *blocked;
    current.waiting_for = "the state directory to take writes again";
  }
  const bool stuck = m.swap_under_way() && service.story() && !service.story()->waits.empty();
  if (stuck) current.waiting_for = service.story()->waits;
  if (const auto alone = service.left_alone(); !alone.empty() && current.rule == "record-unread")
    current.waiting_for = alone;
  if (const auto turn = service.waits_for_turn();
      !turn.empty() && current.action == Action::write && !m.swap_under_way()) {
    current.waiting_for = turn;
  }
  return {
      {"zone", spec.key.zone},
      {"fqdn", spec.key.fqdn},
      {"status", to_string(m.status())},
      {"serving", text_or_null(serving_text(m))},
      {"reason", m.reason()},
      {"decision", json::object{{"at", to_rfc3339_millis(service.decided_at())},
                                {"action", current.limited                   ? "alarm"
                                           : current.action == Action::write ? "swap"
                                                                             : "hold"},
                                {"rule", current.rule},
                                {"text", current.text}}},
      {"waiting_for", current.waiting_for},
      {"round",
       service.last_round_at()
           ? json::value(json::object{{"number", service.last_round_number()},
                                      {"finished", to_rfc3339_millis(*service.last_round_at())}})
           : json::value(nullptr)},
      {"targets", targets_view(m, now.wall)},
      {"guards", guard_views(guards)},
      {"swap", service.story() ? json::value(story_view(*service.story())) : json::value(nullptr)}};
}

json::object story_view(const SwapStory& story) {
  json::array steps;
  for (const auto& line : story.steps) {
    steps.push_back(
        json::object{{"at", to_rfc3339_millis(line.at)}, {"step", line.step}, {"text", line.text}});
  }
  return {{"op", story.op},
          {"generation", story.generation},
          {"from", story.from},
          {"to", story.to},
          {"reason", story.reason},
          {"counted", story.counted},
          {"moves", story.moves},
          {"opened", to_rfc3339_millis(story.opened)},
          {"state", story.state},
          {"steps", std::move(steps)},
          {"evidence", story.evidence},
          {"proof", proof_view(story.proof)}};
}

std::string proved_story(const std::string& stored, const std::vector<ServerEvidence>& proof) {
  boost::system::error_code ec;
  auto story = json::parse(stored, ec);
  if (ec || !story.is_object() || !story.as_object().contains("steps")) return stored;
  story.as_object()["state"] = "proved";
  story.as_object()["proof"] = proof_view(proof);
  return json::serialize(story);
}

json::array targets_view(const ServiceModel& m, WallTime now) {
  const auto& spec = m.spec();
  json::array targets;
  for (std::size_t i = 0; i < m.targets().size(); ++i) {
    const auto& t = m.targets()[i];
    json::array attempts;
    if (t.round) {
      for (const auto& a : t.round->attempts) attempts.push_back(attempt_view(a));
    }
    json::object target{
        {"role", role(i)},
        {"address", address_of(spec, i)},
        {"probed", probed_as(spec, i)},
        {"health", to_string(t.health.health)},
        {"streak", streak_view(m, i)},
        {"verdict", t.round ? json::value(to_string(t.last)) : json::value(nullptr)},
        {"attempts", std::move(attempts)}};
    add_quality(target, m, i, now);
    targets.push_back(std::move(target));
  }
  return targets;
}

json::object history_view(const std::vector<TransitionRow>& rows) {
  json::array entries;
  for (const auto& row : rows) {
    entries.push_back(json::object{{"id", row.id},
                                   {"at", to_rfc3339_millis(row.at)},
                                   {"kind", row.kind},
                                   {"text", note_text(row.detail)}});
  }
  return {{"entries", std::move(entries)}};
}

}  // namespace hotswapd
