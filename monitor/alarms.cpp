#include "monitor/alarms.hpp"

#include <boost/json.hpp>

#include "core/timestamp.hpp"

namespace hotswapd {

void Alarms::raise(const std::string& id, LogLevel level, const std::string& text, WallTime now) {
  auto [it, fresh] = standing_.try_emplace(id, Alarm{now, text});
  it->second.text = text;
  if (fresh) log_.log(level, id, text);
}

void Alarms::clear(const std::string& id, const std::string& cleared_by, const std::string& text) {
  if (standing_.erase(id) > 0) log_.log(LogLevel::info, cleared_by, text);
}

boost::json::array Alarms::view() const {
  boost::json::array list;
  for (const auto& [id, alarm] : standing_) {
    list.push_back(
        boost::json::object{{"id", id}, {"since", to_rfc3339(alarm.since)}, {"text", alarm.text}});
  }
  return list;
}

}  // namespace hotswapd
