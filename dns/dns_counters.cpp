// What the DNS listeners count.
#include "dns/dns_counters.hpp"

namespace hotswapd {

DnsFigures& DnsFigures::operator+=(const DnsFigures& other) {
  for (std::size_t i = 0; i < by_rcode.size(); ++i) by_rcode[i] += other.by_rcode[i];
  udp += other.udp;
  tcp += other.tcp;
  silent += other.silent;
  truncated += other.truncated;
  rate_limited += other.rate_limited;
  send_failures += other.send_failures;
  notifies += other.notifies;
  tcp_refused += other.tcp_refused;
  tcp_timeouts += other.tcp_timeouts;
  return *this;
}

void DnsCounters::answered(const DnsAnswer& answer, DnsTransport transport) noexcept {
  const auto rcode = static_cast<std::size_t>(answer.rcode);
  if (rcode < by_rcode_.size()) add(by_rcode_[rcode]);
  add(transport == DnsTransport::udp ? udp_ : tcp_);
  if (answer.truncated) add(truncated_);
  if (answer.notify) add(notifies_);
}

DnsFigures DnsCounters::read() const noexcept {
  const auto get = [](const Counter& counter) { return counter.load(std::memory_order_relaxed); };
  DnsFigures out;
  for (std::size_t i = 0; i < by_rcode_.size(); ++i) out.by_rcode[i] = get(by_rcode_[i]);
  out.udp = get(udp_);
  out.tcp = get(tcp_);
  out.silent = get(silent_);
  out.truncated = get(truncated_);
  out.rate_limited = get(rate_limited_);
  out.send_failures = get(send_failures_);
  out.notifies = get(notifies_);
  out.tcp_refused = get(tcp_refused_);
  out.tcp_timeouts = get(tcp_timeouts_);
  return out;
}

}  // namespace hotswapd
