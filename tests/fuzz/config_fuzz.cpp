// Any bytes as a configuration: either a configuration or errors with a place, and what was read is
// consistent.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/diff.hpp"
#include "config/load.hpp"
#include "config/worst_case.hpp"
#include "tests/fuzz/check.hpp"

using namespace hotswapd;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  LoadOptions options;
  options.environment = [](std::string_view name) -> std::optional<std::string> {
    if (name == "SITE") return "ams1";
    return std::nullopt;
  };
  // Files of secrets are looked for where there are none.
  options.base_directory = "/nonexistent";
  const std::string text(reinterpret_cast<const char*>(data), size);
  const LoadResult result = load_text("fuzz", text, options);
  CHECK(result.config.has_value() == !has_errors(result.diagnostics));
  for (const auto& diagnostic : result.diagnostics) {
    CHECK(diagnostic.line >= 1 && diagnostic.column >= 1);
    CHECK(!diagnostic.path.empty() && !diagnostic.text.empty());
    CHECK(diagnostic.to_string().find('\n') == std::string::npos);
  }
  if (!result.config) return 0;
  CHECK(diff(*result.config, *result.config).empty());
  CHECK(!worst_case_report(*result.config).empty());
  for (const ServiceSpec& service : result.config->services) {
    CHECK(!service.backups.empty() && !service.address.empty() && !service.provider.empty());
    CHECK(service.monitor->interval >= Seconds(1) && service.recheck <= service.monitor->interval);
    CHECK(service.ttl >= 1 && service.ttl <= 43'200);
    CHECK(result.config->providers.contains(service.provider));
  }
  return 0;
}
