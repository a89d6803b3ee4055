// Something to probe: HTTP, HTTPS, TCP and SMTP on all of the loopback, which can be told to fail.
//
//   targets CERT KEY
//     prints the ports of HTTP, HTTPS that never resumes, HTTPS that does, TCP, SMTP; then answers
//     each line on stdin with one line:
//       count                             the connections since the last time, second by second
//       resumed                           the short TLS handshakes since the start
//       set FIRST LAST STEP WIDTH HOW     WIDTH endpoints of each STEP from FIRST to LAST: HTTP
//                                         answers `good` or `503`, or accepts and stays `silent`;
//                                         the moment (CLOCK_MONOTONIC, ns)
//       deaf FIRST LAST STEP WIDTH        of those, no packet to the HTTP port arrives
//       record, recorded PATH             writes of each connection between: u64 ns, u32 endpoint,
//                                         u32 protocol
#include <arpa/inet.h>
#include <linux/filter.h>
#include <sys/socket.h>

#include <csignal>
#include <cstring>
#include <string>

#include "bench/loop.hpp"

namespace {

using namespace bench;

constexpr std::string_view answer =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n"
    "Connection: close\r\n\r\nok\n";
constexpr std::string_view refusal =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
constexpr std::string_view greeting = "220 probe.test ESMTP\r\n";

enum class Manner : std::uint8_t { good, refuses, silent };

struct Record {
  std::uint64_t at = 0;
  std::uint32_t endpoint = 0;
  std::uint32_t kind = 0;
};

std::uint64_t monotonic_ns() {
  return static_cast<std::uint64_t>(Clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
}

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

sockaddr_in own_address(int fd) {
  sockaddr_in own{};
  socklen_t size = sizeof own;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size);
  return own;
}

// The kernel drops what is sent to these endpoints before the listener sees it: a SYN to them stays
// without an answer.
void make_deaf(int listener, std::uint32_t first, std::uint32_t last, std::uint32_t step,
               std::uint32_t width) {
  const auto destination = static_cast<std::uint32_t>(SKF_NET_OFF + 16);
  std::array<sock_filter, 7> program = {{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, destination),
      BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, first_address + first),
      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, last - first, 3, 0),
      BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, step),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, width, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, 0x40000),
  }};
  sock_fprog filter{};
  filter.len = program.size();
  filter.filter = program.data();
  if (::setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0)
    die("SO_ATTACH_FILTER");
}

SslContext context_of(const char* certificate, const char* key) {
  SslContext tls(SSL_CTX_new(TLS_server_method()));
  if (SSL_CTX_use_certificate_chain_file(tls.get(), certificate) != 1) die(certificate);
  if (SSL_CTX_use_PrivateKey_file(tls.get(), key, SSL_FILETYPE_PEM) != 1) die(key);
  SSL_CTX_set_session_cache_mode(tls.get(), SSL_SESS_CACHE_OFF);
  return tls;
}

class Targets {
 public:
  Targets(const char* certificate, const char* key)
      : full_(context_of(certificate, key)), resuming_(context_of(certificate, key)) {
    SSL_CTX_set_num_tickets(full_.get(), 0);  // every handshake is a full one
    SSL_CTX_set_options(full_.get(), SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(resuming_.get(), 1);
    for (const Kind kind : {Kind::http, Kind::https, Kind::tickets, Kind::tcp, Kind::smtp}) {
      const int fd = listen_on_loopback();
      if (kind == Kind::http) http_ = fd;
      loop_.add(fd, kind, EPOLLIN).listener = true;
      std::printf("%d ", ntohs(own_address(fd).sin_port));
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
          obey();
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
      if (recording_) {
        records_.push_back(
            Record{monotonic_ns(), endpoint_of(fd), static_cast<std::uint32_t>(kind)});
      }
      auto& c = loop_.add(fd, kind, EPOLLIN);
      if (kind == Kind::smtp) ::send(fd, greeting.data(), greeting.size(), MSG_NOSIGNAL);
      if (kind != Kind::https && kind != Kind::tickets) continue;
      c.ssl.reset(SSL_new(kind == Kind::https ? full_.get() : resuming_.get()));
      SSL_set_fd(c.ssl.get(), fd);
      SSL_set_accept_state(c.ssl.get());
    }
  }

  static std::uint32_t endpoint_of(int fd) {
    return ntohl(own_address(fd).sin_addr.s_addr) - first_address;
  }

  // False when the connection is over. A request comes in one piece.
  bool serve(int fd, Connection& c) {
    std::array<char, 4096> buffer;
    if (c.ssl) {
      const int n = SSL_read(c.ssl.get(), buffer.data(), buffer.size());
      if (n <= 0) return wants_more(c, n);
      if (SSL_session_reused(c.ssl.get()) == 1) ++resumed_;
      SSL_write(c.ssl.get(), answer.data(), static_cast<int>(answer.size()));
      SSL_shutdown(c.ssl.get());
      return false;
    }
    const auto n = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (n <= 0) return n < 0 && errno == EAGAIN;
    if (c.kind != Kind::http) return false;
    std::string_view said = answer;
    if (some_fail_) {
      const auto endpoint = endpoint_of(fd);
      const Manner manner = endpoint < manners_.size() ? manners_[endpoint] : Manner::good;
      if (manner == Manner::silent) return true;
      if (manner == Manner::refuses) said = refusal;
    }
    ::send(fd, said.data(), said.size(), MSG_NOSIGNAL);
    return false;
  }

  void obey() {
    std::array<char, 4096> chunk;
    const auto n = ::read(STDIN_FILENO, chunk.data(), chunk.size());
    if (n <= 0) std::exit(0);
    lines_.append(chunk.data(), static_cast<std::size_t>(n));
    for (auto end = lines_.find('\n'); end != std::string::npos; end = lines_.find('\n')) {
      obey(lines_.substr(0, end));
      lines_.erase(0, end + 1);
    }
    std::fflush(stdout);
  }

  void obey(const std::string& line) {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    std::uint32_t step = 1;
    std::uint32_t width = 1;
    std::array<char, 16> how{};
    if (line == "count") return count();
    if (line == "resumed") {
      std::printf("%zu\n", resumed_);
      return;
    }
    if (line == "record") {
      records_.clear();
      recording_ = true;
    } else if (line.rfind("recorded ", 0) == 0) {
      recording_ = false;
      write_records(line.c_str() + std::strlen("recorded "));
    } else if (std::sscanf(line.c_str(), "set %u %u %u %u %15s", &first, &last, &step, &width,
                           how.data()) == 5) {
      set(first, last, step, width, how.data());
    } else if (std::sscanf(line.c_str(), "deaf %u %u %u %u", &first, &last, &step, &width) == 4) {
      make_deaf(http_, first, last, step, width);
    } else {
      std::exit(2);
    }
    std::printf("%lu\n", monotonic_ns());
  }

  void set(std::uint32_t first, std::uint32_t last, std::uint32_t step, std::uint32_t width,
           const std::string& how) {
    const Manner manner = how == "good"  ? Manner::good
                          : how == "503" ? Manner::refuses
                                         : Manner::silent;
    if (manners_.size() <= last) manners_.resize(last + 1);
    for (auto i = first; i <= last; ++i) {
      if ((i - first) % step < width) manners_[i] = manner;
    }
    some_fail_ = true;
  }

  void write_records(const char* path) {
    std::FILE* const file = std::fopen(path, "wb");
    if (file == nullptr) die(path);
    std::fwrite(records_.data(), sizeof(Record), records_.size(), file);
    std::fclose(file);
    records_.clear();
  }

  void count() {
    for (const auto number : seconds_) std::printf("%zu ", number);
    std::puts("");
    seconds_.clear();
    since_ = Clock::now();
  }

  Loop loop_;
  SslContext full_;
  SslContext resuming_;
  int http_ = -1;
  Clock::time_point since_ = Clock::now();
  std::vector<std::size_t> seconds_;
  std::size_t resumed_ = 0;
  std::vector<Manner> manners_;
  bool some_fail_ = false;
  bool recording_ = false;
  std::vector<Record> records_;
  std::string lines_;
};

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  if (argc == 3) Targets(argv[1], argv[2]).run();
  std::fputs("usage: targets CERT KEY\n", stderr);
  return 2;
}
