// Carries DNS messages to one server and its answers back, by TCP or UDP: bytes in, bytes out, each
// step with a deadline. What the bytes mean is for the caller.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/time.hpp"
#include "dns/proof.hpp"
#include "net/awaitable.hpp"
#include "net/endpoint.hpp"

namespace hotswapd {

// Ids and the case of names from the kernel's generator; an error when it gives nothing.
Fallible<std::uint16_t> random_message_id();
Fallible<AuthQuestion> fresh_question(const wire::Name& name, std::uint16_t type);

// One TCP connection; messages with their two bytes of length (RFC 1035 4.2.2). Errors are values;
// timed_out is our deadline, operation_aborted that we are being stopped. After an error it is of
// no use any more.
class DnsStream {
 public:
  explicit DnsStream(asio::any_io_executor executor);
  DnsStream(DnsStream&&) noexcept;
  ~DnsStream();

  awaitable<error_code> connect(DnsEndpoint server, TimePoint deadline);
  // One write of all of them; an answer is due for each.
  awaitable<error_code> send(std::vector<std::vector<std::byte>> messages, TimePoint deadline);
  // The next message, whichever question it answers.
  awaitable<result<std::vector<std::byte>>> receive(TimePoint deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// One datagram from a fresh connected socket, and the first one back that `is_answer`: forgeries
// and strays are passed over until the deadline.
awaitable<result<std::vector<std::byte>>> exchange_by_udp(
    DnsEndpoint server, std::vector<std::byte> packet,
    std::function<bool(std::span<const std::byte>)> is_answer, TimePoint deadline);

// "nothing listens there (TCP refused)", "no answer", for `explain`.
std::string transport_trouble(const char* transport, error_code ec);

}  // namespace hotswapd
