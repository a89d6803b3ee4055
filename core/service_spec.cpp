#include "core/service_spec.hpp"

namespace hotswapd {

std::uint16_t effective_port(const MonitorSpec& monitor) noexcept {
  if (monitor.port != 0) return monitor.port;
  switch (monitor.protocol) {
    case Protocol::https:
      return 443;
    case Protocol::smtp:
      return 25;
    case Protocol::http:
    case Protocol::tcp:
      return 80;
    case Protocol::ping:
    case Protocol::none:
      break;
  }
  return 0;
}

const std::string& probed_address(const ServiceSpec& service, std::size_t target) noexcept {
  if (target != 0) return service.backups[target - 1].data;
  return service.probe_address.empty() ? service.address : service.probe_address;
}

const char* to_string(Protocol protocol) noexcept {
  switch (protocol) {
    case Protocol::http:
      return "HTTP";
    case Protocol::https:
      return "HTTPS";
    case Protocol::ping:
      return "PING";
    case Protocol::smtp:
      return "SMTP";
    case Protocol::tcp:
      return "TCP";
    case Protocol::none:
      break;
  }
  return "NONE";
}

}  // namespace hotswapd
