#include "ctl/fields.hpp"
#include "ctl/moment.hpp"
#include "ctl/render.hpp"

namespace hotswapd::ctl {

std::vector<std::string> quality_lines(const Data& target, WallTime now) {
  std::vector<std::string> lines;
  if (flag(target, "degraded")) {
    const std::string limit = text(target, "degraded_above_ms");
    lines.push_back(limit.empty() ? "degraded: it answers slowly"
                                  : "degraded: it answers after more than " + limit + " ms");
  }
  if (flag(target, "certificate_ends_soon")) {
    lines.push_back("its certificate ends: " + moment(text(target, "certificate_ends"), now));
  }
  return lines;
}

}  // namespace hotswapd::ctl
