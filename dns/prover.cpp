// Asks authoritative name servers directly.
#include "dns/prover.hpp"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>
#include <functional>
#include <optional>
#include <span>
#include <utility>

#include "core/text.hpp"
#include "dns/dns_client.hpp"

namespace hotswapd {
namespace {

constexpr Millis try_time{1'000};
constexpr int udp_tries = 2;
constexpr Millis tcp_time{2'000};

std::string seconds_text(Millis time) {
  if (time.count() % 1000 == 0) return std::to_string(time.count() / 1000) + " s";
  return std::to_string(time.count()) + " ms";
}

Error failure(const char* transport, error_code ec) {
  return {errc::unavailable, transport_trouble(transport, ec)};
}

const error_code timed_out = asio::error::timed_out;

// One packet and the wait for its answer. timed_out: try again.
awaitable<Fallible<AuthReply>> ask_udp(DnsEndpoint server, wire::Name name, std::uint16_t type,
                                       bool recursive, TimePoint until) {
  auto question = fresh_question(name, type);
  if (!question) co_return question.error();
  question->recursive = recursive;
  std::optional<AuthReply> reply;
  std::function<bool(std::span<const std::byte>)> is_answer = [&](auto message) {
    reply = match_reply(*question, message);
    return reply.has_value();
  };
  auto packet = encode(*question);
  const auto got = co_await exchange_by_udp(server, std::move(packet), std::move(is_answer), until);
  if (!got && got.error() == timed_out) co_return Error{errc::timed_out, "no answer"};
  if (!got) co_return failure("UDP", got.error());
  co_return std::move(*reply);
}

awaitable<Fallible<AuthReply>> ask_tcp(DnsEndpoint server, wire::Name name, std::uint16_t type,
                                       bool recursive, TimePoint until) {
  auto question = fresh_question(name, type);
  if (!question) co_return question.error();
  question->recursive = recursive;
  DnsStream stream(co_await asio::this_coro::executor);
  auto ec = co_await stream.connect(server, until);
  std::vector<std::vector<std::byte>> messages;
  messages.push_back(encode(*question));
  if (!ec) ec = co_await stream.send(std::move(messages), until);
  if (ec == timed_out) co_return Error{errc::timed_out, "truncated by UDP, and no answer by TCP"};
  if (ec) co_return failure("TCP", ec);
  const auto answer = co_await stream.receive(until);
  if (!answer && answer.error() == timed_out) {
    co_return Error{errc::timed_out, "truncated by UDP, and no answer by TCP"};
  }
  if (!answer) co_return failure("TCP", answer.error());
  auto reply = match_reply(*question, *answer);
  if (!reply) co_return Error{errc::corrupt, "what came by TCP is no answer to our question"};
  co_return std::move(*reply);
}

awaitable<Fallible<AuthReply>> ask(DnsEndpoint server, wire::Name name, std::uint16_t type,
                                   bool recursive, TimePoint deadline) {
  const TimePoint begun = Clock::now();
  for (int tries = 0; tries < udp_tries; ++tries) {
    const TimePoint until = std::min(deadline, begun + try_time * (tries + 1));
    auto reply = co_await ask_udp(server, name, type, recursive, until);
    if (reply && reply->truncated) {
      const TimePoint tcp_until = std::min(deadline, Clock::now() + tcp_time);
      co_return co_await ask_tcp(server, name, type, recursive, tcp_until);
    }
    if (reply || reply.error().code != errc::timed_out) co_return reply;
    if (until == deadline) break;
  }
  const auto waited =
      std::chrono::round<Millis>(std::min(deadline, begun + try_time * udp_tries) - begun);
  co_return Error{errc::timed_out, "no answer within " + seconds_text(std::max(waited, Millis(0)))};
}

}  // namespace

awaitable<Fallible<AuthReply>> ask_server(DnsEndpoint server, wire::Name name, std::uint16_t type,
                                          TimePoint deadline) {
  return ask(server, name, type, false, deadline);
}

awaitable<Fallible<AuthReply>> ask_resolver(DnsEndpoint server, wire::Name name, std::uint16_t type,
                                            TimePoint deadline) {
  return ask(server, name, type, true, deadline);
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
  if (!evidence.proved) {
    // By UDP anybody can answer in its place, and nobody by TCP. Where TCP is closed, UDP's word
    // stands.
    const TimePoint until = std::min(deadline, Clock::now() + tcp_time);
    const auto again =
        co_await ask_tcp(server, *name, static_cast<std::uint16_t>(want.type), false, until);
    if (again) judge(*again, want, evidence);
  }
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
