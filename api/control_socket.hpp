// The socket file of the control server: made safely, taken over from a dead daemon only, removed
// when it is still ours.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "api/control_peer.hpp"
#include "core/error.hpp"

namespace hotswapd {

// A listening unix stream socket and its file. Move-only; the destructor closes and removes.
class ControlSocket {
 public:
  // Blocking calls: start-up only. The folder must exist. Mode 0660 and `group` when there is such
  // a group and we may give it the file, else mode 0600 and a warning. A file that nobody listens
  // on is replaced.
  static Fallible<ControlSocket> open(const std::string& path, const std::string& group);

  ControlSocket(ControlSocket&& other) noexcept;
  ControlSocket& operator=(ControlSocket&& other) = delete;
  ~ControlSocket();

  // Gives the descriptor away (non-blocking, close-on-exec, listening); the file stays ours to
  // remove.
  int release_descriptor() noexcept;
  const ControlPolicy& policy() const noexcept { return policy_; }
  const std::vector<std::string>& warnings() const noexcept { return warnings_; }

 private:
  ControlSocket() = default;

  int descriptor_ = -1;
  std::string path_;  // empty: there is no file of ours
  dev_t device_ = 0;
  ino_t inode_ = 0;
  ControlPolicy policy_;
  std::vector<std::string> warnings_;
};

}  // namespace hotswapd
