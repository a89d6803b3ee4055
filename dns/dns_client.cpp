// DNS messages over TCP and UDP.
#include "dns/dns_client.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "core/text.hpp"
#include "net/deadline.hpp"

namespace hotswapd {
namespace {

using asio::ip::tcp;
using asio::ip::udp;

asio::ip::address address_of(const DnsEndpoint& server) {
  if (!server.v6) {
    asio::ip::address_v4::bytes_type raw;
    std::copy_n(server.address.begin(), raw.size(), raw.begin());
    return asio::ip::address_v4(raw);
  }
  return asio::ip::address_v6(server.address);
}

struct Done {};

awaitable<result<Done>> connect_to(tcp::socket& socket, tcp::endpoint peer) {
  auto [ec] = co_await socket.async_connect(peer, nothrow);
  if (ec) co_return ec;
  // Updates are small and answered one by one: nothing is gained by waiting for more.
  socket.set_option(tcp::no_delay(true), ec);
  co_return Done();
}

awaitable<result<Done>> write_all(tcp::socket& socket, std::vector<std::byte> bytes) {
  const auto out = asio::buffer(bytes.data(), bytes.size());
  auto [ec, written] = co_await asio::async_write(socket, out, nothrow);
  if (ec) co_return ec;
  co_return Done();
}

// A server that has several answers for us and waits with the second for our word that the first
// has come (Nagle) would wait 40 ms: our word is kept back in the hope of data to go with it.
void acknowledge_at_once(tcp::socket& socket) {
  const int on = 1;
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}

awaitable<result<std::vector<std::byte>>> read_message(tcp::socket& socket) {
  acknowledge_at_once(socket);
  std::array<std::uint8_t, 2> length{};
  const auto length_room = asio::buffer(length);
  auto [length_error, length_got] = co_await asio::async_read(socket, length_room, nothrow);
  if (length_error) co_return length_error;
  std::vector<std::byte> message(static_cast<std::size_t>(length[0]) << 8 | length[1]);
  const auto room = asio::buffer(message.data(), message.size());
  auto [read_error, got] = co_await asio::async_read(socket, room, nothrow);
  if (read_error) co_return read_error;
  co_return message;
}

awaitable<result<std::size_t>> receive_datagram(udp::socket& socket, std::span<std::byte> buffer) {
  const auto room = asio::buffer(buffer.data(), buffer.size());
  auto [ec, size] = co_await socket.async_receive(room, nothrow);
  if (ec) co_return ec;
  co_return size;
}

const error_code timed_out = asio::error::timed_out;
constexpr std::size_t largest_datagram = 4096;

Error no_randomness() {
  return {errc::unavailable, "the kernel gives no random numbers"};
}

}  // namespace

Fallible<std::uint16_t> random_message_id() {
  std::uint16_t id = 0;
  if (::getrandom(&id, sizeof(id), 0) != sizeof(id)) return no_randomness();
  return id;
}

Fallible<AuthQuestion> fresh_question(const wire::Name& name, std::uint16_t type) {
  std::array<std::uint8_t, 32> bits;
  const auto id = random_message_id();
  if (!id) return id.error();
  if (::getrandom(bits.data(), bits.size(), 0) != static_cast<ssize_t>(bits.size()))
    return no_randomness();
  return AuthQuestion{*id, wire::with_case(name, bits), type};
}

struct DnsStream::Impl {
  explicit Impl(asio::any_io_executor executor) : socket(std::move(executor)) {}
  tcp::socket socket;
};

DnsStream::DnsStream(asio::any_io_executor executor)
    : impl_(std::make_unique<Impl>(std::move(executor))) {}
DnsStream::DnsStream(DnsStream&&) noexcept = default;
DnsStream::~DnsStream() = default;

awaitable<error_code> DnsStream::connect(DnsEndpoint server, TimePoint deadline) {
  const tcp::endpoint peer(address_of(server), server.port);
  auto connecting = connect_to(impl_->socket, peer);
  const auto done = co_await with_deadline(std::move(connecting), deadline, timed_out);
  co_return done ? error_code() : done.error();
}

awaitable<error_code> DnsStream::send(std::vector<std::vector<std::byte>> messages,
                                      TimePoint deadline) {
  std::vector<std::byte> bytes;
  for (const auto& message : messages) {
    bytes.push_back(static_cast<std::byte>(message.size() >> 8));
    bytes.push_back(static_cast<std::byte>(message.size()));
    bytes.insert(bytes.end(), message.begin(), message.end());
  }
  auto writing = write_all(impl_->socket, std::move(bytes));
  const auto done = co_await with_deadline(std::move(writing), deadline, timed_out);
  co_return done ? error_code() : done.error();
}

awaitable<result<std::vector<std::byte>>> DnsStream::receive(TimePoint deadline) {
  auto reading = read_message(impl_->socket);
  co_return co_await with_deadline(std::move(reading), deadline, timed_out);
}

awaitable<result<std::vector<std::byte>>> exchange_by_udp(
    DnsEndpoint server, std::vector<std::byte> packet,
    std::function<bool(std::span<const std::byte>)> is_answer, TimePoint deadline) {
  udp::socket socket(co_await asio::this_coro::executor);
  const udp::endpoint peer(address_of(server), server.port);
  error_code ec;
  socket.open(peer.protocol(), ec);
  if (!ec) socket.connect(peer, ec);  // answers from elsewhere do not reach us, refusals do
  if (!ec) socket.send(asio::buffer(packet.data(), packet.size()), 0, ec);
  if (ec) co_return ec;
  std::vector<std::byte> buffer(largest_datagram);
  for (;;) {
    auto reception = receive_datagram(socket, buffer);
    const auto got = co_await with_deadline(std::move(reception), deadline, timed_out);
    if (!got) co_return got.error();
    if (!is_answer(std::span<const std::byte>(buffer).first(*got))) continue;
    buffer.resize(*got);
    co_return buffer;
  }
}

std::string transport_trouble(const char* transport, error_code ec) {
  if (ec == asio::error::connection_refused)
    return std::string("nothing listens there (") + transport + " refused)";
  if (ec == asio::error::operation_aborted) return "we are being stopped";
  if (ec == asio::error::timed_out) return "no answer";
  if (ec == asio::error::eof) return "it closed the connection without an answer";
  return std::string(transport) + ": " + clean(ec.message());
}

}  // namespace hotswapd
