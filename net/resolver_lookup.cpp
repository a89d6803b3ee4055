#include "net/resolver_lookup.hpp"

#include <ares.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/exhaustion.hpp"

namespace hotswapd {
namespace {

constexpr Millis first_try{800};  // doubled each time all servers have been asked
constexpr int tries = 3;
// When one family has its addresses, the other gets so much longer (RFC 8305 3 waits even less).
constexpr Millis for_the_other{200};
// What is known of one family only is asked again soon.
constexpr Seconds half_known{30};
// So many datagrams are read before the other descriptors of the loop get their turn.
constexpr int reads_at_once = 64;

constexpr int none_ready = -1;

constexpr const char* refuses = "refuses the connection (nothing listens there)";

std::string host_trouble(int error) {
  const char* const text = exhaustion(error);
  return text != nullptr ? text : "";
}

std::string with_server(const DnsEndpoint& server, const std::string& what) {
  return "name server " + server.text() + " " + what;
}

}  // namespace

// A socket that c-ares opened; watched until c-ares closes it.
class ResolverLookup::Socket final : public Poller::Watch {
 public:
  Socket(ResolverLookup& lookup, int opened, bool tcp) : fd(opened), stream(tcp), lookup_(lookup) {}

  // Both may destroy the lookup, and this with it.
  void ready(std::uint32_t events) override {
    const bool in = (events & ~std::uint32_t{EPOLLOUT}) != 0;
    const bool out = (events & EPOLLOUT) != 0 && wants_to_write;
    if (in || out) lookup_.process(in ? fd : none_ready, out ? fd : none_ready);
  }
  void expired(Clock::duration) override {
    watched = false;
    lookup_.step();
  }
  void abandoned() override { watched = false; }

  int fd;  // -1: closed
  const bool stream;
  bool watched = false;
  bool wants_to_write = false;
  bool drained = true;
  bool refused = false;  // a send() took the error that belongs to every question of this socket
  DnsEndpoint server;

 private:
  ResolverLookup& lookup_;
};

struct ResolverLookup::Glue {
  static ResolverLookup& self(void* data) { return *static_cast<ResolverLookup*>(data); }

  static ares_socket_t open(int family, int type, int protocol, void* data) {
    const int fd = ::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    if (fd < 0) {
      self(data).own_trouble_ = host_trouble(errno);
      return fd;
    }
    self(data).sockets_.push_back(std::make_unique<Socket>(self(data), fd, type == SOCK_STREAM));
    return fd;
  }

  static int close(ares_socket_t fd, void* data) {
    if (Socket* const socket = self(data).socket_of(fd)) {
      self(data).poller_.remove(*socket);
      socket->watched = false;
      socket->fd = -1;
    }
    return ::close(fd);
  }

  static int connect(ares_socket_t fd, const sockaddr* address, ares_socklen_t size, void* data) {
    Socket* const socket = self(data).socket_of(fd);
    if (socket != nullptr) {
      sockaddr_storage storage{};
      std::memcpy(&storage, address, std::min<std::size_t>(size, sizeof storage));
      socket->server = DnsEndpoint::from(storage);
    }
    const int outcome = ::connect(fd, address, size);
    if (outcome != 0 && errno != EINPROGRESS && socket != nullptr) {
      const int error = errno;
      self(data).note(socket->server, "cannot be reached");
      errno = error;
    }
    return outcome;
  }

  static ares_ssize_t receive(ares_socket_t fd, void* into, std::size_t size, int,
                              sockaddr* address, ares_socklen_t* address_size, void* data) {
    Socket* const socket = self(data).socket_of(fd);
    if (socket == nullptr) {
      errno = EBADF;
      return -1;
    }
    return self(data).receive(*socket, {static_cast<char*>(into), size}, address, address_size);
  }

  static ares_ssize_t send(ares_socket_t fd, const iovec* parts, int count, void* data) {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts);
    message.msg_iovlen = static_cast<std::size_t>(count);
    const auto sent = ::sendmsg(fd, &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == ECONNREFUSED) {
      if (Socket* const socket = self(data).socket_of(fd)) {
        self(data).note(socket->server, refuses);
        socket->refused = true;
      }
      errno = ECONNREFUSED;
    }
    return sent;
  }

  // Tells what c-ares wants of a descriptor; both 0 just before it is closed.
  static void state(void* data, ares_socket_t fd, int readable, int writable) {
    ResolverLookup& lookup = self(data);
    Socket* const socket = lookup.socket_of(fd);
    if (socket == nullptr || (readable == 0 && writable == 0)) return;
    const bool begins_to_write = writable != 0 && !socket->wants_to_write;
    socket->wants_to_write = writable != 0;
    if (!socket->watched) {
      if (lookup.poller_.add(*socket, fd, lookup.ends_ + Seconds(1))) {
        lookup.own_trouble_ = "this host cannot watch another socket";
      } else {
        socket->watched = true;
      }
    } else if (begins_to_write) {
      lookup.poller_.again(*socket, fd);
    }
  }

  static void answered(void* data, int status, int, unsigned char* bytes, int size) {
    auto& question = *static_cast<Question*>(data);
    ResolverLookup& lookup = *question.lookup;
    const bool answer = status == ARES_SUCCESS && bytes != nullptr && size >= 4;
    if (answer && may_lack_edns(question.asked, static_cast<wire::Rcode>(bytes[3] & 0x0f))) {
      question.asked.edns = false;
      question.asked.id = question.next_id;
      return lookup.ask(question);
    }
    question.open = false;
    if (answer) {
      question.answer = read_answer(
          question.asked, std::as_bytes(std::span(bytes, static_cast<std::size_t>(size))));
      if (question.answer.state == NameState::unusable && lookup.answered_by_)
        question.answer.trouble = with_server(*lookup.answered_by_, question.answer.trouble);
    } else {
      question.answer = {};
      question.answer.trouble = lookup.silence();
    }
  }

  static constexpr ares_socket_functions functions{open, close, connect, receive, send};
};

ResolverLookup::ResolverLookup(Poller& poller, Owner& owner, std::vector<DnsEndpoint> servers,
                               const wire::Name& name)
    : poller_(poller), owner_(owner), servers_(std::move(servers)) {
  constexpr std::array<std::uint16_t, 2> types{wire::type::a, wire::type::aaaa};
  for (std::size_t i = 0; i < types.size(); ++i) {
    questions_[i].lookup = this;
    questions_[i].asked.name = name;
    questions_[i].asked.type = types[i];
  }
}

ResolverLookup::~ResolverLookup() {
  if (channel_ != nullptr) ares_destroy(channel_);  // closes every socket, through Glue::close
}

bool ResolverLookup::open_channel() {
  static const bool library = ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS;
  if (!library) return false;
  // Everything is given: c-ares reads no file and no environment of its own then.
  ares_options options{};
  in_addr unused{htonl(INADDR_LOOPBACK)};
  std::array<char, 2> lookups{"b"};
  std::array<char, 10> no_file{"/dev/null"};
  options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS;
  options.timeout = static_cast<int>(first_try.count());
  options.tries = tries;
  options.ndots = 1;
  options.servers = &unused;
  options.nservers = 1;
  options.lookups = lookups.data();
  options.ednspsz = largest_datagram;
  options.resolvconf_path = no_file.data();
  options.sock_state_cb = Glue::state;
  options.sock_state_cb_data = this;
  const int given = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS |
                    ARES_OPT_SERVERS | ARES_OPT_DOMAINS | ARES_OPT_LOOKUPS | ARES_OPT_SORTLIST |
                    ARES_OPT_EDNSPSZ | ARES_OPT_RESOLVCONF | ARES_OPT_SOCK_STATE_CB |
                    ARES_OPT_NOROTATE;
  if (ares_init_options(&channel_, &options, given) != ARES_SUCCESS) {
    channel_ = nullptr;
    return false;
  }
  ares_set_socket_functions(channel_, &Glue::functions, this);
  std::vector<ares_addr_port_node> nodes(servers_.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    nodes[i].next = i + 1 < nodes.size() ? &nodes[i + 1] : nullptr;
    nodes[i].family = servers_[i].v6 ? AF_INET6 : AF_INET;
    std::memcpy(&nodes[i].addr, servers_[i].address.data(), servers_[i].v6 ? 16 : 4);
    nodes[i].udp_port = nodes[i].tcp_port = servers_[i].port;
  }
  return ares_set_servers_ports(channel_, nodes.data()) == ARES_SUCCESS;
}

void ResolverLookup::start() {
  ends_ = Clock::now() + longest;
  struct {
    std::array<std::uint16_t, 4> ids;
    std::array<std::array<std::uint8_t, 32>, 2> cases;
  } secret;
  if (::getrandom(&secret, sizeof secret, 0) != static_cast<ssize_t>(sizeof secret) ||
      !open_channel()) {
    NameAnswer none;
    none.trouble = "this host has no memory or no random numbers left for another question";
    return finish(std::move(none));
  }
  for (std::size_t i = 1; i < secret.ids.size(); ++i) {  // four that differ
    const auto others = secret.ids.begin() + static_cast<std::ptrdiff_t>(i);
    while (std::find(secret.ids.begin(), others, secret.ids[i]) != others) ++secret.ids[i];
  }
  for (std::size_t i = 0; i < questions_.size(); ++i) {
    questions_[i].asked.id = secret.ids[i];
    questions_[i].next_id = secret.ids[i + questions_.size()];
    questions_[i].asked.name = wire::with_case(questions_[i].asked.name, secret.cases[i]);
    questions_[i].open = true;
  }
  for (auto& question : questions_) ask(question);
  settle();
}

void ResolverLookup::ask(Question& question) {
  const auto packet = encode(question.asked);
  ares_send(channel_, reinterpret_cast<const unsigned char*>(packet.data()),
            static_cast<int>(packet.size()), Glue::answered, &question);
}

void ResolverLookup::step() {
  process(none_ready, none_ready);
}

void ResolverLookup::process(int readable, int writable) {
  ares_process_fd(channel_, readable, writable);
  // Edge-triggered: what c-ares or the bound on reads left in the socket would not be told again.
  if (readable != none_ready) {
    if (Socket* const socket = socket_of(readable); socket != nullptr && !socket->drained)
      poller_.again(*socket, readable);
  }
  settle();
}

void ResolverLookup::settle() {
  for (std::size_t i = 0; i < sockets_.size(); ++i) {  // c-ares may open more meanwhile
    if (sockets_[i]->fd >= 0 && sockets_[i]->refused)
      ares_process_fd(channel_, sockets_[i]->fd, none_ready);
  }
  const TimePoint now = Clock::now();
  auto& [a, aaaa] = questions_;
  if (!a.open && !aaaa.open) {
    const bool whole =
        a.answer.state != NameState::unusable && aaaa.answer.state != NameState::unusable;
    NameAnswer both = combine(std::move(a.answer), std::move(aaaa.answer));
    if (!whole) both.ttl = std::min(both.ttl, half_known);
    return finish(std::move(both));
  }
  if (a.open != aaaa.open) {
    const NameAnswer& known = a.open ? aaaa.answer : a.answer;
    // "There is none", of one family, is none for the name: the other is waited for to the end.
    const bool enough = known.state == NameState::addresses;
    if (enough && family_ends_ == TimePoint::max()) family_ends_ = now + for_the_other;
    if (enough && now >= family_ends_) {
      NameAnswer half = known;
      half.ttl = std::min(half.ttl, half_known);
      return finish(std::move(half));
    }
  }
  if (now >= ends_ || !own_trouble_.empty()) {
    NameAnswer none;
    none.trouble = silence();
    return finish(std::move(none));
  }
  timeval left{};
  const timeval* const next = ares_timeout(channel_, nullptr, &left);
  TimePoint until = std::min(ends_, family_ends_);
  if (next != nullptr) {
    const auto wait = Seconds(next->tv_sec) + Micros(next->tv_usec);
    until = std::min(until, now + wait);
  }
  owner_.lookup_waits(*this, until);
}

void ResolverLookup::finish(NameAnswer answer) {
  owner_.lookup_ended(*this, std::move(answer));
}

long ResolverLookup::receive(Socket& from, std::span<char> into, void* address,
                             void* address_size) {
  if (std::exchange(from.refused, false)) {
    errno = ECONNREFUSED;
    return -1;
  }
  from.drained = false;
  auto* const size = static_cast<socklen_t*>(address_size);
  const socklen_t room = size != nullptr ? *size : 0;
  for (int reads = 0; reads < reads_at_once; ++reads) {
    if (size != nullptr) *size = room;
    const auto got =
        ::recvfrom(from.fd, into.data(), into.size(), 0, static_cast<sockaddr*>(address), size);
    if (got < 0) {
      const int error = errno;
      if (error == EINTR) continue;
      from.drained = error == EAGAIN || error == EWOULDBLOCK;
      if (error == ECONNREFUSED) note(from.server, refuses);
      errno = error;
      return -1;
    }
    if (from.stream) {
      if (got > 0) answered_by_ = from.server;
      return got;
    }
    const auto taken = take(from, into, static_cast<std::size_t>(got));
    if (taken != 0) return static_cast<long>(taken);
    ++foreign_;
  }
  errno = EAGAIN;
  return -1;
}

// A datagram, as c-ares is to see it. 0: forged, late or empty.
std::size_t ResolverLookup::take(Socket& from, std::span<char> into, std::size_t size) {
  const auto message = std::as_bytes(into.first(size));
  const Question* answered = nullptr;
  Match best = Match::no;
  for (const auto& question : questions_) {
    if (!question.open) continue;
    const Match found =
        refuses_barely(question.asked, message) ? Match::yes : match(question.asked, message);
    if (found <= best) continue;
    best = found;
    answered = &question;
  }
  if (answered == nullptr) return 0;
  const auto rcode = static_cast<wire::Rcode>(into[3] & 0x0f);
  if (rcode == wire::Rcode::noerror || rcode == wire::Rcode::nxdomain) {
    // A guess needs the right case too. By TCP there is nothing to guess: "truncated" sends c-ares
    // there.
    if (best == Match::other_case) into[2] = static_cast<char>(into[2] | 0x02);
    answered_by_ = from.server;
    return size;
  }
  note(from.server, std::string("answers ") + wire::to_string(rcode));
  // c-ares ignores a bare header, goes on to the next server for some errors only, and asks without
  // EDNS for FORMERR alone and once a channel. It is told what we mean: FORMERR comes back to us,
  // to be asked without EDNS, and SERVFAIL goes on.
  const auto meant =
      may_lack_edns(answered->asked, rcode) ? wire::Rcode::formerr : wire::Rcode::servfail;
  const auto clear = refusal(answered->asked, meant);
  if (clear.size() > into.size()) return 0;
  std::memcpy(into.data(), clear.data(), clear.size());
  answered_by_ = from.server;
  return clear.size();
}

void ResolverLookup::note(const DnsEndpoint& server, std::string what) {
  trouble_ = with_server(server, what);
}

std::string ResolverLookup::silence() const {
  if (!own_trouble_.empty()) return own_trouble_;
  if (!trouble_.empty()) return trouble_;
  if (servers_.size() == 1) return with_server(servers_.front(), "does not answer");
  return "none of the " + std::to_string(servers_.size()) + " name servers answers (" +
         servers_.front().text() + ", ...)";
}

ResolverLookup::Socket* ResolverLookup::socket_of(int fd) noexcept {
  for (const auto& socket : sockets_) {
    if (socket->fd == fd) return socket.get();
  }
  return nullptr;
}

}  // namespace hotswapd
