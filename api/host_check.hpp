// Whether a request was meant for us, by its Host header: a page of somebody else whose name was
// made to point here (DNS rebinding) is told that it was not. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hotswapd {

struct HostPolicy {
  std::string listen;  // an address in its canonical form; "0.0.0.0" and "::" are any
  std::vector<std::string> names = {};  // in lower case
};

// The address that is listened on, localhost, or one of the names; with any port. An address is
// never somebody else's name: where any is listened on, any will do.
bool is_ours(std::string_view host, const HostPolicy& policy);

}  // namespace hotswapd
