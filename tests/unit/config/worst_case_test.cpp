// The worst-case time to swap, part by part.
#include "config/worst_case.hpp"

#include "support.hpp"

namespace hotswapd::test {
namespace {

using namespace std::chrono_literals;

WorstCase of(const std::string& text) {
  const Config config = good(text);
  const ServiceSpec& service = config.services.at(0);
  return worst_case(service, &config.providers.at(service.provider));
}

TEST(WorstCase, AddsItsParts) {
  const WorstCase worst =
      of(one_service("", "protocol: HTTP, interval: 2s, retries: 1, timeout: 1s"));
  EXPECT_EQ(worst.waiting, 2s);
  EXPECT_EQ(worst.confirming, 0s);
  EXPECT_EQ(worst.probing, 2s);
  EXPECT_EQ(worst.provider, 0s);
  EXPECT_EQ(worst.ttl, 1s);
  EXPECT_EQ(worst.total, 5s);
  EXPECT_EQ(worst.text, "5s = 2s interval + 2 x 1s attempts + 0s provider here + 1s TTL");
}

TEST(WorstCase, FallAndRecheck) {
  const WorstCase worst = of(one_service(
      "", "protocol: HTTP, interval: 1, retries: 0, timeout: 2s, fall: 3, recheck: 5s"));
  EXPECT_EQ(worst.confirming, 10s);
  EXPECT_EQ(worst.total, 60s + 10s + 2s + 30s);
  EXPECT_EQ(worst.text,
            "1m42s = 1m interval + 2 x 5s recheck + 1 x 2s attempt + 0s provider here + 30s TTL");
}

TEST(WorstCase, SlowAttemptsStretchTheGrid) {
  const WorstCase worst =
      of(one_service("", "protocol: HTTP, interval: 10s, retries: 2, timeout: 5s, fall: 2"));
  EXPECT_EQ(worst.waiting, 20s);
  EXPECT_EQ(worst.confirming, 20s);
  EXPECT_EQ(worst.probing, 15s);
  EXPECT_EQ(worst.total, 60s);
}

TEST(WorstCase, TheSlowestAddressCounts) {
  const WorstCase worst = of(one_service(
      "", "protocol: HTTP, interval: 1, retries: 0, timeout: 1s",
      "backups: [{data: 192.0.2.2, monitor: {timeout: 20s}}, {data: 192.0.2.3, monitor: none}]"));
  EXPECT_EQ(worst.probing, 20s);
}

TEST(WorstCase, OtherProvidersHaveTheirProofDeadline) {
  std::string text = one_service("", "protocol: TCP, interval: 10s, retries: 0, timeout: 1s");
  text.replace(text.find("{type: embedded}"), 16,
               "{type: exec, command: [/hook], proof_deadline: 7s}");
  EXPECT_EQ(of(text).provider, 7s);
  EXPECT_EQ(of(text).total, 10s + 1s + 7s + 5s);
}

TEST(WorstCase, WhatNeverSwapsHasNoTime) {
  EXPECT_EQ(of(one_service("", "protocol: NONE, interval: 1")).text,
            "never swapped by itself: it is not monitored");
  EXPECT_EQ(of(one_service("mode: observe")).total, 0s);
}

const std::string kProbed = "protocol: TCP, interval: 1";
const std::string kBlind = "backups: [{data: 198.51.100.10, monitor: none}]";

TEST(WorstCase, ABackupThatIsNotProbedNeedsAnotherService) {
  const std::string alone = one_service("", kProbed, kBlind);
  const std::string why = "www.example.com: never swapped by itself: no backup is probed";
  EXPECT_NE(worst_case_report(good(alone)).find(why), std::string::npos);
  const auto other = [](const char* protocol) {
    return std::string(
               "  - zone: example.com\n    fqdn: b.example.com\n    address: 192.0.2.20\n"
               "    failover_mode: ip\n    failover_data: 192.0.2.21\n"
               "    monitor: {interval: 1, protocol: ") +
           protocol + "}\n";
  };
  EXPECT_NE(worst_case_report(good(alone + other("NONE"))).find(why), std::string::npos);
  EXPECT_EQ(worst_case_report(good(alone + other("TCP"))).find(why), std::string::npos);
  const std::string objective = one_service("rto: 10m", kProbed, kBlind);
  EXPECT_FALSE(load(objective).config.has_value());
  EXPECT_FALSE(load(objective + other("NONE")).config.has_value());
  EXPECT_TRUE(load(objective + other("TCP")).config.has_value());
}

TEST(WorstCase, HostNamesAreProbedLikeAddresses) {
  EXPECT_GT(of(one_service("", kProbed, "backups: [{data: b.example.net}]", "a.example.net")).total,
            0s);
}

TEST(WorstCase, TheObjectiveIsMetExactly) {
  const std::string monitor = "protocol: HTTP, interval: 2s, retries: 1, timeout: 1s";
  EXPECT_TRUE(load(one_service("rto: 5s", monitor)).config.has_value());
  EXPECT_FALSE(load(one_service("rto: 4999ms", monitor)).config.has_value());
}

TEST(WorstCase, ReportNamesEveryServiceAndTheCaches) {
  const std::string report = worst_case_report(good(one_service("rto: 10m")));
  EXPECT_NE(report.find("  www.example.com: 1m50s = 1m interval + 2 x 10s attempts + 0s provider "
                        "here + 30s TTL (rto 10m)\n"),
            std::string::npos);
  EXPECT_NE(report.find("Caches may add to them"), std::string::npos);
  EXPECT_EQ(worst_case_report(Config{}), "No services.\n");
}

}  // namespace
}  // namespace hotswapd::test
