// One thread that answers DNS over TCP (RFC 7766): pipelined, with a bound on everything a client
// can hold.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <thread>
#include <vector>

#include "core/time.hpp"
#include "dns/answerer.hpp"
#include "dns/dns_counters.hpp"
#include "dns/socket.hpp"

namespace hotswapd {

struct TcpLimits {
  Millis idle{10'000};    // without a question
  Millis message{2'000};  // from the first to the last byte of one question
  Millis flush{10'000};   // for a client that does not read
  std::size_t connections = 128;
  std::size_t per_address = 16;
};

class TcpListener {
 public:
  TcpListener(std::vector<Descriptor> listeners, const SnapshotHolder& zones, ChaosTexts chaos,
              TcpLimits limits);
  ~TcpListener();  // stops
  TcpListener(const TcpListener&) = delete;
  TcpListener& operator=(const TcpListener&) = delete;

  Fallible<void> start();
  void stop();  // closes all connections and joins the thread; any thread but its own
  const DnsCounters& counters() const noexcept { return counters_; }

 private:
  struct Connection;

  void run();
  int wait_for(TimePoint now) const;  // milliseconds to the next deadline, -1 without one
  void accept_from(const Descriptor& listener, TimePoint now);
  void shed_one(const Descriptor& listener);
  bool serve(Connection& connection, TimePoint now);  // false: to be closed
  bool read_some(Connection& connection);
  void answer_all(Connection& connection, TimePoint now);
  bool flush(Connection& connection, TimePoint now);
  bool watch(Connection& connection);

  std::vector<Descriptor> listeners_;
  const SnapshotHolder& zones_;
  ChaosTexts chaos_;
  TcpLimits limits_;
  DnsCounters counters_;
  std::shared_ptr<const ZoneSnapshot> snapshot_;
  std::uint64_t seen_ = 0;
  std::vector<std::byte> scratch_;
  std::list<Connection> connections_;
  Descriptor reserve_;  // given up for a moment to refuse a connection when descriptors run out
  Descriptor wake_;
  Descriptor epoll_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace hotswapd
