#include "monitor/alarms.hpp"

#include <boost/json.hpp>

#include "core/timestamp.hpp"

namespace hotswapd {

void Alarms::raise(const std::string& id, LogLevel level, const std::string& text, WallTime now,
                   const std::string& subject) {
  auto [it, fresh] = standing_.try_emplace({id, subject}, Alarm{now, text});
  it->second.text = text;
  if (fresh) log_.log(level, id, text);
}

void Alarms::clear(const std::string& id, const std::string& cleared_by, const std::string& text,
                   const std::string& subject) {
  if (standing_.erase({id, subject}) > 0) log_.log(LogLevel::info, cleared_by, text);
}

boost::json::array Alarms::view() const {
  boost::json::array list;
  for (const auto& [key, alarm] : standing_) {
    list.push_back(boost::json::object{
        {"id", key.first}, {"since", to_rfc3339(alarm.since)}, {"text", alarm.text}});
  }
  return list;
}

std::map<std::string, std::size_t> Alarms::standing() const {
  std::map<std::string, std::size_t> counts;
  for (const auto& [key, alarm] : standing_) ++counts[key.first];
  return counts;
}

}  // namespace hotswapd
