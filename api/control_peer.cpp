#include "api/control_peer.hpp"

#include <pwd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

#include "core/text.hpp"

namespace hotswapd {
namespace {

Error failure(const char* what) {
  return Error{errc::internal, std::string(what) + ": " + std::generic_category().message(errno)};
}

}  // namespace

Fallible<ControlPeer> peer_of(int descriptor) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return failure("SO_PEERCRED");
  }
  ControlPeer peer;
  peer.uid = credentials.uid;
  // The kernel answers ERANGE with the size that is needed; no group database is asked.
  std::vector<gid_t> groups(32);
  size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
  int status = ::getsockopt(descriptor, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size);
  if (status != 0 && errno == ERANGE) {
    groups.resize(size / sizeof(gid_t));
    status = ::getsockopt(descriptor, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size);
  }
  if (status != 0) return failure("SO_PEERGROUPS");
  groups.resize(size / sizeof(gid_t));
  peer.groups.push_back(credentials.gid);
  peer.groups.insert(peer.groups.end(), groups.begin(), groups.end());
  return peer;
}

std::optional<std::string> refusal(const ControlPeer& peer, const ControlPolicy& policy) {
  if (peer.uid == 0 || peer.uid == policy.own_uid) return std::nullopt;
  if (policy.group) {
    const auto& groups = peer.groups;
    if (std::find(groups.begin(), groups.end(), *policy.group) != groups.end()) return std::nullopt;
    return user_name(peer.uid) + " may not operate hotswapd: only root and the members of group " +
           policy.group_name + " may";
  }
  return user_name(peer.uid) +
         " may not operate hotswapd: only root and the daemon's own user may, " + "since group " +
         policy.group_name + " does not exist";
}

std::string user_name(uid_t uid) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/etc/passwd", "re"),
                                                             &std::fclose);
  if (file) {
    std::array<char, 4096> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    while (::fgetpwent_r(file.get(), &entry, buffer.data(), buffer.size(), &found) == 0) {
      if (found->pw_uid == uid) return clean(found->pw_name);
    }
  }
  return "uid " + std::to_string(uid);
}

}  // namespace hotswapd
