// One conversation with a name server that may be written: questions and an update, signed where a
// key is configured, each answer matched and verified.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/time.hpp"
#include "dns/dns_client.hpp"
#include "dns/proof.hpp"
#include "dns/tsig.hpp"
#include "dns/update_message.hpp"
#include "net/awaitable.hpp"
#include "net/endpoint.hpp"

namespace hotswapd {

struct LinkOptions {
  std::optional<tsig::Key> key;
  bool by_udp = false;                   // else by TCP
  std::function<WallTime()> wall_clock;  // stamps signatures
};

struct PrimaryQuestion {
  wire::Name name;
  std::uint16_t type = wire::type::a;
};

struct UpdateAnswer {
  UpdateClass what = UpdateClass::unknown;
  std::string detail;                     // what the server said or did not: "answers NOERROR"
  std::optional<wire::Rcode> rcode = {};  // of an answer that proves what it says
  Hint hint = {};
};

// Used by one coroutine at a time; one TCP connection serves all that is asked. What is cancelled
// ends soon, as an error.
class PrimaryLink {
 public:
  PrimaryLink(asio::any_io_executor executor, DnsEndpoint server,
              std::shared_ptr<const LinkOptions> options);

  const DnsEndpoint& server() const noexcept { return server_; }

  // Connects, by TCP and when it has not yet. The other calls do so by themselves.
  awaitable<Fallible<void>> open(TimePoint deadline);

  // All of them at once; the answers in the order of the questions, each with authority, NOERROR or
  // NXDOMAIN, and signed where we sign. The error says which kind of trouble it is by its code
  // (refused: configuration; unavailable, timed_out, corrupt: the server or the way to it) and is a
  // sentence without the server's name.
  awaitable<Fallible<std::vector<AuthReply>>> ask(std::vector<PrimaryQuestion> questions,
                                                  TimePoint deadline);

  // Sends an update that is not yet signed; `id` and `zone` are those in it. `unreached` only when
  // nothing has left.
  awaitable<UpdateAnswer> update(std::vector<std::byte> message, std::uint16_t id, wire::Name zone,
                                 TimePoint deadline);

 private:
  struct Sent {
    std::vector<std::byte> packet;
    std::optional<Mac> mac;  // of a signed one
  };
  Fallible<Sent> seal(std::vector<std::byte> message) const;
  std::optional<tsig::Verdict> verdict(std::span<const std::byte> answer, const Sent& sent) const;
  std::uint64_t seconds() const;
  Fallible<void> acceptable(const AuthReply& reply,
                            const std::optional<tsig::Verdict>& signature) const;

  UpdateAnswer answer_of(const UpdateReply& reply) const;

  awaitable<Fallible<void>> connect(TimePoint deadline);
  awaitable<Fallible<std::vector<AuthReply>>> ask_by_tcp(std::vector<PrimaryQuestion> questions,
                                                         TimePoint deadline);
  awaitable<Fallible<AuthReply>> ask_by_udp(PrimaryQuestion question, TimePoint deadline);
  awaitable<UpdateAnswer> update_by_tcp(Sent sent, std::uint16_t id, wire::Name zone,
                                        TimePoint deadline);
  awaitable<UpdateAnswer> update_by_udp(Sent sent, std::uint16_t id, wire::Name zone,
                                        TimePoint deadline);

  asio::any_io_executor executor_;
  DnsEndpoint server_;
  std::shared_ptr<const LinkOptions> options_;
  std::optional<DnsStream> stream_;
};

}  // namespace hotswapd
