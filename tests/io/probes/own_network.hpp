// A network of its own for one test: a thread in a fresh network namespace, for which one must be
// root.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace hotswapd::testing {

// Runs `body` on a thread whose network has a loopback interface, up, and nothing else. Absent:
// done; else why there can be no such network, for GTEST_SKIP.
std::optional<std::string> in_own_network(const std::function<void()>& body);

// The rest is for such a body.
bool write_sysctl(const std::string& path, const std::string& text);  // "net/ipv4/..."
bool run(const std::string& command);  // of the shell; true: status 0
void set_loopback(bool up);
// Unprivileged ICMP sockets for everybody, or for nobody.
void allow_datagram_pings(bool allowed);
// Gives CAP_NET_RAW away, of this thread alone.
void drop_raw_privilege();

}  // namespace hotswapd::testing
