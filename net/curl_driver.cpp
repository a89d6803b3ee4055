#include "net/curl_driver.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace hotswapd {
namespace {

constexpr long idle_for = 60;     // s; most servers close after 60 to 120
constexpr long kept_for = 300;    // s; then the name is resolved and the certificate seen anew
constexpr long cached_most = 32;  // idle connections of all hosts together
constexpr std::size_t at_once = 64;

int mask_of(std::uint32_t events) {
  int mask = 0;
  if ((events & EPOLLIN) != 0) mask |= CURL_CSELECT_IN;
  if ((events & EPOLLOUT) != 0) mask |= CURL_CSELECT_OUT;
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) mask |= CURL_CSELECT_ERR;
  return mask;
}

}  // namespace

Fallible<std::unique_ptr<CurlDriver>> CurlDriver::make(asio::io_context& loop, Limits limits) {
  // Thread-safe and once for the process.
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK)
    return Error{errc::unavailable, std::string("libcurl: ") + curl_easy_strerror(ready)};
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) {
    const error_code why(errno, boost::system::system_category());
    return Error{errc::unavailable, "no epoll set for HTTP calls: " + why.message()};
  }
  CURLM* const multi = curl_multi_init();
  if (multi == nullptr) {
    ::close(epoll);
    return Error{errc::unavailable, "libcurl: out of memory"};
  }
  return std::unique_ptr<CurlDriver>(new CurlDriver(loop, epoll, multi, limits));
}

CurlDriver::CurlDriver(asio::io_context& loop, int epoll, CURLM* multi, Limits limits)
    : multi_(multi),
      epoll_fd_(epoll),
      epoll_(loop, epoll),
      timer_(loop),
      self_(std::make_shared<CurlDriver*>(this)) {
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &CurlDriver::on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &CurlDriver::on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS, static_cast<long>(limits.per_host));
  curl_multi_setopt(multi_, CURLMOPT_MAX_TOTAL_CONNECTIONS, static_cast<long>(limits.total));
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, cached_most);
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
}

CurlDriver::~CurlDriver() {
  curl_multi_cleanup(multi_);  // closes what is kept; calls on_socket and on_close
  *self_ = nullptr;
}

CURLMcode CurlDriver::add(CURL* easy) {
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &CurlDriver::on_open);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, &CurlDriver::on_close);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, this);
  curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, idle_for);
  curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, kept_for);
  const CURLMcode code = curl_multi_add_handle(multi_, easy);
  if (code != CURLM_OK) return code;
  ++transfers_;
  listen();
  return code;
}

void CurlDriver::remove(CURL* easy) noexcept {
  curl_multi_remove_handle(multi_, easy);
  if (--transfers_ == 0) rest();
}

// Nothing is under way: the loop may end. Idle connections are looked at when one is reused.
void CurlDriver::rest() noexcept {
  error_code ignored;
  epoll_.cancel(ignored);
  timer_.cancel();
}

int CurlDriver::on_socket(CURL*, curl_socket_t fd, int what, void* self, void*) {
  const int epoll = static_cast<CurlDriver*>(self)->epoll_fd_;
  if (what == CURL_POLL_REMOVE) {
    ::epoll_ctl(epoll, EPOLL_CTL_DEL, fd, nullptr);  // closed already: it has left by itself
    return 0;
  }
  epoll_event event{};
  if ((what & CURL_POLL_IN) != 0) event.events |= EPOLLIN;
  if ((what & CURL_POLL_OUT) != 0) event.events |= EPOLLOUT;
  event.data.fd = fd;
  if (::epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) == 0) return 0;
  return errno == ENOENT && ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -1;
}

int CurlDriver::on_timer(CURLM*, long milliseconds, void* self) {
  static_cast<CurlDriver*>(self)->arm(milliseconds);
  return 0;
}

curl_socket_t CurlDriver::on_open(void* self, curlsocktype, curl_sockaddr* address) {
  const int fd = ::socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                          address->protocol);
  if (fd < 0) return CURL_SOCKET_BAD;
  ++static_cast<CurlDriver*>(self)->open_sockets_;
  return fd;
}

int CurlDriver::on_close(void* self, curl_socket_t fd) {
  --static_cast<CurlDriver*>(self)->open_sockets_;
  return ::close(fd);
}

void CurlDriver::arm(long milliseconds) {
  if (milliseconds < 0) {
    timer_.cancel();
    return;
  }
  timer_.expires_after(std::chrono::milliseconds(milliseconds));
  timer_.async_wait([self = self_](error_code ec) {
    if (ec || *self == nullptr) return;
    CurlDriver& driver = **self;
    int running = 0;
    curl_multi_socket_action(driver.multi_, CURL_SOCKET_TIMEOUT, 0, &running);
    driver.tell();
  });
}

void CurlDriver::listen() {
  if (listening_) return;
  listening_ = true;
  epoll_.async_wait(asio::posix::stream_descriptor::wait_read, [self = self_](error_code ec) {
    if (*self == nullptr) return;
    CurlDriver& driver = **self;
    driver.listening_ = false;
    if (!ec) driver.dispatch();
    if (driver.transfers_ > 0) driver.listen();
  });
}

void CurlDriver::dispatch() {
  std::array<epoll_event, at_once> events{};
  const int count = ::epoll_wait(epoll_fd_, events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    int running = 0;
    curl_multi_socket_action(multi_, event.data.fd, mask_of(event.events), &running);
  }
  tell();
}

void CurlDriver::tell() {
  int left = 0;
  while (CURLMsg* const message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    void* job = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &job);
    static_cast<Job*>(job)->ended(code);
  }
}

}  // namespace hotswapd
