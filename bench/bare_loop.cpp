// What daemon_bench.py puts beside the daemon: the least that probing can cost.
//
//   bare_loop http|https|tcp|smtp|icmp N PER_SECOND PORT [CA]
//     probes 127.1.0.1 upward: one epoll loop that fires what is due every 100 ms and does nothing
//     else: no deadlines, no state, no telling. With CA it verifies chain and name.
#include <arpa/inet.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <csignal>
#include <cstring>
#include <string>

#include "bench/loop.hpp"

namespace {

using namespace bench;

constexpr std::string_view request =
    "GET / HTTP/1.1\r\nHost: probe.test\r\nUser-Agent: bare_loop\r\nConnection: close\r\n\r\n";
constexpr std::string_view farewell = "QUIT\r\n";

sockaddr_in address_of(std::uint32_t target, int port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  to.sin_addr.s_addr = htonl(first_address + target);
  return to;
}

class Prober {
 public:
  Prober(Kind kind, int port, const char* ca) : kind_(kind), port_(port) {
    if (kind == Kind::icmp) open_icmp();
    if (kind != Kind::https) return;
    tls_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_session_cache_mode(tls_.get(), SSL_SESS_CACHE_OFF);
    if (ca == nullptr) return;
    if (SSL_CTX_load_verify_locations(tls_.get(), ca, nullptr) != 1) die(ca);
    SSL_CTX_set_verify(tls_.get(), SSL_VERIFY_PEER, nullptr);
    verifies_ = true;
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
                     if (kind_ == Kind::icmp) return read_replies();
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
  // The socket that needs no privilege where the kernel gives it, as the daemon does.
  void open_icmp() {
    icmp_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMP);
    if (icmp_ < 0) {
      raw_ = true;
      icmp_ = ::socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMP);
      const std::uint32_t filter = ~(1u << ICMP_ECHOREPLY);
      constexpr int icmp_filter = 1;  // ICMP_FILTER, of a header that clashes with this one's
      ::setsockopt(icmp_, SOL_RAW, icmp_filter, &filter, sizeof filter);
    }
    if (icmp_ < 0) die("ICMP socket");
    loop_.add(icmp_, Kind::icmp, EPOLLIN);
  }

  void ping(std::uint32_t target) {
    struct {
      icmphdr head{};
      std::array<char, 56> data{};
    } packet;
    packet.head.type = ICMP_ECHO;
    packet.head.un.echo.id = static_cast<std::uint16_t>(::getpid());
    packet.head.un.echo.sequence = static_cast<std::uint16_t>(++sequence_);
    if (raw_) {  // all else is zero
      std::uint32_t sum = htons(ICMP_ECHO << 8);
      sum += packet.head.un.echo.id;
      sum += packet.head.un.echo.sequence;
      sum = (sum >> 16) + (sum & 0xffff);
      packet.head.checksum = static_cast<std::uint16_t>(~(sum + (sum >> 16)));
    }
    const auto to = address_of(target, 0);
    if (::sendto(icmp_, &packet, sizeof packet, 0, reinterpret_cast<const sockaddr*>(&to),
                 sizeof to) < 0)
      die("sendto");
  }

  void read_replies() {
    std::array<char, 256> buffer;
    while (::recv(icmp_, buffer.data(), buffer.size(), 0) > 0) {
    }
  }

  void fire(std::uint32_t target) {
    if (kind_ == Kind::icmp) return ping(target);
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket");
    const int one = 1;
    if (tls_) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    const auto to = address_of(target, port_);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 &&
        errno != EINPROGRESS)
      die("connect");
    auto& c = loop_.add(fd, kind_, EPOLLIN | EPOLLOUT | EPOLLET);
    if (!tls_) return;
    c.ssl.reset(SSL_new(tls_.get()));
    SSL_set_fd(c.ssl.get(), fd);
    SSL_set_tlsext_host_name(c.ssl.get(), "probe.test");
    if (verifies_) SSL_set1_host(c.ssl.get(), "probe.test");
    SSL_set_connect_state(c.ssl.get());
  }

  // False when the probe is over. Anything but a good answer ends the program: what it cost would
  // be no measure.
  bool step(int fd, Connection& c, std::uint32_t events) {
    if ((events & EPOLLERR) != 0) die("probe");
    if (kind_ == Kind::tcp) return false;
    if (kind_ != Kind::smtp && !c.asked && (events & EPOLLOUT) != 0) {
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
    return read(fd, c);
  }

  bool read(int fd, Connection& c) {
    std::array<char, 2048> buffer;
    long n = 0;
    if (c.ssl) {
      n = SSL_read(c.ssl.get(), buffer.data(), buffer.size());
      if (n <= 0 && wants_more(c, static_cast<int>(n))) return true;
    } else {
      n = ::recv(fd, buffer.data(), buffer.size(), 0);
      if (n < 0 && errno == EAGAIN) return true;
    }
    const std::string_view wanted = kind_ == Kind::smtp ? "220" : "HTTP/1.1 200";
    const std::string_view got(buffer.data(), n < 0 ? 0 : static_cast<std::size_t>(n));
    if (got.substr(0, wanted.size()) != wanted) die("answer");
    if (kind_ == Kind::smtp) ::send(fd, farewell.data(), farewell.size(), MSG_NOSIGNAL);
    return false;
  }

  const Kind kind_;
  const int port_;
  Loop loop_;
  SslContext tls_;
  bool verifies_ = false;
  int icmp_ = -1;
  bool raw_ = false;
  std::uint32_t sequence_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const std::string protocol = argc > 1 ? argv[1] : "";
  const Kind kind = protocol == "http"    ? Kind::http
                    : protocol == "https" ? Kind::https
                    : protocol == "tcp"   ? Kind::tcp
                    : protocol == "smtp"  ? Kind::smtp
                    : protocol == "icmp"  ? Kind::icmp
                                          : Kind::control;
  if (kind != Kind::control && argc >= 5) {
    Prober(kind, std::atoi(argv[4]), argc > 5 ? argv[5] : nullptr)
        .run(static_cast<unsigned>(std::atoi(argv[2])), std::atof(argv[3]));
  }
  std::fputs("usage: bare_loop http|https|tcp|smtp|icmp N PER_SECOND PORT [CA]\n", stderr);
  return 2;
}
