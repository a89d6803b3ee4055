#include "notifiers/syslog_udp.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/udp.hpp>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "core/text.hpp"

namespace hotswapd {
namespace {

using Endpoint = asio::ip::udp::endpoint;

// Never connected: on a connected socket the collector's restart would come back as an error of a
// later message.
class SyslogUdp final : public Notifier {
 public:
  SyslogUdp(Endpoint server, std::string name)
      : server_(std::move(server)), name_(std::move(name)) {}
  ~SyslogUdp() override {
    if (socket_ >= 0) ::close(socket_);
  }
  SyslogUdp(const SyslogUdp&) = delete;
  SyslogUdp& operator=(const SyslogUdp&) = delete;

  awaitable<Fallible<void>> deliver(std::string body, TimePoint) override { co_return send(body); }

 private:
  Fallible<void> send(const std::string& body) {
    if (socket_ < 0) {
      socket_ = ::socket(server_.data()->sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      if (socket_ < 0) return failure(errno);
    }
    const auto* address = reinterpret_cast<const sockaddr*>(server_.data());
    const auto length = static_cast<socklen_t>(server_.size());
    ssize_t sent = -1;
    do {
      sent =
          ::sendto(socket_, body.data(), body.size(), MSG_DONTWAIT | MSG_NOSIGNAL, address, length);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) return {};
    return failure(errno);
  }

  // What the message itself is to blame for is not tried again; everything else (buffers, routes, a
  // firewall that says EPERM, descriptors) may be better later.
  Error failure(int number) const {
    const bool message = number == EMSGSIZE || number == EINVAL || number == EAFNOSUPPORT;
    return Error{message ? errc::invalid_argument : errc::unavailable,
                 name_ + ": " + std::strerror(number)};
  }

  Endpoint server_;
  std::string name_;
  int socket_ = -1;
};

}  // namespace

std::string syslog_sink(const SyslogSpec& spec) {
  const char* transport = spec.transport == SyslogTransport::udp   ? "udp"
                          : spec.transport == SyslogTransport::tcp ? "tcp"
                                                                   : "tls";
  return std::string("syslog:") + transport + ":" + spec.server + ":" + std::to_string(spec.port);
}

Fallible<std::unique_ptr<Notifier>> make_syslog_notifier(std::string_view sink) {
  const std::string name = clean(sink);
  const Error malformed{errc::invalid_argument,
                        name + " is no syslog sink (like syslog:udp:192.0.2.9:514)"};
  constexpr std::string_view scheme = "syslog:";
  if (sink.substr(0, scheme.size()) != scheme) return malformed;
  std::string_view rest = sink.substr(scheme.size());
  if (rest.substr(0, 4) == "tcp:" || rest.substr(0, 4) == "tls:") {
    return Error{errc::not_built,
                 name + ": syslog over TCP and TLS is not built yet, use transport: udp"};
  }
  if (rest.substr(0, 4) != "udp:") return malformed;
  rest.remove_prefix(4);
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return malformed;
  const std::string_view digits = rest.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, bad] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (bad != std::errc() || end != digits.data() + digits.size() || port == 0) return malformed;
  error_code ec;
  const auto address = asio::ip::make_address(std::string(rest.substr(0, colon)), ec);
  if (ec) {
    return Error{errc::not_built,
                 name +
                     ": a syslog server given by host name needs the resolver, which is not "
                     "built yet; give its address"};
  }
  return std::unique_ptr<Notifier>(std::make_unique<SyslogUdp>(Endpoint(address, port), name));
}

}  // namespace hotswapd
