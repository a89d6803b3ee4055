#include "probes/attempt.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <utility>

namespace hotswapd {
namespace {

// A loop that comes this late to a deadline did not run when the answer may have come: that is our
// fault.
constexpr Clock::duration own_delay = Millis(500);

int socket_error(int fd) noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
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
    : poller_(poller), target_(target), timeout_(timeout) {}

Attempt::~Attempt() {
  close();
}

awaitable<ProbeResult> Attempt::run(TimePoint deadline) {
  start(deadline);
  if (!finished_) {
    auto wait = [this](auto handler) {
      auto slot = asio::get_associated_cancellation_slot(handler);
      Resume boxed(std::move(handler));
      boxed.swap(resume_);
      if (slot.is_connected()) {
        slot.assign([this](asio::cancellation_type type) {
          if ((type & asio::cancellation_type::terminal) != asio::cancellation_type::none) {
            stop();
          }
        });
      }
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(wait, asio::use_awaitable);
  }
  co_return std::move(result_);
}

void Attempt::start(TimePoint deadline) {
  began_ = Clock::now();
  enter(Phase::connect);
  fd_ = ::socket(target_.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return fail_to_connect(errno);
  const auto size = static_cast<socklen_t>(target_.size());
  if (::connect(fd_, target_.data(), size) != 0 && errno != EINPROGRESS)
    return fail_to_connect(errno);
  if (const error_code ec = poller_.add(*this, fd_, deadline)) fail_to_connect(ec.value());
}

void Attempt::fail_to_connect(int error) {
  finish(connect_failure(error, where()));
}

void Attempt::ready(std::uint32_t events) {
  if (connected_) return on_ready(events);
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
    if (const int error = socket_error(fd_); error != 0) return fail_to_connect(error);
  }
  if ((events & EPOLLOUT) == 0) return;
  if (connected_to_itself(fd_, target_)) return fail_to_connect(ECONNREFUSED);
  connected_ = true;
  result_.times.connect = elapsed();
  on_connected(events);
}

void Attempt::expired(Clock::duration late) {
  if (late > own_delay) {
    const auto by = std::chrono::duration_cast<Millis>(late);
    return finish(inconclusive("this process was not running for " + seconds_text(by) +
                               " when the deadline passed"));
  }
  const std::string time = seconds_text(timeout_);
  if (!connected_) {
    return finish(fail(FailureClass::timeout, "no connection to " + where() + " within " + time));
  }
  finish(fail(FailureClass::timeout,
              "no answer within " + time + " after connecting (" + waiting_for() + ")"));
}

void Attempt::abandoned() {
  // The handler owns the coroutine and with it this object: let it go last.
  const Resume doomed = take_resume();
}

// Called from inside the emission of the signal, which must be over before the coroutine that owns
// it goes on.
void Attempt::stop() {
  Resume later = take_resume();
  finish(inconclusive("stopped"));
  if (later)
    asio::post(poller_.loop(), [resume = std::move(later)]() mutable { std::move(resume)(); });
}

void Attempt::finish(Finding finding) {
  if (finished_) return;
  finished_ = true;
  result_.verdict = finding.verdict;
  result_.failure = finding.failure;
  result_.reason = std::move(finding.reason);
  result_.times.total = elapsed();
  close();
  if (Resume resume = take_resume()) std::move(resume)();
}

// By swap: the move assignment of any_completion_handler in Boost 1.81 calls itself for ever.
Attempt::Resume Attempt::take_resume() {
  Resume taken;
  taken.swap(resume_);
  return taken;
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
    if (n >= 0) return n;
    if (errno != EINTR) return -errno;
  }
}

Micros Attempt::elapsed() const {
  return std::chrono::duration_cast<Micros>(Clock::now() - began_);
}

std::string Attempt::where() const {
  return target_.address().to_string() + " port " + std::to_string(target_.port());
}

void Attempt::close() noexcept {
  if (fd_ < 0) return;
  poller_.remove(*this);
  // The verdict is in: a reset leaves no TIME_WAIT behind, of which there would be one per probe
  // for a minute.
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::close(std::exchange(fd_, -1));
}

}  // namespace hotswapd
