#include "config/diagnostic.hpp"

#include <algorithm>

namespace hotswapd {

std::string Diagnostic::to_string() const {
  const char* word = severity == Severity::error ? ": error: " : ": warning: ";
  return file + ':' + std::to_string(line) + ':' + std::to_string(column) + word + path + ": " +
         text;
}

bool has_errors(const Diagnostics& diagnostics) noexcept {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const Diagnostic& d) { return d.severity == Severity::error; });
}

}  // namespace hotswapd
