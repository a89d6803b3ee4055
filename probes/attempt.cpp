#include "probes/attempt.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "probes/address_gate.hpp"
#include "probes/route.hpp"

namespace hotswapd {
namespace {

int socket_error(int fd) noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

// A reset in answer to the connection request is ECONNREFUSED: these come of a connection that
// stood, whenever we get to look.
bool stood_and_was_reset(int error) noexcept {
  return error == ECONNRESET || error == EPIPE;
}

// Nobody listens on a port of this host that lies in the ephemeral range: the kernel may pick that
// very port for our end and connect the socket to itself.
bool connected_to_itself(int fd, const asio::ip::tcp::endpoint& target) noexcept {
  if (target.port() < 32768) return false;
  asio::ip::tcp::endpoint own;
  socklen_t size = static_cast<socklen_t>(own.capacity());
  if (::getsockname(fd, own.data(), &size) != 0) return false;
  own.resize(size);
  return own == target;
}

}  // namespace

Attempt::Attempt(Poller& poller, const asio::ip::tcp::endpoint& target, Millis timeout)
    : PendingAttempt(poller), target_(target), timeout_(timeout) {}

Attempt::~Attempt() {
  release();
}

void Attempt::start(TimePoint deadline) {
  enter(Phase::connect);
  deadline_ = deadline;
  if (auto denied = AddressGate::of(poller().loop()).refuse(target_.address())) {
    return finish(*std::move(denied));
  }
  fd_ = ::socket(target_.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return fail_to_begin(errno);
  const auto size = static_cast<socklen_t>(target_.size());
  if (::connect(fd_, target_.data(), size) != 0 && errno != EINPROGRESS) {
    if (!stood_and_was_reset(errno)) return fail_to_begin(errno);
    reset_ = errno;
  }
  if (const error_code ec = poller().add(*this, fd_, deadline)) fail_to_begin(ec.value());
}

void Attempt::fail_to_begin(int error) {
  finish(begin_failure(error, where()));
}

void Attempt::fail_to_connect(int error) {
  const bool unreachable = error == EHOSTUNREACH || error == ENETUNREACH || error == ETIMEDOUT;
  if (unreachable && !has_route(target_.address())) return finish(route_lost(where()));
  finish(connect_failure(error, where()));
}

void Attempt::ready(std::uint32_t events) {
  if (connected_) return on_ready(events);
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
    const int error = socket_error(fd_);
    if (error != 0 && !stood_and_was_reset(error)) return fail_to_connect(error);
    if (error != 0) reset_ = error;
  }
  if ((events & EPOLLOUT) == 0) return;
  if (connected_to_itself(fd_, target_)) return fail_to_connect(ECONNREFUSED);
  connected_ = true;
  result().times.connect = elapsed();
  on_connected(events);
}

Finding Attempt::out_of_time() {
  if (!has_route(target_.address())) return route_lost(where());
  const std::string time = seconds_text(timeout_);
  if (!connected_) {
    return fail(FailureClass::timeout, "no connection to " + where() + " within " + time);
  }
  return fail(FailureClass::timeout,
              "no answer within " + time + " after connecting (" + waiting_for() + ")");
}

int Attempt::hand_over(Poller::Watch& heir, TimePoint deadline) {
  poller().move(*this, heir, deadline);
  return std::exchange(fd_, -1);
}

void Attempt::close_in_order() noexcept {
  poller().remove(*this);
  ::close(std::exchange(fd_, -1));
}

long Attempt::send_some(std::span<const char> data) noexcept {
  for (;;) {
    const auto n = ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
    if (n >= 0) return n;
    if (errno != EINTR) return -errno;
  }
}

long Attempt::receive_some(std::span<char> into) noexcept {
  for (;;) {
    const auto n = ::recv(fd_, into.data(), into.size(), 0);
    if (n > 0) return n;
    if (n == 0) return -std::exchange(reset_, 0);
    if (errno != EINTR) return -errno;
  }
}

std::string Attempt::where() const {
  return target_.address().to_string() + " port " + std::to_string(target_.port());
}

void Attempt::release() noexcept {
  if (fd_ < 0) return;
  poller().remove(*this);
  // The verdict is in: a reset leaves no TIME_WAIT behind, of which there would be one per probe
  // for a minute.
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::close(std::exchange(fd_, -1));
}

}  // namespace hotswapd
