// Events worded as Dyn's syslog messages: tokens, built-in formats, severities, RFC 3164 frames.
// Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "core/event.hpp"
#include "core/service_spec.hpp"
#include "core/time.hpp"

namespace hotswapd {

struct SyslogSite {
  std::string code;    // %sit
  std::string region;  // %reg, "global" when empty
};

inline constexpr std::size_t syslog_max_3164 = 1024;  // bytes of a whole frame (RFC 3164 4.1)

// Whether this service's syslog is told of the event: every one with delivery `all`, changes only
// with `change`.
bool syslog_tells(const SyslogSpec& spec, const MonitorEvent& event);

// up, ok: 6; trouble: 4; down, failover: 3; anything else: 5.
int syslog_severity(std::string_view state) noexcept;

// The text alone, by probe_fmt or status_fmt. Tokens are expanded once: what a value holds stays as
// it is.
std::string syslog_text(const MonitorEvent& event, const SyslogSpec& spec, const SyslogSite& site);

// "<PRI>Mmm dd hh:mm:ss host ident: text". RFC 3164 stamps in local time: `utc_offset` is that of
// the event's moment. At most syslog_max_3164 bytes, cut between characters; always valid UTF-8
// without control characters.
std::string syslog_frame(const MonitorEvent& event, const SyslogSpec& spec, const SyslogSite& site,
                         std::string_view host, std::chrono::seconds utc_offset);

}  // namespace hotswapd
