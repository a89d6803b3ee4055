// What daemon_bench.py puts beside the daemon: the least that probing can cost, and something to
// probe.
//
//   bare_loop serve CERT KEY
//     serves HTTP, HTTPS and TCP on all of the loopback and prints the three ports; each line on
//     stdin is answered with the connections since the line before, second by second
//   bare_loop probe http|https|tcp N PER_SECOND PORT [CA]
//     probes 127.1.0.1 upward: one epoll loop that fires what is due every 100 ms and does nothing
//     else: no deadlines, no state, no telling
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

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

enum class Kind : std::uint8_t { http, https, tcp, control };

struct Connection {
  Kind kind = Kind::http;
  bool listener = false;
  bool asked = false;  // the request is written
  Ssl ssl;
};

constexpr std::string_view request =
    "GET / HTTP/1.1\r\nHost: probe.test\r\nUser-Agent: bare_loop\r\nConnection: close\r\n\r\n";
constexpr std::string_view answer =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n"
    "Connection: close\r\n\r\nok\n";

[[noreturn]] void die(const char* what) {
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

bool wants_more(const Connection& c, int result) {
  const int error = SSL_get_error(c.ssl.get(), result);
  return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

// ---- the targets

int listen_on_loopback() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  // Every address, but nobody outside: bound to the device.
  if (::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2) != 0) die("SO_BINDTODEVICE");
  sockaddr_in any{};
  any.sin_family = AF_INET;
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0) die("bind");
  if (::listen(fd, 4096) != 0) die("listen");
  return fd;
}

int port_of(int fd) {
  sockaddr_in own{};
  socklen_t size = sizeof own;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size);
  return ntohs(own.sin_port);
}

class Targets {
 public:
  Targets(const char* certificate, const char* key) : tls_(SSL_CTX_new(TLS_server_method())) {
    SSL_CTX_set_num_tickets(tls_.get(), 0);  // every handshake is a full one
    SSL_CTX_set_session_cache_mode(tls_.get(), SSL_SESS_CACHE_OFF);
    if (SSL_CTX_use_certificate_chain_file(tls_.get(), certificate) != 1) die(certificate);
    if (SSL_CTX_use_PrivateKey_file(tls_.get(), key, SSL_FILETYPE_PEM) != 1) die(key);
    for (const Kind kind : {Kind::http, Kind::https, Kind::tcp}) {
      const int fd = listen_on_loopback();
      loop_.add(fd, kind, EPOLLIN).listener = true;
      std::printf("%d ", port_of(fd));
    }
    std::puts("");
    std::fflush(stdout);
    loop_.add(STDIN_FILENO, Kind::control, EPOLLIN);
  }

  [[noreturn]] void run() {
    for (;;) {
      loop_.wait(milliseconds(-1), [this](int fd, std::uint32_t) {
        auto& c = loop_.at(fd);
        if (c.kind == Kind::control) {
          report();
        } else if (c.listener) {
          accept_all(fd, c.kind);
        } else if (!serve(fd, c)) {
          loop_.close(fd);
        }
      });
    }
  }

 private:
  void accept_all(int listener, Kind kind) {
    for (;;) {
      const int fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      const auto second = static_cast<std::size_t>((Clock::now() - since_) / milliseconds(1000));
      if (second >= seconds_.size()) seconds_.resize(second + 1);
      ++seconds_[second];
      auto& c = loop_.add(fd, kind, EPOLLIN);
      if (kind != Kind::https) continue;
      c.ssl.reset(SSL_new(tls_.get()));
      SSL_set_fd(c.ssl.get(), fd);
      SSL_set_accept_state(c.ssl.get());
    }
  }

  // False when the connection is over. A request comes in one piece.
  bool serve(int fd, Connection& c) {
    std::array<char, 4096> buffer;
    if (c.ssl) {
      const int n = SSL_read(c.ssl.get(), buffer.data(), buffer.size());
      if (n <= 0) return wants_more(c, n);
      SSL_write(c.ssl.get(), answer.data(), static_cast<int>(answer.size()));
      SSL_shutdown(c.ssl.get());
      return false;
    }
    const auto n = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (n <= 0) return n < 0 && errno == EAGAIN;
    ::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
    return false;
  }

  void report() {
    std::array<char, 64> line;
    if (::read(STDIN_FILENO, line.data(), line.size()) <= 0) std::exit(0);
    for (const auto count : seconds_) std::printf("%zu ", count);
    std::puts("");
    std::fflush(stdout);
    seconds_.clear();
    since_ = Clock::now();
  }

  Loop loop_;
  SslContext tls_;
  Clock::time_point since_ = Clock::now();
  std::vector<std::size_t> seconds_;
};

// ---- the bare loop

class Prober {
 public:
  Prober(Kind kind, int port, const char* ca) : kind_(kind), port_(port) {
    if (kind != Kind::https) return;
    tls_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_session_cache_mode(tls_.get(), SSL_SESS_CACHE_OFF);
    if (ca == nullptr) return;
    if (SSL_CTX_load_verify_locations(tls_.get(), ca, nullptr) != 1) die(ca);
    SSL_CTX_set_verify(tls_.get(), SSL_VERIFY_PEER, nullptr);
  }

  [[noreturn]] void run(unsigned targets, double per_second) {
    constexpr milliseconds batch(100);
    const auto began = Clock::now();
    std::uint64_t fired = 0;
    for (std::int64_t batches = 1;;) {
      const auto next = began + batches * batch;
      const auto now = Clock::now();
      if (now < next) {
        loop_.wait(std::chrono::ceil<milliseconds>(next - now),
                   [this](int fd, std::uint32_t events) {
                     if (!step(fd, loop_.at(fd), events)) loop_.close(fd);
                   });
        continue;
      }
      const auto due = static_cast<std::uint64_t>(static_cast<double>(batches) * per_second / 10);
      for (; fired < due; ++fired) fire(static_cast<std::uint32_t>(1 + fired % targets));
      ++batches;
    }
  }

 private:
  void fire(std::uint32_t target) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket");
    const int one = 1;
    if (tls_) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port_));
    to.sin_addr.s_addr = htonl(0x7f010000u + target);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 &&
        errno != EINPROGRESS)
      die("connect");
    auto& c = loop_.add(fd, kind_, EPOLLIN | EPOLLOUT | EPOLLET);
    if (!tls_) return;
    c.ssl.reset(SSL_new(tls_.get()));
    SSL_set_fd(c.ssl.get(), fd);
    SSL_set_tlsext_host_name(c.ssl.get(), "probe.test");
    SSL_set1_host(c.ssl.get(), "probe.test");
    SSL_set_connect_state(c.ssl.get());
  }

  // False when the probe is over. Anything but a good answer ends the program: what it cost would
  // be no measure.
  bool step(int fd, Connection& c, std::uint32_t events) {
    if ((events & EPOLLERR) != 0) die("probe");
    if (kind_ == Kind::tcp) return false;
    std::array<char, 2048> buffer;
    if (!c.asked && (events & EPOLLOUT) != 0) {
      if (c.ssl) {
        const int n = SSL_write(c.ssl.get(), request.data(), static_cast<int>(request.size()));
        if (n <= 0 && wants_more(c, n)) return true;
        if (n <= 0) die("handshake");
      } else if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) < 0) {
        die("send");
      }
      c.asked = true;
    }
    if ((events & EPOLLIN) == 0) return true;
    long n = 0;
    if (c.ssl) {
      n = SSL_read(c.ssl.get(), buffer.data(), buffer.size());
      if (n <= 0 && wants_more(c, static_cast<int>(n))) return true;
    } else {
      n = ::recv(fd, buffer.data(), buffer.size(), 0);
      if (n < 0 && errno == EAGAIN) return true;
    }
    if (n < 12 || std::memcmp(buffer.data(), "HTTP/1.1 200", 12) != 0) die("answer");
    return false;
  }

  const Kind kind_;
  const int port_;
  Loop loop_;
  SslContext tls_;
};

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "serve" && argc == 4) Targets(argv[2], argv[3]).run();
  if (what == "probe" && argc >= 6) {
    const std::string protocol = argv[2];
    const Kind kind = protocol == "tcp"     ? Kind::tcp
                      : protocol == "https" ? Kind::https
                                            : Kind::http;
    Prober(kind, std::atoi(argv[5]), argc > 6 ? argv[6] : nullptr)
        .run(static_cast<unsigned>(std::atoi(argv[3])), std::atof(argv[4]));
  }
  std::fputs(
      "usage: bare_loop serve CERT KEY\n"
      "       bare_loop probe http|https|tcp N PER_SECOND PORT [CA]\n",
      stderr);
  return 2;
}
