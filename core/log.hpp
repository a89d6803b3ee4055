// Where lines for the operator go. One line per change, a stable id first; docs/operations.md
// explains every id.
#pragma once

#include <string_view>

namespace hotswapd {

// By what the reader must do: nothing, look at it some time, act now.
enum class LogLevel { info, warning, error };

class Logger {
 public:
  virtual ~Logger() = default;
  // `id` is "HS1204"; `text` is one clean line. Any thread; never blocks.
  virtual void log(LogLevel level, std::string_view id, std::string_view text) = 0;
};

}  // namespace hotswapd
