// All pings of one event loop: one ICMP socket per family, and which reply belongs to whom.
#pragma once

#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <cstdint>
#include <memory>
#include <optional>

#include "core/time.hpp"
#include "net/poller.hpp"
#include "probes/finding.hpp"
#include "probes/icmp_message.hpp"

namespace hotswapd {

// The sockets are opened when they are first needed: an unprivileged datagram socket where
// net.ipv4.ping_group_range lets us, else a raw one where CAP_NET_RAW does; where neither does,
// send() says what would help, and tries again the next time. Lives on the thread of its
// io_context, like the poller.
class PingEngine final : public asio::execution_context::service {
 public:
  // One echo request that is out. At most one of its functions is called, and then it is out no
  // more.
  class Echo {
   public:
    Echo() = default;
    Echo(const Echo&) = delete;
    Echo& operator=(const Echo&) = delete;
    virtual ~Echo() = default;

    // `later`: called from inside another echo's send(); nothing may go on before that is over.
    virtual void answered(bool later) = 0;
    virtual void refused(Finding why, bool later) = 0;

    // An error that may have been about this request, for the words when no reply comes.
    const std::optional<Finding>& hint() const noexcept { return hint_; }

   private:
    friend class PingEngine;
    std::optional<Finding> hint_;
    EchoTag tag_;
    IpBytes target_{};
    IpFamily family_ = IpFamily::v4;
    bool out_ = false;
  };

  static asio::execution_context::id id;
  static PingEngine& of(asio::io_context& context);

  explicit PingEngine(asio::execution_context& owner);
  ~PingEngine() override;

  // Sends one request. A finding says why there is none out: always our own trouble, inconclusive.
  // May end other echoes (later), never this one.
  std::optional<Finding> send(Echo& echo, const asio::ip::udp::endpoint& target);
  void forget(Echo& echo) noexcept;  // nothing when it is not out

  // Reads what has arrived, before somebody's time is called out. May end any echo (later).
  void catch_up(const Echo& echo);

  // True when the kernel may have thrown away a reply because we did not read fast enough, in the
  // time since `began`.
  bool may_have_lost(const Echo& echo, TimePoint began);

  // For tests and for telling: how the family is pinged. `none` before the first ping.
  enum class Means : std::uint8_t { none, datagram, raw };
  Means means(IpFamily family) const noexcept;
  std::size_t out(IpFamily family) const noexcept;

 private:
  class Channel;

  void shutdown() noexcept override;
  Channel& channel(IpFamily family) noexcept;
  std::uint64_t cookie();

  Poller& poller_;
  struct Buffers;
  std::unique_ptr<Buffers> buffers_;
  std::unique_ptr<Channel> v4_;
  std::unique_ptr<Channel> v6_;
};

}  // namespace hotswapd
