// The embedded DNS on its sockets.
#include "dns/dns_server.hpp"

#include <sys/random.h>

#include <algorithm>

#include "core/text.hpp"

namespace hotswapd {
namespace {

constexpr int port_tries = 16;

// The sockets of one address: TCP first, since it alone says "in use" when another of our kind
// shares the UDP port.
struct Bound {
  DnsEndpoint at;
  Descriptor tcp;
  std::vector<Descriptor> udp;  // one per worker
};

Fallible<Bound> bind_all(DnsEndpoint at, int workers) {
  Bound bound;
  auto tcp = listen_tcp(at);
  if (!tcp) return tcp.error();
  bound.tcp = std::move(*tcp);
  bound.at = local_endpoint(bound.tcp);
  for (int i = 0; i < workers; ++i) {
    auto udp = bind_udp(bound.at, workers > 1);
    if (!udp) return udp.error();
    bound.udp.push_back(std::move(*udp));
  }
  return bound;
}

Fallible<Bound> bind_address(const std::string& text, int workers) {
  const auto at = DnsEndpoint::parse(text);
  if (!at) {
    return Error{errc::invalid_argument,
                 "dns_listen \"" + clean(text) +
                     "\" is not ADDRESS:PORT (like 127.0.0.1:5300 or [::1]:5300)"};
  }
  auto bound = bind_all(*at, workers);
  // The port that TCP was given may be taken for UDP: ask for another.
  for (int i = 1; !bound && at->port == 0 && i < port_tries; ++i) bound = bind_all(*at, workers);
  return bound;
}

}  // namespace

Fallible<std::unique_ptr<DnsServer>> DnsServer::start(const DnsServerOptions& options,
                                                      const SnapshotHolder& zones) {
  const int workers = std::clamp(options.udp_workers, 1, 64);
  std::unique_ptr<DnsServer> server(new DnsServer);
  std::vector<Descriptor> tcp;
  std::vector<std::vector<Descriptor>> udp(static_cast<std::size_t>(workers));
  for (const auto& text : options.listen) {
    auto bound = bind_address(text, workers);
    if (!bound) return bound.error();
    server->endpoints_.push_back(bound->at);
    tcp.push_back(std::move(bound->tcp));
    for (std::size_t i = 0; i < udp.size(); ++i) udp[i].push_back(std::move(bound->udp[i]));
  }

  std::uint64_t seed = 0;
  if (::getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) {
    return Error{errc::unavailable, "DNS cannot start: the kernel gives no random numbers"};
  }
  // The kernel spreads sources over the workers: each has its share of the limit.
  auto limits = options.rate_limits;
  for (auto* limit : {&limits.loopback, &limits.others}) {
    if (*limit > 0) *limit = std::max(1U, *limit / static_cast<unsigned>(workers));
  }
  for (int i = 0; i < workers; ++i) {
    server->udp_.push_back(std::make_unique<UdpWorker>(std::move(udp[static_cast<std::size_t>(i)]),
                                                       zones, options.chaos, limits, seed));
    if (auto ok = server->udp_.back()->start(i); !ok) return ok.error();
  }
  server->tcp_ = std::make_unique<TcpListener>(std::move(tcp), zones, options.chaos, options.tcp);
  if (auto ok = server->tcp_->start(); !ok) return ok.error();
  return server;
}

DnsServer::~DnsServer() {
  stop();
}

void DnsServer::stop() {
  for (auto& worker : udp_) worker->stop();
  if (tcp_) tcp_->stop();
}

DnsFigures DnsServer::figures() const {
  DnsFigures sum;
  for (const auto& worker : udp_) sum += worker->counters().read();
  if (tcp_) sum += tcp_->counters().read();
  return sum;
}

}  // namespace hotswapd
