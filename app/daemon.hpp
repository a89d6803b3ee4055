// The running daemon: makes the parts, starts them in order (answers first), follows signals, stops
// them in order.
#pragma once

#include <string>

#include "config/schema.hpp"
#include "core/log.hpp"

namespace hotswapd {

struct BuildInfo {
  std::string version;
  std::string commit;
};

// Returns the process's exit status: 0 after an orderly stop, 1 when it could not start. `config`
// was loaded from `config_file`, which is read again on SIGHUP. Called once, from main, before any
// other thread exists.
int run_daemon(Config config, const std::string& config_file, const BuildInfo& build, Logger& log);

}  // namespace hotswapd
