// Who is at the other end of a unix socket (SO_PEERCRED), and whether it may operate the daemon.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "core/error.hpp"

namespace hotswapd {

// As the kernel noted it when the peer connected: later changes of the process play no part.
struct ControlPeer {
  uid_t uid = 0;
  std::vector<gid_t> groups;  // the primary group first, then the supplementary ones
};

Fallible<ControlPeer> peer_of(int descriptor);

// Root, ourselves, and the members of one group may operate.
struct ControlPolicy {
  uid_t own_uid = 0;
  std::optional<gid_t> group;  // absent: there is no such group
  std::string group_name;      // for the sentence
};

// Why the peer is refused; nullopt when it may operate. Pure.
std::optional<std::string> refusal(const ControlPeer& peer, const ControlPolicy& policy);

// The name in /etc/passwd, else "uid 1000". Never asks a directory service: this is called on the
// loop.
std::string user_name(uid_t uid);

}  // namespace hotswapd
