// The part of a service's model that survives a restart, as the JSON of its state row.
#include <algorithm>
#include <boost/json.hpp>
#include <exception>

#include "core/timestamp.hpp"
#include "monitor/service_model.hpp"

namespace hotswapd {
namespace {

namespace json = boost::json;

json::value time_or_null(const std::optional<TimePoint>& at, const Moment& now) {
  return at ? json::value(to_rfc3339_millis(now.wall_at(*at))) : json::value(nullptr);
}

std::optional<WallTime> read_time(const json::value& v) {
  return v.is_string() ? parse_rfc3339(std::string_view(v.as_string())) : std::nullopt;
}

std::optional<TimePoint> read_time(const json::value& v, const Moment& now) {
  const auto at = read_time(v);
  return at ? std::optional(now.steady_at(*at)) : std::nullopt;
}

json::value record_json(const std::optional<RecordSet>& set) {
  if (!set) return nullptr;
  json::array values;
  for (const auto& value : set->values) values.emplace_back(value);
  return json::object{
      {"type", to_string(set->type)}, {"ttl", set->ttl}, {"values", std::move(values)}};
}

std::optional<RecordSet> read_record(const json::value& v) {
  if (!v.is_object()) return std::nullopt;
  const auto& o = v.as_object();
  const auto type = record_type(std::string_view(o.at("type").as_string()));
  if (!type) return std::nullopt;
  RecordSet set{*type, o.at("ttl").to_number<std::uint32_t>(), {}};
  for (const auto& value : o.at("values").as_array()) set.values.emplace_back(value.as_string());
  return set;
}

Health read_health(std::string_view word) {
  if (word == "up") return Health::up;
  if (word == "down") return Health::down;
  return Health::unknown;
}

}  // namespace

std::string ServiceModel::active_name() const {
  return serving_ == 0 ? "primary" : "backup:" + std::to_string(serving_ - 1);
}

std::string ServiceModel::detail(const Moment& now) const {
  json::array targets;
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    const auto& t = targets_[i];
    targets.push_back(json::object{{"value", wanted(i).values.front()},
                                   {"health", to_string(t.health.health)},
                                   {"streak", t.health.streak},
                                   {"passes", t.passes_in_row}});
  }
  json::value forced = nullptr;
  if (const auto& f = word_->forced) {
    forced = json::object{{"to", f->to == ForcedTo::primary ? "primary" : "failover"},
                          {"until", time_or_null(f->until, now)},
                          {"reason", f->reason},
                          {"by", f->by}};
  }
  const auto requested = word_->requested;
  return json::serialize(
      json::object{{"v", 1},
                   {"on", active_},
                   {"flips", time_or_null(word_->active_until, now)},
                   {"swapped", time_or_null(last_swap_, now)},
                   {"since", to_rfc3339_millis(status_since_)},
                   {"served", record_json(served_)},
                   {"serial", serial_},
                   {"ttl_asked", touch_wanted_ ? json::value(nullptr) : json::value(spec_->ttl)},
                   {"targets", std::move(targets)},
                   {"forced", std::move(forced)},
                   {"requested", requested ? json::value(wanted(*requested).values.front())
                                           : json::value(nullptr)},
                   {"said", word_->said},
                   {"limit_told", limit_told_},
                   {"proof", static_cast<int>(proof_)},
                   {"reason", reason_.view()}});
}

Fallible<void> ServiceModel::restore(std::uint64_t generation, const std::string& active,
                                     const std::string& status, const std::string& detail,
                                     const Moment& now) {
  try {
    const auto o = json::parse(detail).as_object();
    const auto word = service_status(status);
    if (!word || o.at("v").to_number<int>() != 1) {
      return Error{errc::corrupt, "the stored state of " + spec_->key.fqdn + " is not readable"};
    }
    ServiceModel next(spec_, status_since_);
    next.generation_ = generation;
    next.active_ = o.at("on").as_bool();
    OperatorsWord said;
    said.active_until = read_time(o.at("flips"), now);
    // Never in the future: a clock that was set back must not hold the next swap for longer.
    if (const auto* swapped = o.if_contains("swapped")) {
      if (const auto at = read_time(*swapped, now)) next.last_swap_ = std::min(*at, now.steady);
    }
    if (const auto* serial = o.if_contains("serial"))
      next.serial_ = serial->to_number<std::uint32_t>();
    next.status_since_ = read_time(o.at("since")).value_or(status_since_);
    next.status_ = *word;
    next.served_ = read_record(o.at("served"));
    const auto* asked = o.if_contains("ttl_asked");
    next.touch_wanted_ = next.served_ && next.served_->ttl != spec_->ttl &&
                         (asked == nullptr || *asked != json::value(spec_->ttl));
    said.said = std::string_view(o.at("said").as_string());
    next.limit_told_ = o.at("limit_told").as_bool();
    next.proof_ = static_cast<Proof>(
        std::clamp(o.at("proof").to_number<int>(), 0, static_cast<int>(Proof::not_proved)));
    next.reason_ = std::string_view(o.at("reason").as_string());
    for (const auto& value : o.at("targets").as_array()) {
      const auto& t = value.as_object();
      for (std::size_t i = 0; i < next.targets_.size(); ++i) {
        if (next.wanted(i).values.front() != std::string_view(t.at("value").as_string())) continue;
        auto& state = next.targets_[i];
        state.health = {read_health(std::string_view(t.at("health").as_string())),
                        t.at("streak").to_number<int>()};
        state.passes_in_row = t.at("passes").to_number<int>();
        break;
      }
    }
    if (const auto& f = o.at("forced"); f.is_object()) {
      const auto& forced = f.as_object();
      said.forced =
          Forced{forced.at("to").as_string() == "primary" ? ForcedTo::primary : ForcedTo::failover,
                 read_time(forced.at("until"), now), std::string(forced.at("reason").as_string()),
                 std::string(forced.at("by").as_string())};
    }
    if (const auto& r = o.at("requested"); !r.is_null()) {
      const std::string value(r.as_string());
      for (std::size_t i = 0; i < next.targets_.size(); ++i) {
        if (next.wanted(i).values.front() == value) said.requested = i;
      }
      // The value was edited meanwhile: the word holds for what has its place now.
      const bool failover = said.forced && said.forced->to == ForcedTo::failover;
      if (!said.requested) said.requested = failover && next.targets_.size() > 1 ? 1 : 0;
    }
    next.say(std::move(said));
    if (active.starts_with("backup:")) next.serving_ = 1 + std::stoul(active.substr(7));
    if (const auto target = next.served_ ? next.target_with(*next.served_) : std::nullopt) {
      next.serving_ = *target;
    }
    // The served backup is gone from the configuration: another one stands for it until the record
    // is corrected, so that coming back to the primary keeps its rules.
    if (next.serving_ >= next.targets_.size()) next.serving_ = next.targets_.size() - 1;
    next.seen_since_activation_ = *word != ServiceStatus::unk;
    *this = std::move(next);
    return {};
  } catch (const std::exception&) {
    return Error{errc::corrupt, "the stored state of " + spec_->key.fqdn + " is not readable"};
  }
}

}  // namespace hotswapd
