#include "notifiers/local_time.hpp"

#include <ctime>

namespace hotswapd {

std::chrono::seconds local_utc_offset(WallTime at) {
  const std::time_t seconds =
      std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
  std::tm parts{};
  if (::localtime_r(&seconds, &parts) == nullptr) return std::chrono::seconds(0);
  return std::chrono::seconds(parts.tm_gmtoff);
}

}  // namespace hotswapd
