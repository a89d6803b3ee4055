// One thread that answers UDP queries in batches.
#include "dns/udp_worker.hpp"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "core/time.hpp"
#include "net/scheduling.hpp"

namespace hotswapd {
namespace {

constexpr std::size_t batch_size = 64;
constexpr std::size_t max_query = 4096;  // nobody asks more by UDP
constexpr std::size_t control_size = CMSG_SPACE(sizeof(in6_pktinfo));
constexpr int full_batches_in_a_row = 16;  // then the other sockets have their turn

}  // namespace

struct UdpWorker::Batch {
  std::array<mmsghdr, batch_size> in{};
  std::array<mmsghdr, batch_size> out{};
  std::array<iovec, batch_size> in_part{};
  std::array<iovec, batch_size> out_part{};
  std::array<sockaddr_storage, batch_size> peer{};
  alignas(cmsghdr) std::array<std::array<char, control_size>, batch_size> control{};
  std::array<std::array<std::byte, max_query>, batch_size> query{};
  std::array<std::array<std::byte, max_udp_answer>, batch_size> answer{};
};

UdpWorker::UdpWorker(std::vector<Descriptor> sockets, const SnapshotHolder& zones, ChaosTexts chaos,
                     RateLimits limits, std::uint64_t seed)
    : zones_(zones),
      chaos_(std::move(chaos)),
      limiter_(limits, seed),
      batch_(std::make_unique<Batch>()) {
  for (auto& fd : sockets) {
    const auto at = local_endpoint(fd);
    sockets_.push_back({std::move(fd), at.is_any(), at.v6});
  }
  for (std::size_t i = 0; i < batch_size; ++i) {
    batch_->in_part[i] = {batch_->query[i].data(), max_query};
    batch_->in[i].msg_hdr.msg_iov = &batch_->in_part[i];
    batch_->in[i].msg_hdr.msg_iovlen = 1;
    batch_->in[i].msg_hdr.msg_name = &batch_->peer[i];
  }
}

UdpWorker::~UdpWorker() {
  stop();
}

Fallible<void> UdpWorker::start(int number) {
  wake_ = Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  epoll_ = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
  bool ok = wake_ && epoll_;
  const auto watch = [&](int fd, std::uint64_t tag) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = tag;
    ok = ok && ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
  };
  for (std::size_t i = 0; i < sockets_.size(); ++i) watch(sockets_[i].fd.get(), i);
  watch(wake_.get(), sockets_.size());
  if (!ok)
    return Error{errc::unavailable,
                 std::string("DNS over UDP cannot start: ") + std::strerror(errno)};
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), ("dns-udp-" + std::to_string(number)).c_str());
  return {};
}

void UdpWorker::stop() {
  if (!thread_.joinable()) return;
  stopping_.store(true, std::memory_order_relaxed);
  const std::uint64_t one = 1;
  // An eventfd of ours takes eight bytes always; were it not so, the join below would tell.
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof(one));
  thread_.join();
}

void UdpWorker::run() {
  prefer_short_turns();  // an answer is some microseconds of work
  std::array<epoll_event, 16> events;
  while (!stopping_.load(std::memory_order_relaxed)) {
    const int ready =
        ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < ready; ++i) {
      if (events[i].data.u64 >= sockets_.size()) continue;
      const auto& socket = sockets_[events[i].data.u64];
      for (int round = 0; round < full_batches_in_a_row && serve(socket); ++round) {
      }
    }
  }
}

bool UdpWorker::serve(const Socket& socket) {
  for (std::size_t i = 0; i < batch_size; ++i) {
    auto& header = batch_->in[i].msg_hdr;
    header.msg_namelen = sizeof(sockaddr_storage);
    header.msg_control = socket.any ? batch_->control[i].data() : nullptr;
    header.msg_controllen = socket.any ? control_size : 0;
  }
  const int got = ::recvmmsg(socket.fd.get(), batch_->in.data(), batch_size, MSG_DONTWAIT, nullptr);
  if (got <= 0) return false;
  zones_.refresh(snapshot_, seen_);

  const auto count = static_cast<std::size_t>(got);
  std::size_t answers = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto& asked = batch_->in[i];
    const std::size_t size =
        (asked.msg_hdr.msg_flags & MSG_TRUNC) != 0 ? 0 : answer_one(i, asked.msg_len);
    if (size == 0) continue;
    batch_->out_part[i] = {batch_->answer[i].data(), size};
    auto& header = batch_->out[answers++].msg_hdr;
    header = asked.msg_hdr;
    header.msg_iov = &batch_->out_part[i];
    header.msg_flags = 0;
    if (!socket.any) continue;
    // The packet info of the question, sent back, makes its destination our source; the route is
    // the kernel's choice unless the address means something on one link only.
    for (auto* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
      if (!socket.v6 && part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
        in_pktinfo info;
        std::memcpy(&info, CMSG_DATA(part), sizeof(info));
        info.ipi_ifindex = 0;
        std::memcpy(CMSG_DATA(part), &info, sizeof(info));
      } else if (socket.v6 && part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
        in6_pktinfo info;
        std::memcpy(&info, CMSG_DATA(part), sizeof(info));
        if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) info.ipi6_ifindex = 0;
        std::memcpy(CMSG_DATA(part), &info, sizeof(info));
      }
    }
  }
  send_all(socket, answers);
  return count == batch_size;
}

std::size_t UdpWorker::answer_one(std::size_t index, std::size_t size) {
  auto& out = batch_->answer[index];
  auto answer = answer_packet(std::span<const std::byte>(batch_->query[index]).first(size),
                              DnsTransport::udp, *snapshot_, out, chaos_);
  if (answer.size == 0) {
    counters_.silent();
    return 0;
  }
  const auto source = DnsEndpoint::from(batch_->peer[index]);
  if (!limiter_.exempt(source)) {
    const auto now = std::chrono::duration_cast<Seconds>(Clock::now().time_since_epoch()).count();
    const auto verdict = limiter_.admit(source, static_cast<std::uint64_t>(now));
    if (verdict != RateLimiter::Verdict::answer) counters_.rate_limited();
    if (verdict == RateLimiter::Verdict::drop) return 0;
    if (verdict == RateLimiter::Verdict::slip)
      answer.size = slip_answer(std::span(out).first(answer.size));
  }
  counters_.answered(answer, DnsTransport::udp);
  return answer.size;
}

void UdpWorker::send_all(const Socket& socket, std::size_t count) {
  for (std::size_t sent = 0; sent < count;) {
    const int done = ::sendmmsg(socket.fd.get(), &batch_->out[sent],
                                static_cast<unsigned>(count - sent), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (done > 0) {
      sent += static_cast<std::size_t>(done);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      counters_.send_failed(count - sent);  // the link is full: askers come again, we do not wait
      return;
    } else if (errno != EINTR) {
      counters_.send_failed(1);  // this one cannot go (no route, port 0); the others may
      ++sent;
    }
  }
}

}  // namespace hotswapd
