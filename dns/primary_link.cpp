// One conversation with a name server that may be written.
#include "dns/primary_link.hpp"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <utility>

namespace hotswapd {
namespace {

const error_code timed_out = asio::error::timed_out;
constexpr Millis udp_try{1'000};
constexpr int udp_tries = 3;
constexpr Millis udp_update{3'000};  // an update is sent once: who knows what became of the first

Error transport_error(const char* transport, error_code ec) {
  return {ec == timed_out ? errc::timed_out : errc::unavailable, transport_trouble(transport, ec)};
}

UpdateAnswer unknown_fate(const char* transport, error_code ec) {
  return {UpdateClass::unknown, transport_trouble(transport, ec) + "; it may have been done"};
}

}  // namespace

PrimaryLink::PrimaryLink(asio::any_io_executor executor, DnsEndpoint server,
                         std::shared_ptr<const LinkOptions> options)
    : executor_(std::move(executor)), server_(server), options_(std::move(options)) {}

std::uint64_t PrimaryLink::seconds() const {
  const auto now = std::chrono::floor<Seconds>(options_->wall_clock()).time_since_epoch().count();
  return static_cast<std::uint64_t>(std::max<std::int64_t>(now, 0));
}

Fallible<PrimaryLink::Sent> PrimaryLink::seal(std::vector<std::byte> message) const {
  Sent out{std::move(message), {}};
  if (!options_->key) return out;
  out.mac = tsig::sign(out.packet, *options_->key, seconds());
  if (!out.mac) {
    return Error{errc::refused, std::string("this host's OpenSSL does not sign with ") +
                                    tsig::to_string(options_->key->algorithm)};
  }
  return out;
}

std::optional<tsig::Verdict> PrimaryLink::verdict(std::span<const std::byte> answer,
                                                  const Sent& sent) const {
  if (!sent.mac) return std::nullopt;
  return tsig::verify(answer, *options_->key, *sent.mac, seconds());
}

Fallible<void> PrimaryLink::acceptable(const AuthReply& reply,
                                       const std::optional<tsig::Verdict>& signature) const {
  UpdateReply said;
  said.rcode = reply.rcode;
  said.tsig = signature;
  const auto text = [&] { return describe(said, seconds()); };
  const bool proved = !signature || signature->status == tsig::Status::verified;
  const bool good = reply.rcode == wire::Rcode::noerror || reply.rcode == wire::Rcode::nxdomain;
  if (proved && good) {
    if (reply.authoritative) return {};
    return Error{errc::refused, "answers without authority (no AA): it does not serve the zone"};
  }
  switch (classify(said)) {
    case UpdateClass::clock:
    case UpdateClass::server_ill:
      return Error{errc::unavailable, text(), hint_of(said, seconds())};
    case UpdateClass::configuration:
      return Error{errc::refused, text()};
    default:
      return Error{proved ? errc::unavailable : errc::corrupt, text()};
  }
}

UpdateAnswer PrimaryLink::answer_of(const UpdateReply& reply) const {
  const auto now = seconds();
  UpdateAnswer out{classify(reply), describe(reply, now), {}, hint_of(reply, now)};
  if (!reply.tsig || tsig::is_signed(reply.tsig->status)) out.rcode = reply.rcode;
  return out;
}

awaitable<Fallible<void>> PrimaryLink::open(TimePoint deadline) {
  if (options_->by_udp) co_return Fallible<void>();
  co_return co_await connect(deadline);
}

awaitable<Fallible<void>> PrimaryLink::connect(TimePoint deadline) {
  if (stream_) co_return Fallible<void>();
  stream_.emplace(executor_);
  const auto ec = co_await stream_->connect(server_, deadline);
  if (!ec) co_return Fallible<void>();
  stream_.reset();
  co_return transport_error("TCP", ec);
}

awaitable<Fallible<std::vector<AuthReply>>> PrimaryLink::ask(std::vector<PrimaryQuestion> questions,
                                                             TimePoint deadline) {
  if (!options_->by_udp) co_return co_await ask_by_tcp(std::move(questions), deadline);
  std::vector<AuthReply> out;
  for (const auto& question : questions) {
    auto reply = co_await ask_by_udp(question, deadline);
    if (reply && reply->truncated) {
      std::vector<PrimaryQuestion> again(1, question);
      auto whole = co_await ask_by_tcp(std::move(again), deadline);
      if (!whole) co_return whole.error();
      out.push_back(std::move(whole->front()));
      continue;
    }
    if (!reply) co_return reply.error();
    out.push_back(std::move(*reply));
  }
  co_return out;
}

awaitable<Fallible<std::vector<AuthReply>>> PrimaryLink::ask_by_tcp(
    std::vector<PrimaryQuestion> questions, TimePoint deadline) {
  struct Asked {
    AuthQuestion question;
    Sent sent;
  };
  std::vector<Asked> asked;
  std::vector<std::vector<std::byte>> packets;
  for (const auto& wanted : questions) {
    auto question = fresh_question(wanted.name, wanted.type);
    if (!question) co_return question.error();
    // Answers are told apart by their ids.
    const bool taken = std::any_of(asked.begin(), asked.end(), [&](const Asked& other) {
      return other.question.id == question->id;
    });
    if (taken) question->id = static_cast<std::uint16_t>(question->id + asked.size());
    auto sent = seal(encode(*question));
    if (!sent) co_return sent.error();
    packets.push_back(sent->packet);
    asked.push_back({*question, std::move(*sent)});
  }
  const auto opened = co_await connect(deadline);
  if (!opened) co_return opened.error();
  const auto unsent = co_await stream_->send(std::move(packets), deadline);
  if (unsent) {
    stream_.reset();
    co_return transport_error("TCP", unsent);
  }
  std::vector<std::optional<AuthReply>> replies(asked.size());
  for (std::size_t left = asked.size(); left > 0; --left) {
    const auto answer = co_await stream_->receive(deadline);
    if (!answer) {
      stream_.reset();
      co_return transport_error("TCP", answer.error());
    }
    bool taken = false;
    for (std::size_t i = 0; i < asked.size() && !taken; ++i) {
      if (replies[i]) continue;
      auto reply = match_reply(asked[i].question, *answer);
      if (!reply) continue;
      const auto good = acceptable(*reply, verdict(*answer, asked[i].sent));
      if (!good) {
        stream_.reset();  // with the answers that are still on their way
        co_return good.error();
      }
      replies[i] = std::move(*reply);
      taken = true;
    }
    if (!taken) {
      stream_.reset();
      co_return Error{errc::corrupt, "what came by TCP is no answer to our question"};
    }
  }
  std::vector<AuthReply> out;
  for (auto& reply : replies) out.push_back(std::move(*reply));
  co_return out;
}

// Goes on listening past answers that prove nothing; the last of them is what is told.
awaitable<Fallible<AuthReply>> PrimaryLink::ask_by_udp(PrimaryQuestion question,
                                                       TimePoint deadline) {
  const auto began = Clock::now();
  std::optional<Error> doubtful;
  for (int tries = 0; tries < udp_tries && Clock::now() < deadline; ++tries) {
    const auto fresh = fresh_question(question.name, question.type);
    if (!fresh) co_return fresh.error();
    auto sent = seal(encode(*fresh));
    if (!sent) co_return sent.error();
    std::optional<AuthReply> reply;
    std::function<bool(std::span<const std::byte>)> is_answer = [&](auto message) {
      reply = match_reply(*fresh, message);
      if (!reply) return false;
      const auto good = acceptable(*reply, verdict(message, *sent));
      if (good) return true;
      doubtful = good.error();
      return false;
    };
    auto packet = sent->packet;
    const TimePoint until = std::min(deadline, began + udp_try * (tries + 1));
    const auto got =
        co_await exchange_by_udp(server_, std::move(packet), std::move(is_answer), until);
    if (got) co_return std::move(*reply);
    if (got.error() != timed_out) co_return transport_error("UDP", got.error());
    if (doubtful) break;  // asking again would bring the same
  }
  if (doubtful) co_return *doubtful;
  co_return Error{errc::timed_out, "no answer"};
}

awaitable<UpdateAnswer> PrimaryLink::update(std::vector<std::byte> message, std::uint16_t id,
                                            wire::Name zone, TimePoint deadline) {
  auto sent = seal(std::move(message));
  if (!sent) co_return UpdateAnswer(UpdateClass::configuration, sent.error().text);
  if (options_->by_udp) co_return co_await update_by_udp(std::move(*sent), id, zone, deadline);
  co_return co_await update_by_tcp(std::move(*sent), id, zone, deadline);
}

awaitable<UpdateAnswer> PrimaryLink::update_by_tcp(Sent sent, std::uint16_t id, wire::Name zone,
                                                   TimePoint deadline) {
  const auto opened = co_await connect(deadline);
  if (!opened) co_return UpdateAnswer(UpdateClass::unreached, opened.error().text);
  std::vector<std::vector<std::byte>> messages;
  messages.push_back(sent.packet);
  const auto unsent = co_await stream_->send(std::move(messages), deadline);
  if (unsent) {
    stream_.reset();
    co_return unknown_fate("TCP", unsent);
  }
  const auto answer = co_await stream_->receive(deadline);
  if (!answer) {
    stream_.reset();
    co_return unknown_fate("TCP", answer.error());
  }
  auto reply = match_update_reply(id, zone, *answer);
  if (!reply) {
    stream_.reset();
    co_return UpdateAnswer(UpdateClass::unknown, "what came is no answer to our update");
  }
  reply->tsig = verdict(*answer, sent);
  co_return answer_of(*reply);
}

awaitable<UpdateAnswer> PrimaryLink::update_by_udp(Sent sent, std::uint16_t id, wire::Name zone,
                                                   TimePoint deadline) {
  std::optional<UpdateAnswer> doubtful;
  std::optional<UpdateAnswer> good;
  std::function<bool(std::span<const std::byte>)> is_answer = [&](auto message) {
    auto reply = match_update_reply(id, zone, message);
    if (!reply) return false;
    reply->tsig = verdict(message, sent);
    const bool proved = !reply->tsig || tsig::is_signed(reply->tsig->status);
    (proved ? good : doubtful) = answer_of(*reply);
    return proved;
  };
  auto packet = sent.packet;
  const TimePoint until = std::min(deadline, Clock::now() + udp_update);
  const auto got =
      co_await exchange_by_udp(server_, std::move(packet), std::move(is_answer), until);
  if (good) co_return *good;
  if (doubtful) co_return *doubtful;
  co_return unknown_fate("UDP", got.error());
}

}  // namespace hotswapd
