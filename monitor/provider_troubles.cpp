#include "monitor/provider_troubles.hpp"

#include <cstdlib>
#include <utility>

#include "core/timestamp.hpp"

namespace hotswapd {
namespace {

struct Words {
  const char* begins;
  const char* ends;
  LogLevel level;
  const char* what;
  const char* over;
};

const Words& words(Trouble kind) {
  static constexpr Words all[] = {
      {"HS1112", "HS1113", LogLevel::warning, "records cannot be read",
       "all records are read again"},
      {"HS1213", "HS1214", LogLevel::error, "the provider refuses us: its configuration or ours",
       "the provider refuses nothing any more"},
      {"HS1215", "HS1216", LogLevel::error, "the provider finds our clock wrong",
       "the provider finds our clock right"},
      {"HS1217", "HS1218", LogLevel::warning, "the provider asks to be left alone",
       "the provider takes calls again"},
      {"HS1219", "HS1220", LogLevel::error,
       "the provider says that a change is done, but the record stays as it was",
       "the provider does what it says again"},
  };
  return all[static_cast<std::size_t>(kind)];
}

constexpr const char* nobody_asks = "nobody asks it any more for what failed";

std::size_t index(Trouble kind) {
  return static_cast<std::size_t>(kind);
}

Trouble trouble_of(Hurdle hurdle) {
  switch (hurdle) {
    case Hurdle::configuration:
      return Trouble::configuration;
    case Hurdle::clock:
      return Trouble::clock;
    case Hurdle::throttled:
      return Trouble::throttled;
    case Hurdle::none:
      break;
  }
  return Trouble::unread;
}

std::string with_skew(const Hint& hint, const std::string& why) {
  if (hint.hurdle != Hurdle::clock || hint.skew == Seconds(0)) return why;
  return "skew=" + std::to_string(hint.skew.count()) + "s (ours is " +
         std::to_string(std::abs(hint.skew.count())) + " s " +
         (hint.skew > Seconds(0) ? "ahead" : "behind") + ") " + why;
}

}  // namespace

ProviderTroubles::ProviderTroubles(Alarms& alarms, Clocks clocks)
    : alarms_(alarms), clocks_(std::move(clocks)) {}

void ProviderTroubles::begin(const std::string& provider, Trouble kind, Who who,
                             const std::string& why) {
  auto& met = providers_[provider].met[index(kind)];
  const auto& w = words(kind);
  const auto service = who.first.fqdn;
  met.insert(std::move(who));
  alarms_.raise(w.begins, w.level,
                std::string(w.what) + " provider=" + provider +
                    " services=" + std::to_string(met.size()) + " service=" + service + " " + why,
                clocks_.wall(), provider);
}

void ProviderTroubles::end(const std::string& provider, Trouble kind, const Who& who,
                           const char* over) {
  const auto it = providers_.find(provider);
  if (it == providers_.end()) return;
  auto& met = it->second.met[index(kind)];
  if (met.erase(who) > 0 && met.empty()) cleared(provider, kind, over);
}

void ProviderTroubles::cleared(const std::string& provider, Trouble kind, const char* over) {
  const auto& w = words(kind);
  alarms_.clear(w.begins, w.ends,
                std::string(over != nullptr ? over : w.over) + " provider=" + provider, provider);
}

void ProviderTroubles::read_failed(const std::string& provider, const RecordKey& service,
                                   const Error& why) {
  const auto kind = trouble_of(hurdle_of(why));
  const Who who{service, Asked::read};
  for (const auto other : {Trouble::unread, Trouble::configuration, Trouble::clock}) {
    if (other != kind) end(provider, other, who);
  }
  // What is throttled is told by throttled().
  if (kind != Trouble::throttled) begin(provider, kind, who, with_skew(why.hint, why.text));
}

void ProviderTroubles::read(const std::string& provider, const RecordKey& service) {
  const Who who{service, Asked::read};
  for (const auto kind : {Trouble::unread, Trouble::configuration, Trouble::clock})
    end(provider, kind, who);
}

void ProviderTroubles::write_failed(const std::string& provider, const RecordKey& service,
                                    const Hint& hint, const std::string& why) {
  const auto kind = trouble_of(hint.hurdle);
  const Who who{service, Asked::write};
  for (const auto other : {Trouble::configuration, Trouble::clock}) {
    if (other != kind) end(provider, other, who);
  }
  if (kind == Trouble::configuration || kind == Trouble::clock)
    begin(provider, kind, who, with_skew(hint, why));
}

void ProviderTroubles::ignored(const std::string& provider, const RecordKey& service,
                               const std::string& why) {
  begin(provider, Trouble::ignored, {service, Asked::write}, why);
}

void ProviderTroubles::written(const std::string& provider, const RecordKey& service) {
  const Who who{service, Asked::write};
  for (const auto kind : {Trouble::configuration, Trouble::clock, Trouble::ignored})
    end(provider, kind, who);
}

void ProviderTroubles::given_up(const std::string& provider, const RecordKey& service) {
  const Who who{service, Asked::write};
  for (const auto kind : {Trouble::configuration, Trouble::clock, Trouble::ignored})
    end(provider, kind, who, "nobody wants any more what did not come through");
}

void ProviderTroubles::throttled(const std::string& provider, TimePoint until,
                                 const std::string& why) {
  providers_[provider].throttled = true;
  const auto& w = words(Trouble::throttled);
  alarms_.raise(w.begins, w.level,
                std::string(w.what) + " provider=" + provider +
                    " until=" + to_rfc3339(clocks_.now().wall_at(until)) + " " + why,
                clocks_.wall(), provider);
}

void ProviderTroubles::not_throttled(const std::string& provider) {
  const auto it = providers_.find(provider);
  if (it == providers_.end() || !it->second.throttled) return;
  it->second.throttled = false;
  cleared(provider, Trouble::throttled);
}

void ProviderTroubles::forget(const std::string& provider, const RecordKey& service) {
  for (const auto asked : {Asked::read, Asked::write}) {
    for (const auto kind :
         {Trouble::unread, Trouble::configuration, Trouble::clock, Trouble::ignored})
      end(provider, kind, {service, asked}, nobody_asks);
  }
}

void ProviderTroubles::only(const std::set<std::string>& providers) {
  for (auto& [name, standing] : providers_) {
    if (providers.contains(name) || !std::exchange(standing.throttled, false)) continue;
    cleared(name, Trouble::throttled, nobody_asks);
  }
}

}  // namespace hotswapd
