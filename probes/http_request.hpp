// Writes the one request of an HTTP probe. Pure.
#pragma once

#include <string>

#include "core/error.hpp"
#include "core/service_spec.hpp"

namespace hotswapd {

// The value of Host, exactly as configured; without it the service's name (an IPv6 address in
// brackets).
std::string host_of(const MonitorSpec& monitor, const std::string& service);

// GET, HTTP/1.1, Connection: close. User-Agent, Accept and Connection give way to a header of the
// same name. Refused: what cannot be sent in a request line or a header (controls; blanks in the
// path; names that are no tokens).
Fallible<std::string> build_request(const MonitorSpec& monitor, const std::string& service);

}  // namespace hotswapd
