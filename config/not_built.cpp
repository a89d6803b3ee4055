#include "config/not_built.hpp"

#include <algorithm>
#include <array>

namespace hotswapd::config {
namespace {

constexpr auto kRows = std::to_array<NotBuilt>({
    {"file", "contacts", "", "no mail is sent"},
    {"file", "notify", "", "no mail and no webhook is sent"},
    {"file", "drill_policy", "", "there are no drills"},
    {"file", "drills", "", "there are no drills"},
    {"file", "alarm_intake", "", "no queue of alarms is read"},
    {"file", "cluster", "", "this monitor decides alone"},
    {"token", "scope", "events", "no alarm is taken, so such a token opens nothing"},
    {"service", "maintenance", "", "maintenance windows are not kept"},
    {"syslog", "transport", "tcp", "messages go by UDP"},
    {"syslog", "transport", "tls", "messages go by UDP, in the clear"},
    {"syslog", "format", "rfc5424", "messages have the form of RFC 3164"},
});

}  // namespace

std::span<const NotBuilt> not_built() {
  return kRows;
}

const NotBuilt* find_not_built(std::string_view object, std::string_view key) noexcept {
  const auto found = std::find_if(kRows.begin(), kRows.end(), [&](const NotBuilt& row) {
    return row.object == object && row.key == key;
  });
  return found == kRows.end() ? nullptr : &*found;
}

}  // namespace hotswapd::config
