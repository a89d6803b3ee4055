// Reads a secret from a file.
#include "config/secret.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <system_error>
#include <vector>

#include "core/text.hpp"

namespace hotswapd {
namespace {

constexpr std::size_t kLargestSecret = 64 * 1024;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

std::string reason(int code) {
  return std::generic_category().message(code);
}

std::string octal(mode_t mode) {
  std::array<char, 8> out{};
  std::snprintf(out.data(), out.size(), "%04o", static_cast<unsigned>(mode & 07777u));
  return out.data();
}

std::string real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> found(::realpath(path.c_str(), nullptr),
                                                          &std::free);
  return found ? found.get() : "";
}

bool below(const std::string& path, const std::optional<std::string>& directory) {
  if (!directory || directory->empty()) return false;
  const std::string file = real_path(path);
  std::string root = real_path(*directory);
  if (file.empty() || root.empty()) return false;
  if (root.back() != '/') root += '/';
  return file.compare(0, root.size(), root) == 0;
}

bool our_group(gid_t group, const std::string& daemon_group) {
  if (group == ::getegid()) return true;
  if (::geteuid() != 0) return false;
  // Root checks a file for the daemon, which runs in its own group.
  const struct group* entry = ::getgrnam(daemon_group.c_str());
  return entry != nullptr && entry->gr_gid == group;
}

// Empty when the mode is fine.
std::string mode_problem(const struct stat& info, const std::string& daemon_group) {
  const std::string mode = " (mode " + octal(info.st_mode) + ")";
  if (info.st_uid != 0 && info.st_uid != ::geteuid()) {
    return "is owned by user " + std::to_string(info.st_uid) +
           "; it must be owned by root or by the user that runs hotswapd";
  }
  if ((info.st_mode & S_IROTH) != 0) {
    return "is readable by everybody" + mode + "; make it 0600, or 0640 with the daemon's group";
  }
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return "is writable by others than its owner" + mode + "; make it 0600";
  }
  if ((info.st_mode & S_IRGRP) != 0 && !our_group(info.st_gid, daemon_group)) {
    return "is readable by group " + std::to_string(info.st_gid) + mode +
           ", which is not the daemon's own; make it 0600 or change the group";
  }
  return "";
}

}  // namespace

Fallible<Secret> read_secret_file(const std::string& path,
                                  const std::optional<std::string>& credentials_directory,
                                  const std::string& daemon_group) {
  const std::string name = clean(path);
  // Non-blocking, so that a named pipe in this place cannot hold us.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.get() < 0) return Error{errc::unavailable, name + " cannot be read: " + reason(errno)};
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) {
    return Error{errc::unavailable, name + " cannot be read: " + reason(errno)};
  }
  if (!S_ISREG(info.st_mode)) return Error{errc::refused, name + " is not a regular file"};
  if (!below(path, credentials_directory)) {
    if (const auto problem = mode_problem(info, daemon_group); !problem.empty()) {
      return Error{errc::refused, name + ' ' + problem};
    }
  }
  std::vector<char> buffer(kLargestSecret + 1);
  std::size_t size = 0;
  int failure = 0;
  while (size < buffer.size()) {
    const ssize_t got = ::read(file.get(), buffer.data() + size, buffer.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) failure = errno;
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
  }
  const bool too_long = size > kLargestSecret;
  std::string_view value(buffer.data(), size);
  if (!value.empty() && value.back() == '\n') value.remove_suffix(1);
  Secret secret(too_long || failure != 0 ? std::string_view{} : value);
  wipe_memory(buffer.data(), buffer.size());
  if (failure != 0) return Error{errc::unavailable, name + " cannot be read: " + reason(failure)};
  if (too_long) return Error{errc::refused, name + " is longer than 64 KiB, too long for a secret"};
  if (secret.empty()) return Error{errc::refused, name + " is empty; it must hold the secret"};
  return secret;
}

}  // namespace hotswapd
