// What the DNS listeners count; each worker has its own set, readers add them up.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "dns/answerer.hpp"

namespace hotswapd {

struct DnsFigures {
  std::array<std::uint64_t, 17> by_rcode{};  // index = rcode, 16 = BADVERS
  std::uint64_t udp = 0, tcp = 0;            // answers sent
  std::uint64_t silent = 0;                  // packets that deserve no answer
  std::uint64_t truncated = 0;               // answers with TC for want of room
  std::uint64_t rate_limited = 0;            // dropped or slipped
  std::uint64_t send_failures = 0;           // answers that the kernel did not take
  std::uint64_t notifies = 0;                // somebody takes us for a secondary
  std::uint64_t tcp_refused = 0;             // connections above the limits
  std::uint64_t tcp_timeouts = 0;

  DnsFigures& operator+=(const DnsFigures& other);
};

// Written by one thread with plain relaxed adds, read by any.
class DnsCounters {
 public:
  void answered(const DnsAnswer& answer, DnsTransport transport) noexcept;
  void silent() noexcept { add(silent_); }
  void rate_limited() noexcept { add(rate_limited_); }
  void send_failed(std::uint64_t count) noexcept { add(send_failures_, count); }
  void tcp_refused() noexcept { add(tcp_refused_); }
  void tcp_timeout() noexcept { add(tcp_timeouts_); }
  DnsFigures read() const noexcept;

 private:
  using Counter = std::atomic<std::uint64_t>;
  // One writer: a load and a store are cheaper than a locked add.
  static void add(Counter& counter, std::uint64_t count = 1) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }

  std::array<Counter, 17> by_rcode_{};
  Counter udp_{0}, tcp_{0}, silent_{0}, truncated_{0}, rate_limited_{0}, send_failures_{0},
      notifies_{0}, tcp_refused_{0}, tcp_timeouts_{0};
};

}  // namespace hotswapd
