// The configuration, read again: on SIGHUP and on command, as a reload or as a plan of one. Files
// are read away from the loop; an error anywhere changes nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "api/control_handler.hpp"
#include "config/diff.hpp"
#include "config/load.hpp"
#include "core/log.hpp"
#include "core/time.hpp"
#include "net/background.hpp"

namespace hotswapd {

// What a reload does to the daemon. Lives on shard 0, as long as the Reloader.
struct ReloadHooks {
  std::function<const Config&()> current;
  // Reads what else the configuration names; warnings. Runs on any thread, and refers to nothing
  // that could go before it ends.
  std::function<Diagnostics(const Config&)> examine;
  std::function<Fallible<void>(Config next)> apply;  // an error: nothing was changed
  std::function<void()> began;
  std::function<void()> ended;
};

// Lives on shard 0; every member function is called there.
class Reloader {
 public:
  Reloader(asio::any_io_executor executor, std::string config_file, ReloadHooks hooks, Logger& log);

  void reload();  // SIGHUP; one that comes while another is under way runs after it
  void reload(ControlResponder responder);
  void plan(std::string file, std::string text, ControlResponder responder);
  void check(ControlResponder responder);  // a plan of the daemon's own file, as it is now
  void stop();                             // no reload begins or takes effect any more

  // How long the reload under way has been reading; none is: 0.
  Millis reading_for(TimePoint now) const;

 private:
  void begin();
  void loaded(LoadResult result);
  std::optional<ConfigDiff> take(LoadResult& result);
  void plan(std::function<LoadResult()> load, ControlResponder responder);
  void planned(std::uint64_t number, const LoadResult& result);

  std::string config_file_;
  ReloadHooks hooks_;
  Logger& log_;
  bool stopped_ = false;
  bool again_ = false;
  std::optional<TimePoint> reading_since_;
  std::optional<ControlResponder> asked_by_;  // nobody: a signal
  std::map<std::uint64_t, ControlResponder> plans_;
  std::uint64_t next_plan_ = 0;
  Background background_;
};

}  // namespace hotswapd
