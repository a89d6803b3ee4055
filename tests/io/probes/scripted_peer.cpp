#include "scripted_peer.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <cstring>
#include <stdexcept>

#include "net/poller.hpp"
#include "net/resolver.hpp"
#include "net/task_group.hpp"
#include "probes/factory.hpp"

namespace hotswapd::testing {
namespace {

struct Bound {
  int fd = -1;
  std::uint16_t port = 0;
};

Bound bind_any(const char* address) {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const bool v6 = std::strchr(address, ':') != nullptr;
  if (v6) {
    auto* const in6 = reinterpret_cast<sockaddr_in6*>(&storage);
    in6->sin6_family = AF_INET6;
    ::inet_pton(AF_INET6, address, &in6->sin6_addr);
    size = sizeof *in6;
  } else {
    auto* const in = reinterpret_cast<sockaddr_in*>(&storage);
    in->sin_family = AF_INET;
    ::inet_pton(AF_INET, address, &in->sin_addr);
    size = sizeof *in;
  }
  const int fd = ::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&storage), size) != 0) {
    throw std::runtime_error(std::string("cannot bind ") + address + ": " + std::strerror(errno));
  }
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size);
  const auto port = v6 ? reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port
                       : reinterpret_cast<sockaddr_in*>(&storage)->sin_port;
  return {fd, ntohs(port)};
}

}  // namespace

ScriptedPeer::ScriptedPeer(Script script, const char* address)
    : script_(std::move(script)), address_(address) {
  const Bound bound = bind_any(address);
  listener_ = bound.fd;
  port_ = bound.port;
  ::listen(listener_, 1024);
  acceptor_ = std::thread([this] { accept_all(); });
}

ScriptedPeer::~ScriptedPeer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
  }
  ::shutdown(listener_, SHUT_RDWR);  // wakes accept()
  acceptor_.join();
  for (auto& session : sessions_) session.join();
  ::close(listener_);
}

void ScriptedPeer::await_ended(int sessions) {
  std::unique_lock lock(mutex_);
  session_ended_.wait(lock, [&] { return ended_ >= sessions; });
}

void ScriptedPeer::accept_all() {
  for (;;) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      if (fd >= 0) ::close(fd);
      return;
    }
    if (fd < 0) continue;  // the prober was gone before we took it
    open_.push_back(fd);
    sessions_.emplace_back([this, fd] {
      script_(fd);
      const std::lock_guard closing(mutex_);
      std::erase(open_, fd);
      ::close(fd);
      ++ended_;
      session_ended_.notify_all();
    });
  }
}

ClosedPort::ClosedPort() {
  const Bound bound = bind_any("127.0.0.1");
  fd_ = bound.fd;
  port_ = bound.port;
}

ClosedPort::~ClosedPort() {
  ::close(fd_);
}

DeafPort::DeafPort() {
  const Bound bound = bind_any("127.0.0.1");
  fd_ = bound.fd;
  port_ = bound.port;
  ::listen(fd_, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port_);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int i = 0; i < 8; ++i) {
    const int filler = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ::connect(filler, reinterpret_cast<sockaddr*>(&to), sizeof to);
    fillers_.push_back(filler);
  }
}

DeafPort::~DeafPort() {
  for (const int filler : fillers_) ::close(filler);
  ::close(fd_);
}

MutePort::MutePort(std::size_t connections) {
  const Bound bound = bind_any("127.0.0.1");
  fd_ = bound.fd;
  port_ = bound.port;
  ::listen(fd_, static_cast<int>(connections));
}

MutePort::~MutePort() {
  ::close(fd_);
}

std::string read_request(int fd) {
  std::string text;
  char byte = 0;
  while (!text.ends_with("\r\n\r\n") && ::recv(fd, &byte, 1, 0) == 1) text += byte;
  return text;
}

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

void await_close(int fd) {
  char buffer[512];
  while (::recv(fd, buffer, sizeof buffer, 0) > 0) {
  }
}

void reset(int fd) {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void drip(int fd, std::string_view bytes, Millis pause) {
  for (const char c : bytes) {
    if (!send_all(fd, {&c, 1})) return;
    pollfd closed{.fd = fd, .events = POLLIN, .revents = 0};
    char buffer[512];
    if (::poll(&closed, 1, static_cast<int>(pause.count())) > 0 &&
        ::recv(fd, buffer, sizeof buffer, 0) <= 0) {
      return;
    }
  }
  await_close(fd);
}

TargetSpec target_at(std::uint16_t port, Protocol protocol, Millis timeout,
                     const std::string& address) {
  TargetSpec target;
  target.address = address;
  target.service = "www.example.com";
  target.monitor.protocol = protocol;
  target.monitor.port = port;
  target.monitor.timeout = timeout;
  return target;
}

awaitable<void> run_into(Prober& prober, Millis timeout, ProbeResult& result) {
  const TimePoint deadline = Clock::now() + timeout;
  result = co_await prober.run(deadline);
}

ProbeResult probe(const TargetSpec& target, TlsContexts& contexts) {
  return probe_on([](asio::io_context&) {}, target, contexts);
}

ProbeResult probe(const TargetSpec& target, TlsContexts& contexts, const ResolverSettings& names) {
  const auto settings = std::make_shared<const ResolverSettings>(names);
  const auto prepare = [&](asio::io_context& context) {
    Resolver::of(context).configure(settings);
  };
  return probe_on(prepare, target, contexts);
}

ProbeResult probe_on(const std::function<void(asio::io_context&)>& prepare,
                     const TargetSpec& target, TlsContexts& contexts) {
  asio::io_context context(1);
  Resolver::of(context).configure(std::make_shared<const ResolverSettings>());
  prepare(context);
  TaskGroup tasks(context.get_executor(), [](const std::string& task, const std::string& what) {
    ADD_FAILURE() << task << " ended by an exception: " << what;
  });
  const auto prober = make_prober(context, target, contexts);
  ProbeResult result;
  tasks.spawn("probe", run_into(*prober, target.monitor.timeout, result));
  context.run();  // ends because nothing is watched any more
  EXPECT_EQ(Poller::of(context).watching(), 0u);
  EXPECT_LE(result.reason.size(), 256u);
  EXPECT_EQ(result.verdict == Verdict::pass, result.failure == FailureClass::none);
  if (result.failure == FailureClass::local) {
    EXPECT_EQ(result.verdict, Verdict::inconclusive);
  }
  if (result.verdict == Verdict::inconclusive && result.failure != FailureClass::local) {
    EXPECT_EQ(result.failure, FailureClass::resolve);
  }
  return result;
}

std::vector<ProbeResult> probe_often(const TargetSpec& target, TlsContexts& contexts, int times,
                                     const std::function<void(int)>& before) {
  asio::io_context context(1);
  TaskGroup tasks(context.get_executor(), [](const std::string& task, const std::string& what) {
    ADD_FAILURE() << task << " ended by an exception: " << what;
  });
  const auto prober = make_prober(context, target, contexts);
  std::vector<ProbeResult> results(static_cast<std::size_t>(times));
  for (int i = 0; i < times; ++i) {
    if (before) before(i);
    tasks.spawn("probe",
                run_into(*prober, target.monitor.timeout, results[static_cast<std::size_t>(i)]));
    context.restart();
    context.run();
  }
  return results;
}

ProbeResult probe(const TargetSpec& target) {
  TlsContexts contexts;
  return probe(target, contexts);
}

std::string summary(const ProbeResult& result) {
  return std::string(to_string(result.verdict)) + " " + to_string(result.failure) + " " +
         result.reason;
}

void expect_at_deadline(const ProbeResult& result, Millis timeout) {
  // The deadline was set a little before the attempt began to count its time.
  EXPECT_GE(result.times.total, timeout - Millis(20));
  EXPECT_LE(result.times.total, timeout + Millis(250));
}

}  // namespace hotswapd::testing
