#include "dns_peer.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace hotswapd::testing {
namespace {

wire::Name name_of(std::string_view text) {
  return wire::Name::from_text(text).value();
}

int bind_to(int kind, DnsEndpoint& at) {
  const int fd = ::socket(AF_INET, kind | SOCK_CLOEXEC, 0);
  sockaddr_storage storage;
  const auto size = at.fill(storage);
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&storage), size) != 0) {
    if (fd >= 0) ::close(fd);
    return -1;
  }
  socklen_t room = sizeof storage;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &room);
  at = DnsEndpoint::from(storage);
  return fd;
}

}  // namespace

AnswerMaker::AnswerMaker(const Asked& asked, wire::Rcode rcode) {
  header_.id = asked.id;
  header_.flags = static_cast<std::uint16_t>(wire::Header::qr | wire::Header::rd |
                                             wire::Header::ra | static_cast<unsigned>(rcode));
  header_.count[0] = 1;
  question_ = {asked.name, asked.type, wire::klass::in};
}

AnswerMaker& AnswerMaker::flags(std::uint16_t set, std::uint16_t clear) {
  header_.flags = static_cast<std::uint16_t>((header_.flags | set) & ~clear);
  return *this;
}

AnswerMaker& AnswerMaker::id(std::uint16_t value) {
  header_.id = value;
  return *this;
}

AnswerMaker& AnswerMaker::record(int section, std::string_view owner, std::uint16_t type,
                                 std::uint32_t ttl, const Packet& rdata) {
  Packet bytes(wire::max_name + 10 + rdata.size());
  wire::Writer writer(bytes);
  writer.record(name_of(owner), type, wire::klass::in, ttl, rdata);
  bytes.resize(writer.size());
  records_.insert(records_.end(), bytes.begin(), bytes.end());
  ++header_.count[section];
  return *this;
}

AnswerMaker& AnswerMaker::address(std::string_view owner, std::string_view text,
                                  std::uint32_t ttl) {
  const bool six = text.find(':') != std::string_view::npos;
  Packet rdata(six ? 16 : 4);
  ::inet_pton(six ? AF_INET6 : AF_INET, std::string(text).c_str(), rdata.data());
  return record(1, owner, six ? wire::type::aaaa : wire::type::a, ttl, rdata);
}

AnswerMaker& AnswerMaker::alias(std::string_view owner, std::string_view target,
                                std::uint32_t ttl) {
  const auto name = name_of(target);
  const auto raw = std::as_bytes(name.wire());
  return record(1, owner, wire::type::cname, ttl, Packet(raw.begin(), raw.end()));
}

AnswerMaker& AnswerMaker::authority(std::string_view owner, std::uint16_t type) {
  const auto name = name_of("ns." + std::string(owner));
  const auto raw = std::as_bytes(name.wire());
  Packet rdata(raw.begin(), raw.end());
  if (type == wire::type::soa) {
    rdata.insert(rdata.end(), raw.begin(), raw.end());
    rdata.resize(rdata.size() + 20);
  }
  return record(2, owner, type, 60, rdata);
}

Packet AnswerMaker::packet() const {
  Packet out(wire::header_size + wire::max_name + 4 + records_.size());
  wire::Writer writer(out);
  writer.header(header_);
  writer.question(question_);
  writer.bytes(records_);
  out.resize(writer.size());
  return out;
}

DnsPeer::DnsPeer(Script script) : script_(std::move(script)) {
  for (int tries = 0; tries < 50 && tcp_ < 0; ++tries) {
    if (udp_ >= 0) ::close(udp_);
    endpoint_ = *DnsEndpoint::parse("127.0.0.1", 0);
    udp_ = bind_to(SOCK_DGRAM, endpoint_);
    tcp_ = bind_to(SOCK_STREAM, endpoint_);  // the same port may be taken
  }
  if (tcp_ < 0 || ::listen(tcp_, 64) != 0 || ::pipe(wake_) != 0)
    throw std::runtime_error("no port for a name server");
  thread_ = std::thread([this] { run(); });
}

DnsPeer::~DnsPeer() {
  static_cast<void>(!::write(wake_[1], "x", 1));
  thread_.join();
  for (const int fd : {udp_, tcp_, wake_[0], wake_[1]}) ::close(fd);
}

void DnsPeer::set(Script script) {
  const std::lock_guard lock(mutex_);
  script_ = std::move(script);
}

std::vector<Packet> DnsPeer::answer(Packet packet, bool tcp, std::uint16_t port) {
  Asked asked;
  wire::Reader reader(packet);
  const auto header = reader.header();
  const auto question = reader.question();
  if (!header || !question) return {};
  asked.id = header->id;
  asked.name = question->name;
  asked.type = question->type;
  asked.tcp = tcp;
  asked.port = port;
  asked.packet = std::move(packet);
  ++asked_;
  if (tcp) ++by_tcp_;
  Script script;
  {
    const std::lock_guard lock(mutex_);
    script = script_;
  }
  return script(asked);
}

void DnsPeer::serve_stream() {
  const int fd = ::accept4(tcp_, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) return;
  const timeval patience{2, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::array<std::uint8_t, 2> length;
  while (::recv(fd, length.data(), 2, MSG_WAITALL) == 2) {
    Packet packet(static_cast<std::size_t>(length[0]) << 8 | length[1]);
    if (::recv(fd, packet.data(), packet.size(), MSG_WAITALL) !=
        static_cast<ssize_t>(packet.size()))
      break;
    const auto replies = answer(std::move(packet), true, 0);
    for (const auto& reply : replies) {
      Packet framed{static_cast<std::byte>(reply.size() >> 8),
                    static_cast<std::byte>(reply.size())};
      framed.insert(framed.end(), reply.begin(), reply.end());
      // In two pieces: a stream has no messages.
      const auto half = framed.size() / 2;
      ::send(fd, framed.data(), half, MSG_NOSIGNAL);
      ::send(fd, framed.data() + half, framed.size() - half, MSG_NOSIGNAL);
    }
    if (replies.empty()) break;
  }
  ::close(fd);
}

void DnsPeer::run() {
  for (;;) {
    std::array<pollfd, 3> waited{pollfd{udp_, POLLIN, 0}, pollfd{tcp_, POLLIN, 0},
                                 pollfd{wake_[0], POLLIN, 0}};
    ::poll(waited.data(), waited.size(), -1);
    if (waited[2].revents != 0) return;
    if (waited[0].revents != 0) {
      Packet packet(4096);
      sockaddr_in from{};
      socklen_t size = sizeof from;
      const auto got = ::recvfrom(udp_, packet.data(), packet.size(), 0,
                                  reinterpret_cast<sockaddr*>(&from), &size);
      if (got > 0) {
        packet.resize(static_cast<std::size_t>(got));
        for (const auto& reply : answer(std::move(packet), false, ntohs(from.sin_port)))
          ::sendto(udp_, reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
      }
    }
    if (waited[1].revents != 0) serve_stream();
  }
}

std::vector<Packet> addresses(const Asked& asked, std::string_view four, std::string_view six,
                              std::uint32_t ttl) {
  AnswerMaker answer(asked);
  const auto text = asked.type == wire::type::a ? four : six;
  if (!text.empty()) answer.address(asked.text(), text, ttl);
  return {answer.packet()};
}

std::vector<Packet> nothing_but(const Asked& asked, wire::Rcode rcode) {
  return {AnswerMaker(asked, rcode).packet()};
}

}  // namespace hotswapd::testing
