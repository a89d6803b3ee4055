// What is wrong with the daemon itself right now: logged when it begins and when it ends, shown in
// between.
#pragma once

#include <boost/json/array.hpp>
#include <map>
#include <string>
#include <utility>

#include "core/log.hpp"
#include "core/time.hpp"

namespace hotswapd {

// One alarm an id and subject (the provider, the service; none where there is but one). Lives on
// shard 0.
class Alarms {
 public:
  explicit Alarms(Logger& log) : log_(log) {}

  // Logs when the alarm begins; a standing one only gets the new words.
  void raise(const std::string& id, LogLevel level, const std::string& text, WallTime now,
             const std::string& subject = {});
  // Logs under `cleared_by` when the alarm stood.
  void clear(const std::string& id, const std::string& cleared_by, const std::string& text,
             const std::string& subject = {});
  bool stands(const std::string& id, const std::string& subject = {}) const {
    return standing_.contains({id, subject});
  }

  boost::json::array view() const;                      // [{id, since, text}]
  std::map<std::string, std::size_t> standing() const;  // how many of each id

 private:
  struct Alarm {
    WallTime since;
    std::string text;
  };

  Logger& log_;
  std::map<std::pair<std::string, std::string>, Alarm> standing_;
};

}  // namespace hotswapd
