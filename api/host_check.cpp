#include "api/host_check.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>

#include "core/error.hpp"
#include "core/text.hpp"

namespace hotswapd {
namespace {

// Without the port; empty: it has no such form.
std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) {
    const auto end = host.find(']');
    if (end == host.npos) return {};
    const auto rest = host.substr(end + 1);
    if (!rest.empty() &&
        (rest.front() != ':' || rest.find_first_not_of("0123456789", 1) != rest.npos))
      return {};
    return host.substr(1, end - 1);
  }
  const auto colon = host.find(':');
  if (colon == host.npos) return host;
  if (host.find_first_not_of("0123456789", colon + 1) != host.npos) return {};
  return host.substr(0, colon);
}

}  // namespace

bool is_ours(std::string_view host, const HostPolicy& policy) {
  const bool bracketed = host.starts_with('[');
  std::string name = lower(without_port(host));
  error_code ec;
  const auto address = boost::asio::ip::make_address(name, ec);
  if (!ec) {
    if (address.is_v6() != bracketed) return false;
    if (policy.listen == "::" || policy.listen == "0.0.0.0") return true;
    return address.to_string() == policy.listen;
  }
  if (bracketed) return false;
  if (name.ends_with('.')) name.pop_back();
  if (name.empty()) return false;
  const auto& names = policy.names;
  return name == "localhost" || std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace hotswapd
