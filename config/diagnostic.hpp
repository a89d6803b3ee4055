// One finding about a configuration: where it is, what is wrong there, and what would be right.
// Never holds a secret.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hotswapd {

enum class Severity : std::uint8_t { error, warning };

struct Diagnostic {
  std::string file;
  int line = 1;  // both count from 1; a column counts characters
  int column = 1;
  Severity severity = Severity::error;
  std::string path;  // "services[0].monitor.interval"; "(file)" for the file as a whole
  std::string text;

  // "FILE:LINE:COL: error: PATH: what is wrong and what would be right"
  std::string to_string() const;
  bool operator==(const Diagnostic&) const = default;
};

using Diagnostics = std::vector<Diagnostic>;

bool has_errors(const Diagnostics& diagnostics) noexcept;

}  // namespace hotswapd
