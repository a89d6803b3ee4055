// What the bare loop and its targets share: one epoll set, connections by descriptor, and the
// protocols they speak. Any error of the set-up ends the program.
#pragma once

#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

namespace bench {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

template <auto function>
struct Free {
  template <class T>
  void operator()(T* it) const {
    function(it);
  }
};
using Ssl = std::unique_ptr<SSL, Free<SSL_free>>;
using SslContext = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;

// `tickets`: HTTPS whose sessions can be resumed.
enum class Kind : std::uint8_t { http, https, tickets, tcp, smtp, icmp, control };

// Endpoint i is 127.1.0.0 + i.
constexpr std::uint32_t first_address = 0x7f010000u;

struct Connection {
  Kind kind = Kind::http;
  bool listener = false;
  bool asked = false;  // the request is written
  Ssl ssl;
};

[[noreturn]] inline void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

class Loop {
 public:
  Loop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    if (epoll_ < 0) die("epoll_create1");
  }

  Connection& add(int fd, Kind kind, std::uint32_t events) {
    const auto place = static_cast<std::size_t>(fd);
    if (place >= connections_.size()) connections_.resize(2 * place + 1);
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
    return connections_[place] = Connection{kind, false, false, nullptr};
  }

  void close(int fd) {
    at(fd).ssl.reset();
    ::close(fd);
  }

  Connection& at(int fd) { return connections_[static_cast<std::size_t>(fd)]; }

  template <class Ready>
  void wait(milliseconds longest, Ready ready) {
    std::array<epoll_event, 256> events;
    const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                                   static_cast<int>(longest.count()));
    for (int i = 0; i < count; ++i) {
      const auto& event = events[static_cast<std::size_t>(i)];
      ready(event.data.fd, event.events);
    }
  }

 private:
  int epoll_;
  std::vector<Connection> connections_;
};

inline bool wants_more(const Connection& c, int result) {
  const int error = SSL_get_error(c.ssl.get(), result);
  return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

}  // namespace bench
