// A server on loopback, port 0, that does to each connection what a script says; and one probe run
// against it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "net/resolver_settings.hpp"
#include "net/tls_contexts.hpp"
#include "probes/prober.hpp"

namespace hotswapd::testing {

// The script runs on a thread of its own with a blocking descriptor, which is closed after it. It
// ends when the prober closes or when the peer is destroyed: both end every read and write.
class ScriptedPeer {
 public:
  using Script = std::function<void(int fd)>;

  explicit ScriptedPeer(Script script, const char* address = "127.0.0.1");
  ~ScriptedPeer();
  ScriptedPeer(const ScriptedPeer&) = delete;
  ScriptedPeer& operator=(const ScriptedPeer&) = delete;

  std::uint16_t port() const noexcept { return port_; }
  const std::string& address() const noexcept { return address_; }
  void await_ended(int sessions);  // until so many have been served and closed

 private:
  void accept_all();

  Script script_;
  std::string address_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::mutex mutex_;  // over what follows
  bool stopping_ = false;
  int ended_ = 0;
  std::condition_variable session_ended_;
  std::vector<int> open_;
  std::vector<std::thread> sessions_;
  std::thread acceptor_;
};

// A bound port on which nobody listens: connections are refused.
class ClosedPort {
 public:
  ClosedPort();
  ~ClosedPort();
  ClosedPort(const ClosedPort&) = delete;
  ClosedPort& operator=(const ClosedPort&) = delete;
  std::uint16_t port() const noexcept { return port_; }

 private:
  int fd_ = -1;
  std::uint16_t port_ = 0;
};

// A listener whose queue is full: the kernel drops every further SYN.
class DeafPort {
 public:
  DeafPort();
  ~DeafPort();
  DeafPort(const DeafPort&) = delete;
  DeafPort& operator=(const DeafPort&) = delete;
  std::uint16_t port() const noexcept { return port_; }

 private:
  int fd_ = -1;
  std::uint16_t port_ = 0;
  std::vector<int> fillers_;
};

// Connections stand, up to so many, and nobody ever reads or answers them.
class MutePort {
 public:
  explicit MutePort(std::size_t connections);
  ~MutePort();
  MutePort(const MutePort&) = delete;
  MutePort& operator=(const MutePort&) = delete;
  std::uint16_t port() const noexcept { return port_; }

 private:
  int fd_ = -1;
  std::uint16_t port_ = 0;
};

// For scripts.
std::string read_request(int fd);               // up to the empty line
bool send_all(int fd, std::string_view bytes);  // false: the prober has closed
void await_close(int fd);                       // until the prober closes
void reset(int fd);  // what follows on the descriptor is a reset when it is closed
// One byte every `pause` until all are sent or the prober closes.
void drip(int fd, std::string_view bytes, Millis pause);

// An HTTP or TCP target at a peer.
TargetSpec target_at(std::uint16_t port, Protocol protocol, Millis timeout = Millis(5000),
                     const std::string& address = "127.0.0.1");

// Runs one attempt on a loop of its own to its end.
ProbeResult probe(const TargetSpec& target);
ProbeResult probe(const TargetSpec& target, TlsContexts& contexts);
ProbeResult probe(const TargetSpec& target, TlsContexts& contexts, const ResolverSettings& names);
// The same with a loop that was prepared for it: its probe policy, its resolver.
ProbeResult probe_on(const std::function<void(asio::io_context&)>& prepare,
                     const TargetSpec& target, TlsContexts& contexts);

// One attempt; everything outlives it.
awaitable<void> run_into(Prober& prober, Millis timeout, ProbeResult& result);

// Several attempts of one prober, one after another; `before` is called before each with its number
// from 0.
std::vector<ProbeResult> probe_often(const TargetSpec& target, TlsContexts& contexts, int times,
                                     const std::function<void(int)>& before = {});

// "fail content HTTP 503, wanted 2xx"
std::string summary(const ProbeResult& result);

// Ended at its deadline, not before; a loaded machine may be late.
void expect_at_deadline(const ProbeResult& result, Millis timeout);

}  // namespace hotswapd::testing
