// Text or file -> validated configuration, or every error in it with its place. The same way for
// start, reload and --check.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "config/diagnostic.hpp"
#include "config/schema.hpp"

namespace hotswapd {

struct LoadOptions {
  // What ${NAME} reads; nullopt: not set. Default: the process's environment.
  std::function<std::optional<std::string>(std::string_view)> environment;
  // Relative paths in the file start here. Default: the file's own directory; for /dev/stdin and
  // texts, the working one.
  std::string base_directory;
};

struct LoadResult {
  std::optional<Config> config;  // absent exactly when there is an error
  Diagnostics diagnostics;       // in the order of the file
};

// Opens the file and the secrets that it names, nothing else. Never throws (but for want of
// memory).
LoadResult load_file(const std::string& path, const LoadOptions& options = {});
LoadResult load_text(const std::string& name, std::string text, const LoadOptions& options = {});

}  // namespace hotswapd
