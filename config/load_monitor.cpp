#include "config/load_monitor.hpp"

#include <utility>

#include "config/load.hpp"
#include "config/read.hpp"
#include "config/reader.hpp"
#include "config/source.hpp"

namespace hotswapd {

MonitorResult load_monitor(std::string text) {
  MonitorResult out;
  auto source = config::Source::parse("monitor", std::move(text), out.diagnostics);
  if (!source) return out;
  const LoadOptions options;
  config::Reader reader(*source, options, out.diagnostics);
  MonitorSpec monitor;
  {
    const auto& spec = *config::service_keys()->find("monitor")->type.object();
    config::Object object(reader, source->root(), spec, {});
    config::read_monitor(object, true, monitor);
  }
  reader.finish();
  if (reader.errors() == 0) out.monitor = std::move(monitor);
  return out;
}

}  // namespace hotswapd
