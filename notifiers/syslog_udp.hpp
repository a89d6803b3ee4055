// Syslog over UDP (RFC 3164, RFC 5426): a datagram a message, sent without ever waiting.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/error.hpp"
#include "core/service_spec.hpp"
#include "notifiers/notifier.hpp"

namespace hotswapd {

// "syslog:udp:192.0.2.9:514", "syslog:udp:2001:db8::9:514": the port is what follows the last
// colon.
std::string syslog_sink(const SyslogSpec& spec);

// The notifier of such a sink. invalid_argument: it is none; not_built: TCP, TLS, a server given by
// host name.
Fallible<std::unique_ptr<Notifier>> make_syslog_notifier(std::string_view sink);

}  // namespace hotswapd
