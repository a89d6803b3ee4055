// One thread that answers UDP queries in batches; it waits for nothing but packets.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "dns/answerer.hpp"
#include "dns/dns_counters.hpp"
#include "dns/rate_limiter.hpp"
#include "dns/socket.hpp"

namespace hotswapd {

class UdpWorker {
 public:
  UdpWorker(std::vector<Descriptor> sockets, const SnapshotHolder& zones, ChaosTexts chaos,
            RateLimits limits, std::uint64_t seed);
  ~UdpWorker();  // stops
  UdpWorker(const UdpWorker&) = delete;
  UdpWorker& operator=(const UdpWorker&) = delete;

  Fallible<void> start(int number);
  void stop();  // joins the thread; any thread but its own
  const DnsCounters& counters() const noexcept { return counters_; }

 private:
  struct Batch;
  struct Socket {
    Descriptor fd;
    bool any = false;  // bound to all addresses: each answer names its source
    bool v6 = false;
  };

  void run();
  bool serve(const Socket& socket);  // one batch; true when it was a full one
  std::size_t answer_one(std::size_t index, std::size_t size);
  void send_all(const Socket& socket, std::size_t count);

  std::vector<Socket> sockets_;
  const SnapshotHolder& zones_;
  ChaosTexts chaos_;
  RateLimiter limiter_;
  DnsCounters counters_;
  std::shared_ptr<const ZoneSnapshot> snapshot_;
  std::uint64_t seen_ = 0;
  std::unique_ptr<Batch> batch_;
  Descriptor wake_;
  Descriptor epoll_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace hotswapd
