#include "api/control_socket.hpp"

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

namespace hotswapd {
namespace {

std::string why(int code) {
  return std::generic_category().message(code);
}

Error failure(const std::string& path, const std::string& what) {
  return Error{errc::unavailable, "control_socket " + path + ": " + what};
}

int unix_socket() {
  return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

// Whatever stands at `path` now may be taken away: nothing, or a socket that nobody listens on any
// more.
std::optional<Error> clear_the_place(const std::string& path, const sockaddr_un& address) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return std::nullopt;
    return failure(path, why(errno));
  }
  if (!S_ISSOCK(found.st_mode)) {
    return failure(path, "there is a file of this name, and it is not a socket; move it away");
  }
  const int probe = unix_socket();
  if (probe < 0) return failure(path, why(errno));
  const int status = ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int code = status == 0 ? 0 : errno;
  ::close(probe);
  if (code == ECONNREFUSED) {
    if (::unlink(path.c_str()) == 0 || errno == ENOENT) return std::nullopt;
    return failure(path, "the stale socket file cannot be removed: " + why(errno));
  }
  if (code == ENOENT) return std::nullopt;
  if (code == 0 || code == EAGAIN) {
    return failure(path,
                   "another daemon is listening on it; stop it, or give this one its own path");
  }
  return failure(path, "cannot tell whether another daemon is listening on it: " + why(code));
}

std::optional<gid_t> group_id(const std::string& name) {
  std::vector<char> buffer(16 * 1024);
  group entry{};
  group* found = nullptr;
  int status = 0;
  while ((status = ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found)) ==
             ERANGE &&
         buffer.size() < 16 * 1024 * 1024) {
    buffer.resize(buffer.size() * 2);
  }
  if (status != 0 || found == nullptr) return std::nullopt;
  return found->gr_gid;
}

}  // namespace

Fallible<ControlSocket> ControlSocket::open(const std::string& path, const std::string& group) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.front() != '/') return failure(path, "must be an absolute path");
  if (path.size() >= sizeof address.sun_path) {
    return failure(path, "longer than the " + std::to_string(sizeof address.sun_path - 1) +
                             " bytes that a socket's path may have");
  }
  std::memcpy(address.sun_path, path.data(), path.size());

  const std::string folder = std::filesystem::path(path).parent_path().string();
  struct stat parent {};
  if (::stat(folder.c_str(), &parent) != 0) {
    return failure(
        path, "the folder " + folder + ": " + why(errno) +
                  "; make it (under systemd: RuntimeDirectory=) or set another control_socket");
  }
  if (!S_ISDIR(parent.st_mode)) return failure(path, folder + " is not a folder");
  if (auto error = clear_the_place(path, address)) return *error;

  ControlSocket made;
  made.descriptor_ = unix_socket();
  if (made.descriptor_ < 0) return failure(path, why(errno));
  if (::bind(made.descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return failure(path, why(errno));
  }
  made.path_ = path;
  struct stat file {};
  if (::lstat(path.c_str(), &file) != 0) return failure(path, why(errno));
  made.device_ = file.st_dev;
  made.inode_ = file.st_ino;

  made.policy_.own_uid = ::geteuid();
  made.policy_.group_name = group;
  made.policy_.group = group_id(group);
  mode_t mode = 0600;
  if (!made.policy_.group) {
    made.warnings_.push_back("control_group " + group +
                             " does not exist: only root and the daemon's own user may operate");
  } else if (::lchown(path.c_str(), static_cast<uid_t>(-1), *made.policy_.group) == 0) {
    mode = 0660;
  } else {
    made.warnings_.push_back("the control socket cannot be given to group " + group + " (" +
                             why(errno) + "): only root and the daemon's own user may operate");
  }
  // Nobody can connect before listen(): there is no moment at which the mode is too wide.
  if (::chmod(path.c_str(), mode) != 0) return failure(path, why(errno));
  if (::listen(made.descriptor_, 64) != 0) return failure(path, why(errno));
  return made;
}

ControlSocket::ControlSocket(ControlSocket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      path_(std::exchange(other.path_, {})),
      device_(other.device_),
      inode_(other.inode_),
      policy_(std::move(other.policy_)),
      warnings_(std::move(other.warnings_)) {}

ControlSocket::~ControlSocket() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (path_.empty()) return;
  struct stat file {};
  if (::lstat(path_.c_str(), &file) == 0 && file.st_dev == device_ && file.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
}

int ControlSocket::release_descriptor() noexcept {
  return std::exchange(descriptor_, -1);
}

}  // namespace hotswapd
