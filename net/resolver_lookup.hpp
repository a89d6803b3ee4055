// One name asked of the name servers, A and AAAA side by side: c-ares on the Poller.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "net/endpoint.hpp"
#include "net/poller.hpp"
#include "net/resolver_answer.hpp"

struct ares_channeldata;
struct ares_socket_functions;

namespace hotswapd {

// A channel of its own for each name: every question leaves from a fresh port with a fresh id and a
// fresh spelling, and what a name server says is known to belong to this name. c-ares does the
// repeating, the next server and TCP; which datagram is an answer, and what it says, is decided by
// net/resolver_answer. Belongs to the poller's loop.
class ResolverLookup {
 public:
  class Owner {
   public:
    // Wants step() at this time; the last word counts.
    virtual void lookup_waits(ResolverLookup& lookup, TimePoint until) = 0;
    // It is over, from within start(), step() or the poller. The owner may destroy it at once.
    virtual void lookup_ended(ResolverLookup& lookup, NameAnswer answer) = 0;

   protected:
    ~Owner() = default;
  };

  // However many servers there are: longer than the retries of one, shorter than most probes.
  static constexpr Millis longest{6000};

  // `servers` is not empty; asked in this order.
  ResolverLookup(Poller& poller, Owner& owner, std::vector<DnsEndpoint> servers,
                 const wire::Name& name);
  ~ResolverLookup();
  ResolverLookup(const ResolverLookup&) = delete;
  ResolverLookup& operator=(const ResolverLookup&) = delete;

  void start();
  void step();  // time has passed

  // The server whose answer was taken last.
  const std::optional<DnsEndpoint>& answered_by() const noexcept { return answered_by_; }
  std::uint64_t foreign() const noexcept { return foreign_; }  // datagrams that answered nothing

 private:
  class Socket;
  struct Question {
    ResolverLookup* lookup = nullptr;
    NameQuestion asked;
    std::uint16_t next_id = 0;  // when it is asked again without EDNS
    bool open = false;          // asked and not answered yet
    NameAnswer answer;
  };
  struct Glue;  // the callbacks of c-ares

  bool open_channel();
  void ask(Question& question);
  void process(int readable, int writable);
  void settle();
  void finish(NameAnswer answer);
  long receive(Socket& from, std::span<char> into, void* address, void* address_size);
  std::size_t take(Socket& from, std::span<char> into, std::size_t size);
  void note(const DnsEndpoint& server, std::string what);
  std::string silence() const;
  Socket* socket_of(int fd) noexcept;

  Poller& poller_;
  Owner& owner_;
  const std::vector<DnsEndpoint> servers_;
  ares_channeldata* channel_ = nullptr;
  std::array<Question, 2> questions_;
  std::vector<std::unique_ptr<Socket>> sockets_;  // closed ones too: c-ares closes from within
  TimePoint ends_;
  TimePoint family_ends_ = TimePoint::max();  // one family has answered: for how long the other is
                                              // waited for
  std::string trouble_;                       // what a name server said or did last
  std::string own_trouble_;                   // what this host lacks
  std::optional<DnsEndpoint> answered_by_;
  std::uint64_t foreign_ = 0;
};

}  // namespace hotswapd
