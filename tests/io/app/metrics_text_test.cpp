#include "app/metrics_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>

namespace hotswapd {
namespace {

using testing::HasSubstr;
using testing::Not;

ProbeResult attempt(Verdict verdict, FailureClass failure, Millis took) {
  ProbeResult result;
  result.verdict = verdict;
  result.failure = failure;
  result.times.total = took;
  return result;
}

TEST(MetricsText, AnIdleDaemonSaysLittle) {
  MetricsInput in;
  in.version = "1.2.3";
  in.commit = "abc";
  const auto text = metrics_text(in);
  EXPECT_THAT(text, HasSubstr("hotswapd_build_info{version=\"1.2.3\",commit=\"abc\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("hotswapd_ready 0\n"));
  EXPECT_THAT(text, HasSubstr("hotswapd_services{status=\"failover\"} 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("hotswapd_probes_total")));
  EXPECT_THAT(text, Not(HasSubstr("hotswapd_dns")));
}

TEST(MetricsText, ProbesByProtocolVerdictAndClass) {
  ProbeCounters one;
  ProbeCounters other;
  one.attempt(Protocol::http, attempt(Verdict::pass, FailureClass::none, Millis(3)));
  one.attempt(Protocol::http, attempt(Verdict::pass, FailureClass::none, Millis(60'000)));
  other.attempt(Protocol::http, attempt(Verdict::pass, FailureClass::none, Millis(1)));
  other.attempt(Protocol::ping, attempt(Verdict::inconclusive, FailureClass::local, Millis(9)));
  other.attempt(Protocol::tcp, attempt(Verdict::fail, FailureClass::timeout, Millis(9)));
  one.late(Millis(20));
  MetricsInput in;
  one.add_to(in.probes);
  other.add_to(in.probes);
  const auto text = metrics_text(in);
  const auto probes = "hotswapd_probes_total{protocol=";
  EXPECT_THAT(text,
              HasSubstr(probes + std::string("\"HTTP\",verdict=\"pass\",class=\"none\"} 3\n")));
  EXPECT_THAT(
      text,
      HasSubstr(probes + std::string("\"PING\",verdict=\"inconclusive\",class=\"local\"} 1\n")));
  EXPECT_THAT(text,
              HasSubstr(probes + std::string("\"TCP\",verdict=\"fail\",class=\"timeout\"} 1\n")));
  const auto took = std::string("hotswapd_probe_duration_seconds");
  EXPECT_THAT(text, HasSubstr(took + "_bucket{protocol=\"HTTP\",le=\"0.001\"} 1\n"));
  EXPECT_THAT(text, HasSubstr(took + "_bucket{protocol=\"HTTP\",le=\"0.005\"} 2\n"));
  EXPECT_THAT(text, HasSubstr(took + "_bucket{protocol=\"HTTP\",le=\"30\"} 2\n"));
  EXPECT_THAT(text, HasSubstr(took + "_bucket{protocol=\"HTTP\",le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text, HasSubstr(took + "_count{protocol=\"HTTP\"} 3\n"));
  EXPECT_THAT(text, HasSubstr(took + "_sum{protocol=\"HTTP\"} 60.00"));
  EXPECT_THAT(text, Not(HasSubstr(took + "_count{protocol=\"TCP\"}"))) << "it did not pass";
  EXPECT_THAT(text, HasSubstr("hotswapd_round_lateness_seconds_count 1\n"));
}

TEST(MetricsText, LabelsAreEscaped) {
  MetricsInput in;
  in.services = {{"a\"b", "c\\d\n", 3}};
  in.alarms["HS1401"] = 2;
  const auto text = metrics_text(in);
  EXPECT_THAT(text, HasSubstr("{zone=\"a\\\"b\",fqdn=\"c\\\\d\\n\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("hotswapd_alarms{id=\"HS1401\"} 2\n"));
}

TEST(MetricsText, SwapsAnswersAndTheRest) {
  MetricsInput in;
  in.swaps.swaps[{"knot", SwapFigures::End::committed}] = 2;
  in.swaps.swaps[{"knot", SwapFigures::End::fenced}] = 1;
  in.swaps.proofs["knot"].record(Millis(1'200));
  in.swaps.not_proved["knot"] = 1;
  in.dns.emplace();
  in.dns->by_rcode[0] = 7;
  in.dns->by_rcode[3] = 1;
  in.dns->by_rcode[16] = 1;
  in.outbox.queued = 4;
  in.outbox.expired = 5;
  in.loops = {{"main", Micros(1'500)}};
  in.process.open_descriptors = 12;
  const auto text = metrics_text(in);
  for (const char* line :
       {"hotswapd_swaps_total{provider=\"knot\",outcome=\"committed\"} 2\n",
        "hotswapd_swaps_total{provider=\"knot\",outcome=\"fenced\"} 1\n",
        "hotswapd_swap_proof_seconds_bucket{provider=\"knot\",le=\"2.5\"} 1\n",
        "hotswapd_swaps_not_proved_total{provider=\"knot\"} 1\n",
        "hotswapd_dns_answers_total{rcode=\"NOERROR\"} 7\n",
        "hotswapd_dns_answers_total{rcode=\"NXDOMAIN\"} 1\n",
        "hotswapd_dns_answers_total{rcode=\"BADVERS\"} 1\n", "hotswapd_outbox_messages 4\n",
        "hotswapd_outbox_dropped_total{reason=\"expired\"} 5\n",
        "hotswapd_loop_lag_seconds{loop=\"main\"} 0.0015\n", "process_open_fds 12\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(MetricsText, OneHelpAndOneTypeForEachFamily) {
  MetricsInput in;
  in.dns.emplace();
  in.loops = {{"main", Micros(0)}, {"probes-0", Micros(0)}};
  in.services = {{"z", "a.z", 1}, {"z", "b.z", 1}};
  std::set<std::string> seen;
  std::istringstream lines(metrics_text(in));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) {
      EXPECT_TRUE(seen.insert(line.substr(7, line.find(' ', 7) - 7)).second) << line;
    }
  }
  EXPECT_GT(seen.size(), 20u);
}

}  // namespace
}  // namespace hotswapd
