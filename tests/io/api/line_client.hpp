// A blocking client of a unix or TCP stream for tests: every wait has a deadline, every failure is
// a value.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

namespace hotswapd::test {

class LineClient {
 public:
  static LineClient unix_stream(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      return close_of(fd);
    return LineClient(fd);
  }

  static LineClient tcp(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      return close_of(fd);
    return LineClient(fd);
  }

  LineClient(LineClient&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), input_(std::move(other.input_)) {}
  LineClient& operator=(LineClient&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(input_, other.input_);
    return *this;
  }
  ~LineClient() { close(); }

  bool connected() const { return fd_ >= 0; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  void finish_sending() { ::shutdown(fd_, SHUT_WR); }

  // False when the peer has closed before all was sent.
  bool send(const std::string& text) {
    std::size_t sent = 0;
    while (sent < text.size()) {
      const ssize_t n = ::send(fd_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return false;
      sent += static_cast<std::size_t>(n);
    }
    return true;
  }

  // The next line with its line feed; nullopt when the peer closed or nothing came for ten seconds.
  std::optional<std::string> line() {
    for (;;) {
      const auto end = input_.find('\n');
      if (end != std::string::npos) {
        std::string out = input_.substr(0, end + 1);
        input_.erase(0, end + 1);
        return out;
      }
      if (!receive()) return std::nullopt;
    }
  }

  // Everything until the peer closes.
  std::string rest() {
    while (receive()) {
    }
    return std::exchange(input_, {});
  }

  // `bytes` more, fewer when the peer closed.
  std::string take(std::size_t bytes) {
    while (input_.size() < bytes && receive()) {
    }
    std::string out = input_.substr(0, bytes);
    input_.erase(0, out.size());
    return out;
  }

  // True when the peer closes within ten seconds (what it says before that is kept).
  bool closed_by_peer() {
    while (receive()) {
    }
    return closed_;
  }

 private:
  explicit LineClient(int fd) : fd_(fd) {}
  static LineClient close_of(int fd) {
    ::close(fd);
    return LineClient(-1);
  }

  bool receive() {
    if (fd_ < 0 || closed_) return false;
    pollfd entry{fd_, POLLIN, 0};
    if (::poll(&entry, 1, 10'000) <= 0) return false;
    char piece[64 * 1024];
    const ssize_t n = ::recv(fd_, piece, sizeof piece, 0);
    if (n <= 0) {
      closed_ = true;
      return false;
    }
    input_.append(piece, static_cast<std::size_t>(n));
    return true;
  }

  int fd_;
  bool closed_ = false;
  std::string input_;
};

// Polls until `condition` holds or ten seconds have passed.
template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    ::usleep(2000);
  }
  return true;
}

}  // namespace hotswapd::test
