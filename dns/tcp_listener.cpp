// One thread that answers DNS over TCP.
#include "dns/tcp_listener.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "net/scheduling.hpp"

namespace hotswapd {
namespace {

constexpr std::size_t max_pending_out = 65'536;  // above it the client is not read from
constexpr std::size_t max_pending_in = 2 + wire::max_message;
constexpr std::size_t read_size = 16'384;

}  // namespace

struct TcpListener::Connection {
  Descriptor fd;
  DnsEndpoint peer;
  std::vector<std::byte> in;   // at most max_pending_in
  std::vector<std::byte> out;  // at most max_pending_out and one answer more
  std::size_t sent = 0;
  bool eof = false;
  std::uint32_t interest = 0;
  TimePoint deadline;       // of whichever of these holds:
  bool stuck = false;       // the client does not read its answers
  bool in_message = false;  // a question has begun to come
};

TcpListener::TcpListener(std::vector<Descriptor> listeners, const SnapshotHolder& zones,
                         ChaosTexts chaos, TcpLimits limits)
    : listeners_(std::move(listeners)),
      zones_(zones),
      chaos_(std::move(chaos)),
      limits_(limits),
      scratch_(wire::max_message) {}

TcpListener::~TcpListener() {
  stop();
}

Fallible<void> TcpListener::start() {
  wake_ = Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  epoll_ = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
  reserve_ = Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  bool ok = wake_ && epoll_ && reserve_;
  const auto add = [&](int fd, void* tag) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = tag;
    ok = ok && ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
  };
  for (auto& listener : listeners_) add(listener.get(), &listener);
  add(wake_.get(), &wake_);
  if (!ok)
    return Error{errc::unavailable,
                 std::string("DNS over TCP cannot start: ") + std::strerror(errno)};
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "dns-tcp");
  return {};
}

void TcpListener::stop() {
  if (!thread_.joinable()) return;
  stopping_.store(true, std::memory_order_relaxed);
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written =
      ::write(wake_.get(), &one, sizeof(one));  // an eventfd never refuses the first
  thread_.join();
  connections_.clear();
}

int TcpListener::wait_for(TimePoint now) const {
  if (connections_.empty()) return -1;
  const auto next =
      std::min_element(connections_.begin(), connections_.end(), [](const auto& a, const auto& b) {
        return a.deadline < b.deadline;
      })->deadline;
  if (next <= now) return 0;
  return static_cast<int>(std::chrono::ceil<Millis>(next - now).count());
}

void TcpListener::run() {
  prefer_short_turns();  // an answer is some microseconds of work
  std::array<epoll_event, 64> events;
  while (!stopping_.load(std::memory_order_relaxed)) {
    const int ready = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                   wait_for(Clock::now()));
    const auto now = Clock::now();
    std::array<Connection*, 64> over{};
    std::size_t ended = 0;
    for (int i = 0; i < ready; ++i) {
      auto* tag = events[i].data.ptr;
      if (tag == &wake_) continue;
      const auto listener =
          std::find_if(listeners_.begin(), listeners_.end(), [&](auto& l) { return &l == tag; });
      if (listener != listeners_.end()) {
        accept_from(*listener, now);
        continue;
      }
      auto& connection = *static_cast<Connection*>(tag);
      if (!serve(connection, now)) over[ended++] = &connection;
    }
    // Closed after all events were seen: none of them may speak of a connection that is gone.
    connections_.remove_if([&](Connection& c) {
      if (std::find(over.begin(), over.begin() + ended, &c) != over.begin() + ended) return true;
      if (c.deadline > now) return false;
      counters_.tcp_timeout();
      return true;
    });
  }
}

void TcpListener::accept_from(const Descriptor& listener, TimePoint now) {
  for (int accepted = 0; accepted < 16; ++accepted) {
    sockaddr_storage storage{};
    socklen_t size = sizeof(storage);
    Descriptor fd(::accept4(listener.get(), reinterpret_cast<sockaddr*>(&storage), &size,
                            SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      if (errno == EMFILE || errno == ENFILE) shed_one(listener);
      return;
    }
    const auto peer = DnsEndpoint::from(storage);
    const auto same = std::count_if(connections_.begin(), connections_.end(), [&](const auto& c) {
      return c.peer.v6 == peer.v6 && c.peer.address == peer.address;
    });
    if (connections_.size() >= limits_.connections ||
        static_cast<std::size_t>(same) >= limits_.per_address) {
      counters_.tcp_refused();
      continue;  // closed here
    }
    auto& connection = connections_.emplace_back();
    connection.fd = std::move(fd);
    connection.peer = peer;
    connection.deadline = now + limits_.idle;
    if (!watch(connection)) connections_.pop_back();
  }
}

// Out of descriptors: without this the waiting connection would wake us for ever.
void TcpListener::shed_one(const Descriptor& listener) {
  counters_.tcp_refused();
  reserve_.reset();
  Descriptor shed(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  shed.reset();
  reserve_ = Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

bool TcpListener::serve(Connection& connection, TimePoint now) {
  if (connection.out.empty() && !connection.eof && !read_some(connection)) return false;
  zones_.refresh(snapshot_, seen_);
  // A long pipeline is answered in pieces, each sent before the next is made.
  for (;;) {
    if (!flush(connection, now)) return false;
    if (!connection.out.empty()) break;
    answer_all(connection, now);
    if (connection.out.empty()) break;
  }
  if (connection.eof && connection.out.empty()) return false;
  return watch(connection);
}

bool TcpListener::read_some(Connection& connection) {
  const std::size_t had = connection.in.size();
  const std::size_t chunk = std::min(max_pending_in - had, read_size);
  std::array<std::byte, read_size> buffer;
  const auto got = ::recv(connection.fd.get(), buffer.data(), chunk, 0);
  if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
  if (got == 0) connection.eof = true;
  connection.in.insert(connection.in.end(), buffer.begin(), buffer.begin() + got);
  return true;
}

// Answers what is complete, as far as there is room for answers, and sets the deadline of what
// comes next.
void TcpListener::answer_all(Connection& connection, TimePoint now) {
  auto& in = connection.in;
  std::size_t at = 0;
  bool answered = false;
  while (in.size() - at >= 2) {
    const std::size_t length =
        std::to_integer<std::size_t>(in[at]) << 8 | std::to_integer<std::size_t>(in[at + 1]);
    if (in.size() - at - 2 < length) break;
    if (connection.out.size() >= max_pending_out) break;
    const auto answer = answer_packet(std::span<const std::byte>(in).subspan(at + 2, length),
                                      DnsTransport::tcp, *snapshot_, scratch_, chaos_);
    at += 2 + length;
    answered = true;
    if (answer.size == 0) {
      counters_.silent();
      continue;
    }
    counters_.answered(answer, DnsTransport::tcp);
    connection.out.push_back(static_cast<std::byte>(answer.size >> 8));
    connection.out.push_back(static_cast<std::byte>(answer.size & 0xff));
    connection.out.insert(connection.out.end(), scratch_.begin(),
                          scratch_.begin() + static_cast<std::ptrdiff_t>(answer.size));
  }
  in.erase(in.begin(), in.begin() + static_cast<std::ptrdiff_t>(at));
  const bool in_message = !in.empty();
  if (answered || in_message != connection.in_message) {
    // The clock of a question runs from its first byte, however slowly the rest comes.
    connection.deadline = now + (in_message ? limits_.message : limits_.idle);
  }
  connection.in_message = in_message;
}

bool TcpListener::flush(Connection& connection, TimePoint now) {
  auto& out = connection.out;
  while (connection.sent < out.size()) {
    const auto sent = ::send(connection.fd.get(), out.data() + connection.sent,
                             out.size() - connection.sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      // From the first refusal on the client has this long to take all that is waiting.
      if (!connection.stuck) connection.deadline = now + limits_.flush;
      connection.stuck = true;
      return true;
    }
    if (sent < 0) return false;
    connection.sent += static_cast<std::size_t>(sent);
  }
  out.clear();
  connection.sent = 0;
  if (connection.stuck) {
    connection.stuck = false;
    connection.in_message = false;
    connection.deadline = now + limits_.idle;
  }
  return true;
}

bool TcpListener::watch(Connection& connection) {
  const std::uint32_t interest = connection.out.empty() ? EPOLLIN : EPOLLOUT;
  if (interest == connection.interest) return true;
  epoll_event event{};
  event.events = interest;
  event.data.ptr = &connection;
  const int how = connection.interest == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if (::epoll_ctl(epoll_.get(), how, connection.fd.get(), &event) != 0) return false;
  connection.interest = interest;
  return true;
}

}  // namespace hotswapd
