// The embedded DNS on its sockets: UDP workers and a TCP thread on every address of `dns_listen`.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "dns/dns_counters.hpp"
#include "dns/rate_limiter.hpp"
#include "dns/tcp_listener.hpp"
#include "dns/udp_worker.hpp"

namespace hotswapd {

struct DnsServerOptions {
  std::vector<std::string>
      listen;  // "127.0.0.1:5300", "[::1]:5300", "0.0.0.0"; port 0: the kernel's choice
  int udp_workers = 1;
  RateLimits rate_limits;
  TcpLimits tcp;
  ChaosTexts chaos;
};

// Answers from start() to stop() whatever the rest of the program does. `zones` outlives it.
class DnsServer {
 public:
  static Fallible<std::unique_ptr<DnsServer>> start(const DnsServerOptions& options,
                                                    const SnapshotHolder& zones);
  ~DnsServer();  // stops

  void stop();  // idempotent; returns when the threads have ended
  const std::vector<DnsEndpoint>& endpoints() const noexcept { return endpoints_; }  // as bound
  DnsFigures figures() const;                                                        // any thread

 private:
  DnsServer() = default;

  std::vector<DnsEndpoint> endpoints_;
  std::vector<std::unique_ptr<UdpWorker>> udp_;
  std::unique_ptr<TcpListener> tcp_;
};

}  // namespace hotswapd
