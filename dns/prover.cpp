// Asks authoritative name servers directly.
#include "dns/prover.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <cstring>
#include <utility>

#include "core/text.hpp"
#include "net/deadline.hpp"

namespace hotswapd {
namespace {

using asio::ip::tcp;
using asio::ip::udp;

constexpr Millis try_time{1'000};
constexpr int udp_tries = 2;
constexpr Millis tcp_time{2'000};

asio::ip::address address_of(const DnsEndpoint& server) {
  if (!server.v6) {
    asio::ip::address_v4::bytes_type raw;
    std::copy_n(server.address.begin(), raw.size(), raw.begin());
    return asio::ip::address_v4(raw);
  }
  return asio::ip::address_v6(server.address);
}

Fallible<AuthQuestion> fresh_question(const wire::Name& name, std::uint16_t type) {
  struct {
    std::uint16_t id;
    std::array<std::uint8_t, 32> bits;
  } secret;
  if (::getrandom(&secret, sizeof(secret), 0) != sizeof(secret)) {
    return Error{errc::unavailable, "the kernel gives no random numbers"};
  }
  return AuthQuestion{secret.id, wire::with_case(name, secret.bits), type};
}

std::string seconds_text(Millis time) {
  if (time.count() % 1000 == 0) return std::to_string(time.count() / 1000) + " s";
  return std::to_string(time.count()) + " ms";
}

Error failure(const char* transport, error_code ec) {
  if (ec == asio::error::connection_refused) {
    return {errc::unavailable, std::string("nothing listens there (") + transport + " refused)"};
  }
  if (ec == asio::error::operation_aborted) return {errc::unavailable, "we are being stopped"};
  return {errc::unavailable, std::string(transport) + ": " + clean(ec.message())};
}

awaitable<result<std::size_t>> receive(udp::socket& socket, std::span<std::byte> buffer) {
  const auto room = asio::buffer(buffer.data(), buffer.size());
  auto [ec, size] = co_await socket.async_receive(room, nothrow);
  if (ec) co_return ec;
  co_return size;
}

// One packet and the wait for its answer. timed_out: try again.
awaitable<Fallible<AuthReply>> ask_udp(DnsEndpoint server, wire::Name name, std::uint16_t type,
                                       TimePoint until) {
  const auto question = fresh_question(name, type);
  if (!question) co_return question.error();
  const auto packet = encode(*question);
  udp::socket socket(co_await asio::this_coro::executor);
  const udp::endpoint peer(address_of(server), server.port);
  error_code ec;
  socket.open(peer.protocol(), ec);
  if (!ec) socket.connect(peer, ec);  // answers from elsewhere do not reach us, refusals do
  if (!ec) socket.send(asio::buffer(packet.data(), packet.size()), 0, ec);
  if (ec) co_return failure("UDP", ec);
  std::array<std::byte, 4096> buffer;
  const error_code timed_out = asio::error::timed_out;
  for (;;) {
    auto reception = receive(socket, buffer);
    const auto got = co_await with_deadline(std::move(reception), until, timed_out);
    if (!got && got.error() == timed_out) co_return Error{errc::timed_out, "no answer"};
    if (!got) co_return failure("UDP", got.error());
    auto reply = match_reply(*question, std::span<const std::byte>(buffer).first(*got));
    if (reply) co_return std::move(*reply);
  }
}

awaitable<result<std::vector<std::byte>>> exchange(DnsEndpoint server,
                                                   std::vector<std::byte> packet) {
  tcp::socket socket(co_await asio::this_coro::executor);
  const tcp::endpoint peer(address_of(server), server.port);
  auto [connected] = co_await socket.async_connect(peer, nothrow);
  if (connected) co_return connected;
  packet.insert(packet.begin(), {static_cast<std::byte>(packet.size() >> 8),
                                 static_cast<std::byte>(packet.size())});
  const auto out = asio::buffer(packet.data(), packet.size());
  auto [write_error, written] = co_await asio::async_write(socket, out, nothrow);
  if (write_error) co_return write_error;
  std::array<std::uint8_t, 2> length{};
  const auto length_room = asio::buffer(length);
  auto [length_error, length_got] = co_await asio::async_read(socket, length_room, nothrow);
  if (length_error) co_return length_error;
  std::vector<std::byte> answer(static_cast<std::size_t>(length[0]) << 8 | length[1]);
  const auto room = asio::buffer(answer.data(), answer.size());
  auto [read_error, got] = co_await asio::async_read(socket, room, nothrow);
  if (read_error) co_return read_error;
  co_return answer;
}

awaitable<Fallible<AuthReply>> ask_tcp(DnsEndpoint server, wire::Name name, std::uint16_t type,
                                       TimePoint until) {
  const auto question = fresh_question(name, type);
  if (!question) co_return question.error();
  auto conversation = exchange(server, encode(*question));
  const error_code timed_out = asio::error::timed_out;
  const auto answer = co_await with_deadline(std::move(conversation), until, timed_out);
  if (!answer && answer.error() == timed_out) {
    co_return Error{errc::timed_out, "truncated by UDP, and no answer by TCP"};
  }
  if (!answer) co_return failure("TCP", answer.error());
  auto reply = match_reply(*question, *answer);
  if (!reply) co_return Error{errc::corrupt, "what came by TCP is no answer to our question"};
  co_return std::move(*reply);
}

}  // namespace

awaitable<Fallible<AuthReply>> ask_server(DnsEndpoint server, wire::Name name, std::uint16_t type,
                                          TimePoint deadline) {
  const TimePoint begun = Clock::now();
  for (int tries = 0; tries < udp_tries; ++tries) {
    const TimePoint until = std::min(deadline, begun + try_time * (tries + 1));
    auto reply = co_await ask_udp(server, name, type, until);
    if (reply && reply->truncated) {
      const TimePoint tcp_until = std::min(deadline, Clock::now() + tcp_time);
      co_return co_await ask_tcp(server, name, type, tcp_until);
    }
    if (reply || reply.error().code != errc::timed_out) co_return reply;
    if (until == deadline) break;
  }
  const auto waited =
      std::chrono::round<Millis>(std::min(deadline, begun + try_time * udp_tries) - begun);
  co_return Error{errc::timed_out, "no answer within " + seconds_text(std::max(waited, Millis(0)))};
}

awaitable<ServerEvidence> prove_on_server(DnsEndpoint server, RecordKey key, RecordSet want,
                                          TimePoint deadline) {
  ServerEvidence evidence;
  evidence.server = server.text();
  const auto name = wire::Name::from_text(key.fqdn);
  const auto zone = wire::Name::from_text(key.zone);
  if (!name || !zone) {
    evidence.detail = "not asked: " + clean(key.fqdn) + " is not a name";
    co_return evidence;
  }
  const auto reply =
      co_await ask_server(server, *name, static_cast<std::uint16_t>(want.type), deadline);
  if (!reply) {
    evidence.detail = reply.error().text;
    co_return evidence;
  }
  judge(*reply, want, evidence);
  // Evidence for people only: a server that does not say its serial has proved the record all the
  // same.
  const auto soa = co_await ask_server(server, *zone, wire::type::soa, deadline);
  if (soa && soa->serial) evidence.serial = *soa->serial;
  co_return evidence;
}

awaitable<std::vector<ServerEvidence>> prove_on_servers(std::vector<DnsEndpoint> servers,
                                                        RecordKey key, RecordSet want,
                                                        TimePoint deadline) {
  using namespace asio::experimental::awaitable_operators;
  std::vector<ServerEvidence> out;
  if (servers.empty()) co_return out;
  const DnsEndpoint first = servers.front();
  servers.erase(servers.begin());
  auto mine = prove_on_server(first, key, want, deadline);
  if (servers.empty()) {
    out.push_back(co_await std::move(mine));
    co_return out;
  }
  auto others = prove_on_servers(std::move(servers), key, want, deadline);
  auto both = co_await (std::move(mine) && std::move(others));
  out.push_back(std::move(std::get<0>(both)));
  auto& rest = std::get<1>(both);
  out.insert(out.end(), std::make_move_iterator(rest.begin()), std::make_move_iterator(rest.end()));
  co_return out;
}

}  // namespace hotswapd
