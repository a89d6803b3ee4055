#include "app/metrics_text.hpp"

#include <prometheus/text_serializer.h>

#include <chrono>
#include <initializer_list>
#include <limits>
#include <sstream>

#include "core/probe_result.hpp"

namespace hotswapd {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::initializer_list<std::pair<const char*, std::string>>;

constexpr const char* statuses[] = {"unk", "ok", "trouble", "failover"};
constexpr const char* rcodes[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
                                  "NOTIMP",  "REFUSED", "YXDOMAIN", "YXRRSET",
                                  "NXRRSET", "NOTAUTH", "NOTZONE"};

double seconds(Micros time) {
  return std::chrono::duration<double>(time).count();
}

class Page {
 public:
  // What follows belongs to it.
  void family(std::string name, MetricType type, std::string help) {
    families_.push_back({std::move(name), std::move(help), type, {}});
  }
  void value(double number, Labels labels = {}) {
    auto& metric = add(labels);
    if (families_.back().type == MetricType::Counter) {
      metric.counter.value = number;
    } else {
      metric.gauge.value = number;
    }
  }
  template <class Number>
  void number(Number n, Labels labels = {}) {
    value(static_cast<double>(n), labels);
  }
  void histogram(const Histogram& histogram, Labels labels = {}) {
    auto& out = add(labels).histogram;
    for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
      out.sample_count += histogram.counts[i];
      const double bound = i < Histogram::bounds.size() ? seconds(Micros(Histogram::bounds[i]))
                                                        : std::numeric_limits<double>::infinity();
      out.bucket.push_back({out.sample_count, bound});
    }
    out.sample_sum = seconds(histogram.sum);
  }
  std::string text() {
    std::erase_if(families_, [](const auto& family) { return family.metric.empty(); });
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families_);
    return std::move(out).str();
  }

 private:
  ClientMetric& add(Labels labels) {
    auto& metric = families_.back().metric.emplace_back();
    for (const auto& [name, value] : labels) metric.label.push_back({name, value});
    return metric;
  }

  std::vector<MetricFamily> families_;
};

constexpr auto counter = MetricType::Counter;
constexpr auto gauge = MetricType::Gauge;

void probes(Page& page, const MetricsInput& in) {
  page.family("hotswapd_probes_total", counter,
              "Attempts by protocol, verdict and class of failure, the witness's among them.");
  for (std::size_t p = 0; p < protocol_count; ++p) {
    for (std::size_t v = 0; v < verdict_count; ++v) {
      for (std::size_t c = 0; c < class_count; ++c) {
        const auto count = in.probes.attempts[p][v][c];
        if (count == 0) continue;
        page.number(count, {{"protocol", to_string(static_cast<Protocol>(p))},
                            {"verdict", to_string(static_cast<Verdict>(v))},
                            {"class", to_string(static_cast<FailureClass>(c))}});
      }
    }
  }
  page.family("hotswapd_probe_duration_seconds", MetricType::Histogram,
              "How long attempts that passed took, from the beginning to the verdict.");
  for (std::size_t p = 0; p < protocol_count; ++p) {
    const auto& durations = in.probes.durations[p];
    if (durations.counts != decltype(durations.counts){})
      page.histogram(durations, {{"protocol", to_string(static_cast<Protocol>(p))}});
  }
  page.family("hotswapd_round_lateness_seconds", MetricType::Histogram,
              "How much later than their slot rounds began.");
  page.histogram(in.probes.lateness);
  page.family("hotswapd_rounds_total", counter, "Rounds that came to their end.");
  page.number(in.rounds.rounds);
  page.family("hotswapd_rounds_skipped_total", counter,
              "Slots that passed while the round before was not over.");
  page.number(in.rounds.skipped_slots);
  page.family("hotswapd_probes_in_flight", gauge, "Attempts that are being made.");
  page.number(in.rounds.in_flight);
}

void services(Page& page, const MetricsInput& in) {
  page.family("hotswapd_services", gauge, "Services by status.");
  for (std::size_t i = 0; i < in.by_status.size(); ++i)
    page.number(in.by_status[i], {{"status", statuses[i]}});
  page.family("hotswapd_service_status", gauge,
              "Status of one service: 0 unk, 1 ok, 2 trouble, 3 failover.");
  for (const auto& s : in.services) page.number(s.status, {{"zone", s.zone}, {"fqdn", s.fqdn}});
  page.family("hotswapd_service_series_left_out", gauge,
              "Services without a series of their own, because there are too many.");
  page.number(in.services_left_out);
}

void swaps(Page& page, const MetricsInput& in) {
  page.family("hotswapd_swaps_total", counter,
              "Swaps that came to an end, by provider and outcome.");
  for (const auto& [key, count] : in.swaps.swaps)
    page.number(count, {{"provider", key.first}, {"outcome", to_string(key.second)}});
  page.family("hotswapd_swap_proof_seconds", MetricType::Histogram,
              "How long from reading a swap back until every name server served it.");
  for (const auto& [provider, proofs] : in.swaps.proofs)
    page.histogram(proofs, {{"provider", provider}});
  page.family("hotswapd_swaps_not_proved_total", counter,
              "Swaps whose proof_deadline passed before every name server served them.");
  for (const auto& [provider, count] : in.swaps.not_proved)
    page.number(count, {{"provider", provider}});
}

void telling(Page& page, const MetricsInput& in) {
  page.family("hotswapd_outbox_messages", gauge, "Messages that wait to be delivered.");
  page.number(in.outbox.queued);
  page.family("hotswapd_outbox_delivered_total", counter, "Messages that were delivered.");
  page.number(in.outbox.delivered);
  page.family("hotswapd_outbox_retries_total", counter, "Deliveries that were tried again.");
  page.number(in.outbox.retries);
  page.family("hotswapd_outbox_dropped_total", counter, "Messages that were given up, by reason.");
  page.number(in.outbox.expired, {{"reason", "expired"}});
  page.number(in.outbox.refused, {{"reason", "refused"}});
  page.number(in.outbox.overflowed, {{"reason", "overflowed"}});
  page.family("hotswapd_store_batches", gauge, "Writes that wait for the disk of state_dir.");
  page.number(in.store_queued);
  page.family("hotswapd_store_dropped_total", counter,
              "Writes refused because the disk did not keep up.");
  page.number(in.store_dropped);
  page.family("hotswapd_event_clients", gauge, "Clients that follow /api/v1/events.");
  page.number(in.event_clients);
  page.family("hotswapd_events_dropped_total", counter,
              "Events that clients of /api/v1/events were too slow for.");
  page.number(in.events_dropped);
}

void loops(Page& page, const MetricsInput& in) {
  page.family("hotswapd_loop_lag_seconds", gauge,
              "How long a task posted by this scrape waited for its event loop.");
  for (const auto& [loop, lag] : in.loops) page.value(seconds(lag), {{"loop", loop}});
  page.family("hotswapd_loop_stalls_total", counter,
              "Times that a probe loop did not run for a quarter of a second or more.");
  page.number(in.rounds.stalls);
}

void answers(Page& page, const DnsFigures& dns) {
  page.family("hotswapd_dns_answers_total", counter, "Answers of the embedded DNS by rcode.");
  for (std::size_t i = 0; i < dns.by_rcode.size(); ++i) {
    if (dns.by_rcode[i] == 0) continue;
    const auto name = i < std::size(rcodes) ? std::string(rcodes[i])
                      : i == 16             ? std::string("BADVERS")
                                            : std::to_string(i);
    page.number(dns.by_rcode[i], {{"rcode", name}});
  }
  page.family("hotswapd_dns_answers_sent_total", counter,
              "Answers of the embedded DNS by transport.");
  page.number(dns.udp, {{"transport", "udp"}});
  page.number(dns.tcp, {{"transport", "tcp"}});
  page.family("hotswapd_dns_truncated_total", counter, "Answers with TC for want of room.");
  page.number(dns.truncated);
  page.family("hotswapd_dns_unanswered_total", counter,
              "Packets and answers that came to nothing.");
  page.number(dns.silent, {{"reason", "malformed"}});
  page.number(dns.rate_limited, {{"reason", "rate_limited"}});
  page.number(dns.send_failures, {{"reason", "send_failed"}});
  page.family("hotswapd_dns_tcp_refused_total", counter, "TCP connections above the limits.");
  page.number(dns.tcp_refused);
}

void process(Page& page, const ProcessFigures& p) {
  if (p.open_descriptors) {
    page.family("process_open_fds", gauge, "Open file descriptors.");
    page.number(*p.open_descriptors);
  }
  if (p.most_descriptors) {
    page.family("process_max_fds", gauge, "File descriptors that may be open.");
    page.number(*p.most_descriptors);
  }
  page.family("process_resident_memory_bytes", gauge, "Resident memory.");
  page.number(p.resident_bytes);
  page.family("process_virtual_memory_bytes", gauge, "Virtual memory.");
  page.number(p.virtual_bytes);
  page.family("process_cpu_seconds_total", counter, "User and system CPU time spent.");
  page.value(p.cpu_seconds);
  page.family("process_start_time_seconds", gauge, "When the daemon started, since 1970.");
  page.value(p.started);
}

}  // namespace

std::string metrics_text(const MetricsInput& in) {
  Page page;
  page.family("hotswapd_build_info", gauge, "Always 1; the labels say which build this is.");
  page.number(1, {{"version", in.version}, {"commit", in.commit}});
  page.family("hotswapd_ready", gauge, "Whether the first full round is done.");
  page.number(in.ready ? 1 : 0);
  page.family("hotswapd_alarms", gauge,
              "Standing alarms of the daemon by the id of their log line.");
  for (const auto& [id, count] : in.alarms) page.number(count, {{"id", id}});
  services(page, in);
  swaps(page, in);
  probes(page, in);
  loops(page, in);
  telling(page, in);
  if (in.dns) answers(page, *in.dns);
  process(page, in.process);
  return page.text();
}

}  // namespace hotswapd
