#include "probes/ping_engine.hpp"

#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <string>
#include <utility>

#include "probes/ping_socket.hpp"
#include "probes/sequence_table.hpp"

namespace hotswapd {
namespace {

constexpr std::size_t batch = 64;          // messages read by one system call
constexpr std::size_t message_size = 640;  // an error with extensions (RFC 4884) and its IP header
constexpr int batches_at_once = 8;         // then the other descriptors get their turn
constexpr int batches_of_a_full_buffer = 256;
constexpr int errors_at_once = 128;
// A socket's buffer holds a few hundred replies; on a fast network they come before the loop gets
// round to reading.
constexpr int sends_before_reading = 64;

IpFamily family_of(const asio::ip::udp::endpoint& target) noexcept {
  return target.address().is_v4() ? IpFamily::v4 : IpFamily::v6;
}

IpBytes bytes_of(const sockaddr* address) noexcept {
  IpBytes bytes{};
  if (address->sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, address, sizeof in);
    std::memcpy(bytes.data(), &in.sin_addr, 4);
  } else if (address->sa_family == AF_INET6) {
    sockaddr_in6 in6{};
    std::memcpy(&in6, address, sizeof in6);
    std::memcpy(bytes.data(), &in6.sin6_addr, 16);
  }
  return bytes;
}

std::string text_of(IpFamily family, const IpBytes& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(family == IpFamily::v4 ? AF_INET : AF_INET6, address.data(), text.data(),
              text.size());
  return text.data();
}

void random_bytes(std::span<std::uint64_t> into) {
  std::size_t filled = 0;
  auto* const bytes = reinterpret_cast<char*>(into.data());
  while (filled < into.size_bytes()) {
    const auto n = ::getrandom(bytes + filled, into.size_bytes() - filled, 0);
    if (n > 0) filled += static_cast<std::size_t>(n);
  }
}

}  // namespace

// What one read fills, for both families; and random numbers in stock.
struct PingEngine::Buffers {
  Buffers() {
    for (std::size_t i = 0; i < batch; ++i) {
      parts[i] = {messages[i].data(), messages[i].size()};
      headers[i].msg_hdr.msg_iov = &parts[i];
      headers[i].msg_hdr.msg_iovlen = 1;
      headers[i].msg_hdr.msg_name = &sources[i];
    }
  }

  std::array<std::array<std::uint8_t, message_size>, batch> messages;
  std::array<sockaddr_in6, batch> sources;
  std::array<iovec, batch> parts{};
  std::array<mmsghdr, batch> headers{};
  bool in_use = false;
  std::array<std::uint64_t, 64> cookies{};
  std::size_t cookies_left = 0;
};

// One family's socket.
class PingEngine::Channel final : public Poller::Watch {
 public:
  Channel(PingEngine& engine, IpFamily family) noexcept : engine_(engine), family_(family) {}
  ~Channel() override { close(); }

  std::optional<Finding> send(Echo& echo, const asio::ip::udp::endpoint& target);
  void forget(Echo& echo) noexcept;
  void catch_up();
  bool may_have_lost(TimePoint began);
  Means means() const noexcept {
    return socket_.fd < 0 ? Means::none : socket_.raw ? Means::raw : Means::datagram;
  }
  std::size_t out() const noexcept { return table_.size(); }
  void close() noexcept;

 private:
  void ready(std::uint32_t events) override;
  void expired(Clock::duration) override {}  // has no deadline
  void abandoned() override { close(); }

  std::optional<Finding> open();
  bool read_messages(bool later);
  void read_errors(bool later);
  void hear(const IcmpNews& news, const IpBytes& source, bool later);
  void look_at_buffer();

  PingEngine& engine_;
  const IpFamily family_;
  PingSocket socket_;
  int unread_sends_ = 0;
  SequenceTable<Echo> table_;
  std::uint32_t drops_ = 0;  // of the kernel, as last seen
  bool crowded_ = false;     // the buffer, as last seen
  TimePoint loss_seen_ = TimePoint::min();
};

std::optional<Finding> PingEngine::Channel::open() {
  PingSocket opened;
  if (auto trouble = open_ping_socket(family_, opened)) return trouble;
  if (const error_code ec = engine_.poller_.attend(*this, opened.fd)) {
    ::close(opened.fd);
    return send_failure(ec.value(), "ping");
  }
  socket_ = opened;
  drops_ = 0;
  crowded_ = false;
  return std::nullopt;
}

void PingEngine::Channel::close() noexcept {
  if (socket_.fd < 0) return;
  engine_.poller_.remove(*this);
  ::close(std::exchange(socket_.fd, -1));
}

std::optional<Finding> PingEngine::Channel::send(Echo& echo,
                                                 const asio::ip::udp::endpoint& target) {
  if (socket_.fd < 0) {
    if (auto trouble = open()) return trouble;
  }
  if (++unread_sends_ > sends_before_reading) read_messages(true);
  const auto sequence = table_.insert(echo);
  if (!sequence) return inconclusive("too many pings are out at once on this probe loop");
  echo.tag_ = {socket_.id, *sequence, engine_.cookie()};
  echo.target_ = bytes_of(target.data());
  echo.family_ = family_;
  echo.hint_.reset();
  echo.out_ = true;
  const EchoRequest request = build_echo(family_, echo.tag_);
  int error = 0;
  // The kernel reports an error that came for an earlier request instead of sending the next one.
  for (int tries = 0; tries < 4; ++tries) {
    const auto size = static_cast<socklen_t>(target.size());
    error = ::sendto(socket_.fd, request.data(), request.size(), 0, target.data(), size) < 0 ? errno
                                                                                             : 0;
    if (error == 0) return std::nullopt;
    if (error == EAGAIN || error == ENOBUFS) break;
    if (!socket_.raw) read_errors(true);
  }
  forget(echo);
  return send_failure(error, target.address().to_string());
}

void PingEngine::Channel::forget(Echo& echo) noexcept {
  table_.erase(echo.tag_.sequence);
  echo.out_ = false;
}

void PingEngine::Channel::ready(std::uint32_t events) {
  if ((events & EPOLLERR) != 0) read_errors(false);
  for (int i = 0; i < batches_at_once; ++i) {
    if (!read_messages(false)) return;
  }
}

// True when there may be more.
bool PingEngine::Channel::read_messages(bool later) {
  unread_sends_ = 0;
  auto& buffers = *engine_.buffers_;
  if (buffers.in_use) return false;  // who was answered sends, below the loop that reads
  look_at_buffer();
  for (auto& header : buffers.headers) header.msg_hdr.msg_namelen = sizeof(sockaddr_in6);
  const int count = ::recvmmsg(socket_.fd, buffers.headers.data(), batch, MSG_DONTWAIT, nullptr);
  if (count < 0) {
    // An error that was reported here instead of in the error queue's event.
    if (errno != EAGAIN && errno != EINTR) read_errors(later);
    return false;
  }
  const Framing framing =
      socket_.raw && family_ == IpFamily::v4 ? Framing::ip_header : Framing::bare;
  buffers.in_use = true;
  for (int i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const std::size_t size = std::min<std::size_t>(buffers.headers[at].msg_len, message_size);
    const IcmpNews news = read_icmp(family_, {buffers.messages[at].data(), size}, framing);
    if (news.kind == IcmpNews::Kind::other) continue;
    hear(news, bytes_of(reinterpret_cast<const sockaddr*>(&buffers.sources[at])), later);
  }
  buffers.in_use = false;
  return count == static_cast<int>(batch);
}

void PingEngine::Channel::read_errors(bool later) {
  for (int i = 0; i < errors_at_once; ++i) {
    std::array<std::uint8_t, 128> quoted;
    sockaddr_in6 target{};
    alignas(cmsghdr) std::array<char, 256> control;
    iovec part{quoted.data(), quoted.size()};
    msghdr header{};
    header.msg_name = &target;
    header.msg_namelen = sizeof target;
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const auto size = ::recvmsg(socket_.fd, &header, MSG_ERRQUEUE | MSG_DONTWAIT);
    if (size < 0) return;
    for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
      const bool v4 = c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR;
      const bool v6 = c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR;
      if ((!v4 && !v6) || c->cmsg_len < CMSG_LEN(sizeof(sock_extended_err) + sizeof(sockaddr)))
        continue;
      sock_extended_err error{};
      std::memcpy(&error, CMSG_DATA(c), sizeof error);
      if (error.ee_origin != SO_EE_ORIGIN_ICMP && error.ee_origin != SO_EE_ORIGIN_ICMP6) continue;
      const Obstacle obstacle = obstacle_of(family_, error.ee_type, error.ee_code);
      if (obstacle == Obstacle::none) continue;
      sockaddr_in6 offender{};
      std::memcpy(&offender, CMSG_DATA(c) + sizeof error,
                  std::min<std::size_t>(sizeof offender, c->cmsg_len - CMSG_LEN(sizeof error)));
      const IcmpNews news =
          read_quoted(family_, {quoted.data(), static_cast<std::size_t>(size)}, obstacle,
                      bytes_of(reinterpret_cast<const sockaddr*>(&target)));
      hear(news, bytes_of(reinterpret_cast<const sockaddr*>(&offender)), later);
    }
  }
}

void PingEngine::Channel::hear(const IcmpNews& news, const IpBytes& source, bool later) {
  if (news.id != socket_.id) return;
  Echo* const echo = table_.find(news.sequence);
  if (echo == nullptr) return;  // late, or a second copy
  const Match matched = match(news, echo->tag_, echo->target_, source);
  if (matched == Match::no) return;
  if (news.kind == IcmpNews::Kind::reply) {
    forget(*echo);
    return echo->answered(later);
  }
  Finding why =
      obstacle_finding(news.obstacle, text_of(family_, echo->target_), text_of(family_, source));
  if (matched == Match::likely) {
    echo->hint_ = std::move(why);
    return;
  }
  forget(*echo);
  echo->refused(std::move(why), later);
}

void PingEngine::Channel::catch_up() {
  for (int i = 0; i < batches_of_a_full_buffer && read_messages(true); ++i) {
  }
}

// The kernel's counter of dropped messages also counts those with a wrong checksum, which anybody
// may send, and which are no loss. A loss needs a full buffer, and nobody but us empties it: so a
// drop counts if the buffer was at least half full right before a read, or is right before the next
// one.
void PingEngine::Channel::look_at_buffer() {
  std::array<std::uint32_t, SK_MEMINFO_VARS> figures{};
  socklen_t size = sizeof figures;
  if (::getsockopt(socket_.fd, SOL_SOCKET, SO_MEMINFO, figures.data(), &size) != 0 ||
      size <= SK_MEMINFO_DROPS * sizeof(std::uint32_t)) {
    return;
  }
  const bool before = crowded_;
  crowded_ = figures[SK_MEMINFO_RMEM_ALLOC] >= figures[SK_MEMINFO_RCVBUF] / 2;
  const bool dropped = figures[SK_MEMINFO_DROPS] != drops_;
  drops_ = figures[SK_MEMINFO_DROPS];
  if (dropped && (before || crowded_)) loss_seen_ = Clock::now();
}

bool PingEngine::Channel::may_have_lost(TimePoint began) {
  if (socket_.fd < 0) return false;
  look_at_buffer();
  return loss_seen_ >= began;
}

asio::execution_context::id PingEngine::id;

PingEngine::PingEngine(asio::execution_context& owner)
    : asio::execution_context::service(owner),
      poller_(Poller::of(static_cast<asio::io_context&>(owner))),
      buffers_(std::make_unique<Buffers>()),
      v4_(std::make_unique<Channel>(*this, IpFamily::v4)),
      v6_(std::make_unique<Channel>(*this, IpFamily::v6)) {}

PingEngine::~PingEngine() = default;

PingEngine& PingEngine::of(asio::io_context& context) {
  return asio::use_service<PingEngine>(context);
}

void PingEngine::shutdown() noexcept {
  v4_->close();
  v6_->close();
}

PingEngine::Channel& PingEngine::channel(IpFamily family) noexcept {
  return family == IpFamily::v4 ? *v4_ : *v6_;
}

std::optional<Finding> PingEngine::send(Echo& echo, const asio::ip::udp::endpoint& target) {
  return channel(family_of(target)).send(echo, target);
}

void PingEngine::forget(Echo& echo) noexcept {
  if (echo.out_) channel(echo.family_).forget(echo);
}

void PingEngine::catch_up(const Echo& echo) {
  if (echo.out_) channel(echo.family_).catch_up();
}

bool PingEngine::may_have_lost(const Echo& echo, TimePoint began) {
  return channel(echo.family_).may_have_lost(began);
}

PingEngine::Means PingEngine::means(IpFamily family) const noexcept {
  return (family == IpFamily::v4 ? v4_ : v6_)->means();
}

std::size_t PingEngine::out(IpFamily family) const noexcept {
  return (family == IpFamily::v4 ? v4_ : v6_)->out();
}

std::uint64_t PingEngine::cookie() {
  auto& stock = *buffers_;
  if (stock.cookies_left == 0) {
    random_bytes(stock.cookies);
    stock.cookies_left = stock.cookies.size();
  }
  return stock.cookies[--stock.cookies_left];
}

}  // namespace hotswapd
