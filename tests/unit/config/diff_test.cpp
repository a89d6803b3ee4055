// What a reload changes.
#include "config/diff.hpp"

#include "support.hpp"

namespace hotswapd::test {
namespace {

using Names = std::vector<std::string>;

ServiceChange change(const std::string& before, const std::string& after) {
  const ConfigDiff found = diff(good(before), good(after));
  EXPECT_EQ(found.changed.size(), 1u);
  EXPECT_TRUE(found.sections.empty());
  return found.changed.empty() ? ServiceChange{} : found.changed.front();
}

TEST(Diff, EqualIsEmpty) {
  const ConfigDiff none = diff(good(one_service()), good(one_service()));
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(to_string(none), "nothing changes\n");
}

TEST(Diff, SpellingIsNoChange) {
  EXPECT_TRUE(
      diff(good(one_service("auto_recover: true", "protocol: HTTP, interval: 1")),
           good(one_service("auto_recover: Y", "protocol: http, interval: 60s, timeout: 10")))
          .empty());
}

TEST(Diff, AddsAndRemoves) {
  Config before = good(one_service());
  Config after = before;
  ServiceSpec renamed = after.services[0];
  renamed.key.fqdn = "new.example.com";
  after.services[0] = renamed;
  const ConfigDiff found = diff(before, after);
  EXPECT_EQ(found.added, (std::vector<RecordKey>{{"example.com", "new.example.com"}}));
  EXPECT_EQ(found.removed, (std::vector<RecordKey>{{"example.com", "www.example.com"}}));
  EXPECT_TRUE(found.changed.empty());
  EXPECT_EQ(to_string(found), "add new.example.com\nremove www.example.com\n");
}

TEST(Diff, WhatIsEqualIsSharedOverAReload) {
  const Config before = good(one_service());
  Config same = good(one_service());
  Config edited = good(one_service("", "protocol: HTTP, interval: 1, path: /up"));
  EXPECT_NE(&*same.services[0], &*before.services[0]);
  share_equal_services(before, same);
  EXPECT_EQ(&*same.services[0], &*before.services[0]);
  share_equal_services(before, edited);
  EXPECT_EQ(edited.services[0]->monitor->path, "/up");
}

TEST(Diff, ProbingChanges) {
  const auto probing =
      change(one_service(), one_service("", "protocol: HTTP, interval: 1, path: /up"));
  EXPECT_EQ(probing.fields, Names{"monitor.path"});
  EXPECT_TRUE(probing.probing);
  EXPECT_FALSE(probing.serving);
  EXPECT_TRUE(
      change(one_service(), one_service("", "protocol: HTTP, interval: 1, fall: 2")).probing);
  EXPECT_TRUE(change(one_service(), one_service("probe_address: 10.0.0.1")).probing);
}

TEST(Diff, ServingChanges) {
  const auto address = change(
      one_service(), one_service("", "protocol: HTTP, interval: 1",
                                 "failover_mode: ip\nfailover_data: 198.51.100.10", "192.0.2.11"));
  EXPECT_EQ(address.fields, Names{"address"});
  EXPECT_TRUE(address.probing);
  EXPECT_TRUE(address.serving);
  const auto backup = change(one_service(), one_service("", "protocol: HTTP, interval: 1",
                                                        "backups: [{data: 198.51.100.11}]"));
  EXPECT_EQ(backup.fields, Names{"backups"});
  EXPECT_TRUE(backup.serving);
  const auto ttl = change(one_service(), one_service("ttl: 20"));
  EXPECT_EQ(ttl.fields, Names{"ttl"});
  EXPECT_FALSE(ttl.probing);
  EXPECT_TRUE(ttl.serving);
}

TEST(Diff, AddressBehindAProbeAddressIsNotProbed) {
  const auto found =
      change(one_service("probe_address: 10.0.0.1"),
             one_service("probe_address: 10.0.0.1", "protocol: HTTP, interval: 1",
                         "failover_mode: ip\nfailover_data: 198.51.100.10", "192.0.2.11"));
  EXPECT_FALSE(found.probing);
  EXPECT_TRUE(found.serving);
}

TEST(Diff, BackupMonitorAlone) {
  const auto found =
      change(one_service("", "protocol: HTTP, interval: 1", "backups: [{data: 198.51.100.10}]"),
             one_service("", "protocol: HTTP, interval: 1",
                         "backups: [{data: 198.51.100.10, monitor: none}]"));
  EXPECT_EQ(found.fields, Names{"backups.monitor"});
  EXPECT_TRUE(found.probing);
  EXPECT_FALSE(found.serving);
}

// Every line changes exactly the field it names.
TEST(Diff, NamesEveryField) {
  const std::pair<const char*, const char*> rows[] = {
      {"auto_recover: N", "auto_recover"},
      {"recovery_delay: 2", "recovery_delay"},
      {"notify_events: [ip]", "notify_events"},
      {"syslog: {server: 192.0.2.9}", "syslog"},
      {"mode: observe", "mode"},
      {"on_all_down: primary", "on_all_down"},
      {"on_drift: enforce", "on_drift"},
      {"max_swaps_per_hour: 5", "max_swaps_per_hour"},
      {"rto: 10m", "rto"},
      {"maintenance: [{from: 2026-12-01T02:00:00Z, to: 2026-12-01T03:00:00Z}]", "maintenance"},
  };
  for (const auto& [line, field] : rows) {
    const auto found = change(one_service(), one_service(line));
    EXPECT_EQ(found.fields, Names{field});
    EXPECT_FALSE(found.probing) << field;
    EXPECT_FALSE(found.serving) << field;
  }
  const std::pair<const char*, const char*> monitors[] = {
      {"retries: 2", "monitor.retries"},
      {"timeout: 5", "monitor.timeout"},
      {"port: 81", "monitor.port"},
      {"host: a", "monitor.host"},
      {"header: {A: b}", "monitor.header"},
      {"expected: x", "monitor.expected"},
      {"status: 200", "monitor.status"},
      {"redirects: accept", "monitor.redirects"},
      {"tls: {verify: false}", "monitor.tls"},
      {"degraded: {latency_above: 1s}", "monitor.degraded"},
      {"fall: 2", "monitor.fall"},
      {"recheck: 5s", "monitor.recheck"},
  };
  for (const auto& [key, field] : monitors) {
    const auto found =
        change(one_service(), one_service("", std::string("protocol: HTTP, interval: 1, ") + key));
    EXPECT_EQ(found.fields, Names{field});
    EXPECT_TRUE(found.probing) << field;
  }
}

TEST(Diff, SectionsAndWhatNeedsARestart) {
  Config before = good(one_service());
  Config after = before;
  after.site.code = "x";
  after.dns_listen[0].port = 1;
  after.state_dir = "/x";
  after.api.emplace();
  after.providers.at("here").proof_deadline = Seconds(1);
  const ConfigDiff found = diff(before, after);
  EXPECT_EQ(found.sections, (Names{"site", "state_dir", "dns_listen", "api.listen", "providers"}));
  EXPECT_EQ(found.restart, (Names{"state_dir", "dns_listen", "api.listen"}));
  EXPECT_EQ(to_string(found),
            "change settings: site, state_dir, dns_listen, api.listen, providers\n"
            "only a restart changes: state_dir, dns_listen, api.listen\n");
  Config later = after;
  later.api->tokens.push_back({"a", Secret("s3cret"), TokenScope::read});
  EXPECT_EQ(diff(after, later).sections, Names{"api.tokens"});
  EXPECT_EQ(diff(after, later).restart, Names{});
}

// Each line changes one setting that is read at the start alone.
TEST(Diff, WhatIsFixedAtTheStart) {
  const Config before =
      good(one_service("", "protocol: HTTP, interval: 1") + "api: {listen: \"127.0.0.1:1\"}\n");
  const std::pair<const char*, void (*)(Config&)> rows[] = {
      {"state_dir", [](Config& c) { c.state_dir = "/x"; }},
      {"control_socket", [](Config& c) { c.control_socket = "/x"; }},
      {"control_group", [](Config& c) { c.control_group = "x"; }},
      {"shards", [](Config& c) { c.shards = 3; }},
      {"dns_listen", [](Config& c) { c.dns_listen.clear(); }},
      {"api.listen", [](Config& c) { c.api.reset(); }},
      {"api.listen", [](Config& c) { c.api->listen.port = 2; }},
      {"api.tls", [](Config& c) { c.api->tls.emplace(); }},
      {"api.insecure", [](Config& c) { c.api->insecure = true; }},
  };
  for (const auto& [name, change_it] : rows) {
    Config after = before;
    change_it(after);
    EXPECT_EQ(diff(before, after).restart, Names{name});
  }
}

TEST(Diff, WhoMayAskWhatFollowsAReload) {
  const Config before =
      good(one_service("", "protocol: HTTP, interval: 1") + "api: {listen: \"127.0.0.1:1\"}\n");
  const std::pair<const char*, void (*)(Config&)> rows[] = {
      {"api.users", [](Config& c) { c.api->users.emplace_back(); }},
      {"api.tokens", [](Config& c) { c.api->tokens.emplace_back(); }},
      {"api.rate_limit", [](Config& c) { c.api->rate_limit.emplace(); }},
      {"api.host_names", [](Config& c) { c.api->host_names.emplace_back("x"); }},
      {"api.anonymous_read", [](Config& c) { c.api->anonymous_read = true; }},
  };
  for (const auto& [name, change_it] : rows) {
    Config after = before;
    change_it(after);
    EXPECT_EQ(diff(before, after).sections, Names{name});
    EXPECT_TRUE(diff(before, after).restart.empty()) << name;
  }
}

}  // namespace
}  // namespace hotswapd::test
