// A name server on loopback, UDP and TCP on one port, that answers as a script says.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "net/endpoint.hpp"
#include "net/wire.hpp"

namespace hotswapd::testing {

using Packet = std::vector<std::byte>;

// A question as it came; `packet` is all of it.
struct Asked {
  Packet packet;
  std::uint16_t id = 0;
  wire::Name name;  // in the case in which it came
  std::uint16_t type = 0;
  bool tcp = false;
  std::uint16_t port = 0;  // from which it came, by UDP

  std::string text() const { return name.lowered().text(); }
};

// Makes an answer; the sections are what the calls put into them.
class AnswerMaker {
 public:
  // RA and QR are set.
  explicit AnswerMaker(const Asked& asked, wire::Rcode rcode = wire::Rcode::noerror);
  AnswerMaker& flags(std::uint16_t set, std::uint16_t clear = 0);
  AnswerMaker& id(std::uint16_t value);
  AnswerMaker& address(std::string_view owner, std::string_view text, std::uint32_t ttl);
  AnswerMaker& alias(std::string_view owner, std::string_view target, std::uint32_t ttl);
  AnswerMaker& authority(std::string_view owner, std::uint16_t type);  // NS or SOA
  Packet packet() const;

 private:
  AnswerMaker& record(int section, std::string_view owner, std::uint16_t type, std::uint32_t ttl,
                      const Packet& rdata);
  wire::Header header_;
  wire::Question question_;
  Packet records_;
};

// Runs its script on a thread of its own.
class DnsPeer {
 public:
  // What is sent back; nothing is silence.
  using Script = std::function<std::vector<Packet>(const Asked&)>;

  explicit DnsPeer(Script script);
  ~DnsPeer();
  DnsPeer(const DnsPeer&) = delete;
  DnsPeer& operator=(const DnsPeer&) = delete;

  DnsEndpoint endpoint() const { return endpoint_; }
  int asked() const noexcept { return asked_; }    // questions that came
  int by_tcp() const noexcept { return by_tcp_; }  // of those
  void set(Script script);

 private:
  void run();
  std::vector<Packet> answer(Packet packet, bool tcp, std::uint16_t port);
  void serve_stream();

  std::mutex mutex_;  // over script_
  Script script_;
  int udp_ = -1;
  int tcp_ = -1;
  int wake_[2] = {-1, -1};
  DnsEndpoint endpoint_;
  std::atomic<int> asked_{0};
  std::atomic<int> by_tcp_{0};
  std::thread thread_;
};

// "192.0.2.1" for A, "2001:db8::1" for AAAA, with this TTL, whatever the name.
std::vector<Packet> addresses(const Asked& asked, std::string_view four, std::string_view six,
                              std::uint32_t ttl = 60);
std::vector<Packet> nothing_but(const Asked& asked, wire::Rcode rcode);

}  // namespace hotswapd::testing
