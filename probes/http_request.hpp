// Writes the one request of an HTTP probe. Pure.
#pragma once

#include <string>
#include <string_view>

#include "core/error.hpp"
#include "core/service_spec.hpp"

namespace hotswapd {

// The value of Host, exactly as configured; without it the service's name (an IPv6 address in
// brackets).
std::string host_of(const MonitorSpec& monitor, const std::string& service);

// The name that a Host value stands for in TLS: without port, brackets and final dot.
std::string tls_name(std::string_view host);

// GET, HTTP/1.1, Connection: close. User-Agent, Accept and Connection give way to a header of the
// same name. Refused: what cannot be sent in a request line or a header (controls; blanks in the
// path; names that are no tokens).
Fallible<std::string> build_request(const MonitorSpec& monitor, const std::string& service);

// The request to where a redirect points. The operator's own headers (which may hold a secret) are
// for the host that the operator named, as `own_headers` says; for another they are left out.
Fallible<std::string> build_request(const MonitorSpec& monitor, const std::string& host,
                                    const std::string& path, bool own_headers);

}  // namespace hotswapd
