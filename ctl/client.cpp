#include "ctl/client.hpp"

#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "core/text.hpp"

namespace hotswapd::ctl {
namespace {

// More than the status of a hundred thousand services.
constexpr std::size_t longest_answer = 256 * 1024 * 1024;

std::string why(int code) {
  return std::generic_category().message(code);
}

Error no_connection(const std::string& path, int code) {
  const std::string name = clean(path);
  const std::string remedy =
      "is hotswapd running? If its control_socket is another one, say --socket PATH";
  if (code == ENOENT || code == ENOTDIR) {
    return {errc::unavailable, "there is no control socket " + name + ": " + remedy};
  }
  if (code == ECONNREFUSED || code == ENOTSOCK || code == EPROTOTYPE) {
    return {errc::unavailable, "nobody listens on " + name + ": " + remedy};
  }
  if (code == EACCES || code == EPERM) {
    std::string group = "of the daemon's control_group";
    struct stat file {};
    const struct group* found = nullptr;
    if (::stat(path.c_str(), &file) == 0) found = ::getgrgid(file.st_gid);
    if (found != nullptr) group = std::string("of group ") + clean(found->gr_name);
    return {errc::refused,
            "you may not use " + name + ": run hotswapctl as root or as a member " + group};
  }
  return {errc::unavailable, "cannot connect to " + name + ": " + why(code)};
}

}  // namespace

Fallible<ControlClient> ControlClient::connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return Error{errc::invalid_argument, "--socket: a socket's path has 1 to " +
                                             std::to_string(sizeof address.sun_path - 1) +
                                             " bytes"};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return Error{errc::unavailable, "cannot make a socket: " + why(errno)};
  ControlClient client(descriptor, path);
  // On unix sockets this never is "in progress": a full backlog answers EAGAIN.
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return no_connection(path, errno);
  }
  return client;
}

ControlClient::ControlClient(int descriptor, std::string path)
    : descriptor_(descriptor), path_(std::move(path)) {}

ControlClient::ControlClient(ControlClient&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      path_(std::move(other.path_)),
      input_(std::move(other.input_)),
      scanned_(other.scanned_) {}

ControlClient::~ControlClient() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Fallible<void> ControlClient::wait(short events, std::optional<TimePoint> deadline) const {
  for (;;) {
    int timeout = -1;
    if (deadline) {
      const auto left = std::chrono::ceil<Millis>(*deadline - Clock::now()).count();
      timeout = static_cast<int>(std::clamp<long long>(left, 0, 3'600'000));
    }
    pollfd entry{descriptor_, events, 0};
    const int ready = ::poll(&entry, 1, timeout);
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return Error{errc::unavailable, "poll: " + why(errno)};
    if (deadline && Clock::now() >= *deadline) {
      return Error{errc::unknown_fate,
                   "hotswapd did not answer in time; what was asked may still be done"};
    }
  }
}

Fallible<void> ControlClient::send(const std::string& line, TimePoint deadline) {
  std::size_t sent = 0;
  while (sent < line.size()) {
    const ssize_t n = ::send(descriptor_, line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (n >= 0) {
      sent += static_cast<std::size_t>(n);
    } else if (errno == EAGAIN) {
      const auto ready = wait(POLLOUT, deadline);
      if (!ready) return ready.error();
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return {};
    } else if (errno != EINTR) {
      return Error{errc::unavailable, "cannot send to " + clean(path_) + ": " + why(errno)};
    }
  }
  return {};
}

Fallible<std::string> ControlClient::read_line(std::optional<TimePoint> deadline) {
  std::array<char, 64 * 1024> piece;
  for (;;) {
    const auto end = input_.find('\n', scanned_);
    if (end != std::string::npos) {
      std::string line = input_.substr(0, end);
      input_.erase(0, end + 1);
      scanned_ = 0;
      return line;
    }
    scanned_ = input_.size();
    if (input_.size() > longest_answer) {
      return Error{errc::corrupt,
                   "the answer is longer than any answer can be; is this hotswapd's socket?"};
    }
    const ssize_t n = ::recv(descriptor_, piece.data(), piece.size(), 0);
    if (n > 0) {
      input_.append(piece.data(), static_cast<std::size_t>(n));
    } else if (n == 0 || errno == ECONNRESET) {
      return Error{errc::unavailable, "hotswapd closed the connection"};
    } else if (errno == EAGAIN) {
      const auto ready = wait(POLLIN, deadline);
      if (!ready) return ready.error();
    } else if (errno != EINTR) {
      return Error{errc::unavailable, "cannot read from " + clean(path_) + ": " + why(errno)};
    }
  }
}

}  // namespace hotswapd::ctl
