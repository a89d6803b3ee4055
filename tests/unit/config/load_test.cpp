// What a good file becomes: every field of a service, every default, references, warnings.
#include "config/load.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <chrono>

#include "config/not_built.hpp"
#include "support.hpp"

namespace hotswapd::test {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> warnings(const std::string& text) {
  return messages(load(text), Severity::warning);
}

TEST(Load, AnEmptyMappingIsAllDefaults) {
  const Config config = good("{}\n");
  EXPECT_EQ(config, Config{});
  EXPECT_EQ(config.state_dir, "/var/lib/hotswapd");
  EXPECT_EQ(config.control_socket, "/run/hotswapd/control.sock");
  EXPECT_EQ(config.control_group, "hotswapd");
  EXPECT_TRUE(config.dns_listen.empty());
  EXPECT_FALSE(config.api.has_value());
}

TEST(Load, ListsAndSectionsMayBeEmpty) {
  EXPECT_EQ(good("services:\ncontacts:\nnotify:\nproviders: {}\ndns_listen: []\nsite:\n"),
            Config{});
}

TEST(Load, ServiceDefaultsAreDyns) {
  const ServiceSpec spec = service();
  ServiceSpec expected;
  expected.key = {"example.com", "www.example.com"};
  expected.address = "192.0.2.10";
  MonitorSpec monitor;
  monitor.protocol = Protocol::http;
  monitor.interval = 60s;
  monitor.retries = 1;
  monitor.timeout = 10s;
  expected.monitor = monitor;
  expected.backups = {{FailoverMode::ip, "198.51.100.10", expected.monitor}};
  expected.provider = "here";
  expected.ttl = 30;
  expected.recheck = 60s;
  EXPECT_EQ(spec, expected);
  EXPECT_EQ(spec.telling->syslog.port, 514);
  EXPECT_EQ(spec.max_swaps_per_hour, 6);
  EXPECT_TRUE(spec.auto_recover);
  EXPECT_EQ(spec.recovery_delay, 0);
}

TEST(Load, EveryFieldOfAService) {
  const ServiceSpec spec = service(
      "auto_recover: N\nrecovery_delay: 3\nttl: 2\nnotify_events: \" ip, nosrv \"\nprobe_address: "
      "10.0.0.10\n"
      "mode: observe\non_all_down: primary\non_drift: enforce\nmax_swaps_per_hour: 9\nrto: 5m\n"
      "syslog: {server: Log.Example.net., port: 1514, ident: dyn, facility: local0, delivery: "
      "all,\n"
      "         probe_fmt: \"%hos\", status_fmt: \"%sta\"}\n"
      "maintenance: [{from: 1970-01-01T00:00:01Z, to: 1970-01-02T00:00:00Z, swaps: yes, tell: Y}]",
      "protocol: https, interval: 5s, retries: 2, timeout: 1500ms, port: 8443, path: healthz, "
      "host: \"h.example:8443\", "
      "header: {X-Probe: \" hotswapd \", Accept: text/plain}, expected: \"a\\nb\", status: "
      "[200-299, 304], "
      "redirects: fail, tls: {verify: false, ca_file: /ca.pem}, fall: 3, recheck: 1s");
  EXPECT_FALSE(spec.auto_recover);
  EXPECT_EQ(spec.recovery_delay, 3);
  EXPECT_EQ(spec.ttl, 2u);
  EXPECT_EQ(spec.telling->notify, (NotifyEvents{true, false, true}));
  EXPECT_EQ(spec.telling->notify_text, "ip, nosrv");
  EXPECT_EQ(spec.probe_address, "10.0.0.10");
  EXPECT_EQ(spec.mode, ServiceMode::observe);
  EXPECT_EQ(spec.on_all_down, OnAllDown::primary);
  EXPECT_EQ(spec.on_drift, OnDrift::enforce);
  EXPECT_EQ(spec.max_swaps_per_hour, 9);
  EXPECT_EQ(spec.rto, Seconds(300));
  EXPECT_EQ(spec.telling->syslog,
            (SyslogSpec{"log.example.net", 1514, "dyn", 16, SyslogDelivery::all,
                        SyslogTransport::udp, SyslogFormat::rfc3164, "%hos", "%sta"}));
  EXPECT_EQ(spec.maintenance,
            (std::vector<MaintenanceWindow>{{WallTime(1s), WallTime(24h), true, true}}));
  const MonitorSpec& m = spec.monitor;
  EXPECT_EQ(m.protocol, Protocol::https);
  EXPECT_EQ(m.interval, 5s);
  EXPECT_EQ(m.retries, 2);
  EXPECT_EQ(m.timeout, 1500ms);
  EXPECT_EQ(m.port, 8443);
  EXPECT_EQ(m.path, "/healthz");
  EXPECT_EQ(m.host, "h.example:8443");
  EXPECT_EQ(m.headers, (std::vector<std::pair<std::string, std::string>>{
                           {"X-Probe", "hotswapd"}, {"Accept", "text/plain"}}));
  EXPECT_EQ(m.expected, "a\nb");
  EXPECT_EQ(m.status, (std::vector<StatusRange>{{200, 299}, {304, 304}}));
  EXPECT_FALSE(m.tls.verify);
  EXPECT_EQ(m.tls.ca_file, "/ca.pem");
  EXPECT_EQ(spec.fall, 3);
  EXPECT_EQ(spec.recheck, 1s);
  EXPECT_EQ(*spec.backups[0].monitor, spec.monitor);
}

TEST(Load, IntervalAndTtl) {
  struct Row {
    const char* interval;
    Millis expected;
    std::uint32_t ttl;
  };
  for (const Row& row :
       {Row{"1", 60s, 30}, Row{"5", 300s, 150}, Row{"10", 600s, 300}, Row{"15", 900s, 450},
        Row{"\"1\"", 60s, 30}, Row{"1s", 1s, 1}, Row{"3s", 3s, 1}, Row{"4999ms", 4999ms, 2},
        Row{"10s", 10s, 5}, Row{"2h", 2h, 3600}, Row{"1d", 24h, 43200}}) {
    const ServiceSpec spec = service("", std::string("protocol: TCP, interval: ") + row.interval);
    EXPECT_EQ(spec.monitor->interval, row.expected) << row.interval;
    EXPECT_EQ(spec.ttl, row.ttl) << row.interval;
    EXPECT_EQ(service("ttl: " + std::to_string(row.ttl),
                      std::string("protocol: TCP, interval: ") + row.interval)
                  .ttl,
              row.ttl);
  }
}

// One service, at a provider of `kind`.
std::string at_provider(const std::string& kind, const std::string& service) {
  return "providers: {p: {" + kind +
         "}}\nservices: [{zone: example.com, fqdn: www.example.com, monitor: {protocol: TCP, "
         "interval: 10s, timeout: 1, port: 1}, " +
         service + "}]\n";
}

const std::string kCloudflare = "type: cloudflare, zone_id: z, api_token: t";
const std::string kPowerdns = "type: powerdns, url: \"http://192.0.2.6:8081\", api_key: k";

TEST(Load, NoTtlIsSmallerThanCloudflareKeeps) {
  const std::string addresses = "address: 192.0.2.10, failover_mode: ip, failover_data: 192.0.2.11";
  const auto ttl = [&](const std::string& more, const std::string& given) {
    return good(at_provider(kCloudflare + more, addresses + given)).services[0]->ttl;
  };
  EXPECT_EQ(ttl("", ""), 60u);
  EXPECT_EQ(ttl("", ", ttl: 5"), 60u);
  EXPECT_EQ(ttl(", min_ttl: 30s", ""), 30u);
  EXPECT_TRUE(warnings(at_provider(kCloudflare, addresses)).empty());
  EXPECT_THAT(warnings(at_provider(kCloudflare, addresses + ", ttl: 5")),
              testing::ElementsAre(testing::HasSubstr(
                  "services[0].ttl: is less than Cloudflare keeps; the record gets 60")));
  EXPECT_FALSE(load(at_provider(kCloudflare + ", min_ttl: 29s", addresses)).config);
  EXPECT_EQ(good(at_provider(kPowerdns, addresses)).services[0]->ttl, 5u);
}

TEST(Load, NoBackupOfAnotherKindWhereATypeCannotChange) {
  for (const auto& [kind, name] : {std::pair(kCloudflare, "Cloudflare"), {kPowerdns, "PowerDNS"}}) {
    for (const char* const pair :
         {"address: 192.0.2.10, failover_mode: cname, failover_data: b.example.net",
          "address: a.example.net, failover_mode: ip, failover_data: 192.0.2.11"}) {
      EXPECT_THAT(
          messages(load(at_provider(kind, pair)), Severity::error),
          testing::ElementsAre(testing::HasSubstr(
              std::string("would change the record between an address and a CNAME, which ") + name +
              " cannot do in one step")));
    }
    good(at_provider(kind,
                     "address: a.example.net, failover_mode: cname, failover_data: b.example.net"));
  }
}

TEST(Load, TimeoutsAreSecondsOrDurations) {
  EXPECT_EQ(service("", "protocol: TCP, interval: 1, timeout: 25").monitor->timeout, 25s);
  EXPECT_EQ(service("", "protocol: TCP, interval: 1, timeout: 250ms").monitor->timeout, 250ms);
  EXPECT_EQ(service("", "protocol: TCP, interval: 1, timeout: 1m").monitor->timeout, 60s);
}

TEST(Load, FacilitiesHaveTheNumbersOfSyslog) {
  const std::pair<const char*, int> rows[] = {
      {"kern", 0},      {"user", 1},   {"mail", 2}, {"daemon", 3},    {"auth", 4},
      {"syslog", 5},    {"lpr", 6},    {"news", 7}, {"uucp", 8},      {"cron", 9},
      {"authpriv", 10}, {"ftp", 11},   {"ntp", 12}, {"security", 13}, {"console", 14},
      {"local0", 16},   {"local7", 23}};
  for (const auto& [name, number] : rows) {
    EXPECT_EQ(service(std::string("syslog: {server: 192.0.2.9, facility: ") + name + "}")
                  .telling->syslog.facility,
              number)
        << name;
  }
}

TEST(Load, WordsMeanTheirEnumerators) {
  const std::pair<const char*, Protocol> protocols[] = {
      {"NONE", Protocol::none}, {"http", Protocol::http}, {"Https", Protocol::https},
      {"PING", Protocol::ping}, {"smtp", Protocol::smtp}, {"TCP", Protocol::tcp}};
  for (const auto& [name, value] : protocols) {
    EXPECT_EQ(service("", std::string("interval: 1, protocol: ") + name).monitor->protocol, value)
        << name;
  }
  const std::pair<const char*, Redirects> redirects[] = {
      {"fail", Redirects::fail}, {"follow", Redirects::follow}, {"accept", Redirects::accept}};
  for (const auto& [name, value] : redirects) {
    EXPECT_EQ(service("", std::string("protocol: HTTP, interval: 1, redirects: ") + name)
                  .monitor->redirects,
              value);
  }
  EXPECT_EQ(service("syslog: {server: a, transport: tls, format: rfc5424, delivery: change}")
                .telling->syslog,
            (SyslogSpec{"a", 514, "dynect", 3, SyslogDelivery::change, SyslogTransport::tls,
                        SyslogFormat::rfc5424, "", ""}));
  EXPECT_EQ(service("syslog: {server: a, transport: tcp}").telling->syslog.transport,
            SyslogTransport::tcp);
}

TEST(Load, HeadersAsText) {
  using Headers = std::vector<std::pair<std::string, std::string>>;
  const auto headers = [](const std::string& text) {
    return service("", "protocol: HTTP, interval: 1, header: " + text).monitor->headers;
  };
  EXPECT_EQ(headers("\"X-Probe: hotswapd\\nAccept: text/plain\""),
            (Headers{{"X-Probe", "hotswapd"}, {"Accept", "text/plain"}}));
  EXPECT_EQ(headers("\"A:\\n\\nB:  x:y \\n\""), (Headers{{"A", ""}, {"B", "x:y"}}));
  EXPECT_EQ(headers("\"\""), Headers{});
}

TEST(Load, NotifyEventsAsListOrText) {
  EXPECT_EQ(service("notify_events: [svc, ip]").telling->notify_text, "svc,ip");
  EXPECT_EQ(service("notify_events: [svc, ip]").telling->notify, (NotifyEvents{true, true, false}));
  EXPECT_EQ(service("notify_events: ip , nosrv").telling->notify_text, "ip , nosrv");
  EXPECT_EQ(service("notify_events: \"\"").telling->notify, NotifyEvents{});
  EXPECT_EQ(service("notify_events: []").telling->notify, NotifyEvents{});
}

TEST(Load, NamesAndAddressesAreCanonical) {
  const Config config =
      good(kPrelude +
           "services:\n"
           "  - {zone: Example.COM., fqdn: WWW.example.com., address: \"2001:DB8:0::10\", "
           "failover_mode: ip,\n"
           "     failover_data: \"2001:db8::0:20\", monitor: {protocol: TCP, interval: 1}}\n"
           "  - {zone: example.com, fqdn: _a.example.com, address: Site.Example.net., "
           "failover_mode: cname,\n"
           "     failover_data: Back.Example.net., monitor: {protocol: NONE, interval: 1}}\n");
  ASSERT_EQ(config.services.size(), 2u);
  EXPECT_EQ(config.services[0]->key, (RecordKey{"example.com", "www.example.com"}));
  EXPECT_EQ(config.services[0]->address, "2001:db8::10");
  EXPECT_EQ(config.services[0]->backups[0].data, "2001:db8::20");
  EXPECT_EQ(config.services[1]->address, "site.example.net");
  EXPECT_EQ(config.services[1]->backups[0].mode, FailoverMode::cname);
  EXPECT_EQ(config.services[1]->backups[0].data, "back.example.net");
  EXPECT_FALSE(config.services[1]->backups[0].monitor.has_value());
}

TEST(Load, WhatServicesHaveAlikeIsHeldOnce) {
  const auto one = [](const std::string& name, const std::string& more) {
    return "  - {zone: example.com, fqdn: " + name +
           ".example.com, address: 192.0.2.1, failover_mode: ip, failover_data: 192.0.2.2, " +
           "monitor: {protocol: HTTP, interval: 10s" + more + "}, syslog: {server: 192.0.2.9}}\n";
  };
  const auto config =
      good(kPrelude + "services:\n" + one("a", "") + one("b", "") + one("c", ", path: /up"));
  ASSERT_EQ(config.services.size(), 3u);
  const auto& a = *config.services[0];
  const auto& b = *config.services[1];
  const auto& c = *config.services[2];
  EXPECT_EQ(&*a.monitor, &*b.monitor);
  EXPECT_EQ(&*a.monitor, &**a.backups[0].monitor);
  EXPECT_EQ(&*a.telling, &*c.telling);
  EXPECT_EQ(c.monitor->path, "/up");
  EXPECT_EQ(a.monitor->path, "");
}

TEST(Load, AddressToCnameIsFineOnTheEmbeddedProvider) {
  const ServiceSpec spec = service("", "protocol: HTTP, interval: 1",
                                   "failover_mode: cname\nfailover_data: b.example.net");
  EXPECT_EQ(spec.backups[0].mode, FailoverMode::cname);
}

TEST(Load, TheApexMayHaveAddresses) {
  const Config config = good(
      kPrelude +
      "services: [{zone: example.com, fqdn: example.com, address: 192.0.2.1, failover_mode: ip,\n"
      "  failover_data: 192.0.2.2, monitor: {protocol: TCP, interval: 1}}]\n");
  EXPECT_EQ(config.services.at(0)->key.fqdn, "example.com");
}

TEST(Load, BackupsInherit) {
  const ServiceSpec spec =
      service("", "protocol: HTTP, interval: 10s, timeout: 2s, path: /up, port: 8080, retries: 0",
              "backups:\n"
              "  - {data: 198.51.100.1}\n"
              "  - {data: 198.51.100.2, monitor: {port: 81, protocol: HTTPS}}\n"
              "  - {data: 198.51.100.3, monitor: {protocol: TCP}}\n"
              "  - {data: 198.51.100.4, monitor: none}\n"
              "  - {data: b.example.net, mode: cname, monitor: {protocol: NONE}}");
  ASSERT_EQ(spec.backups.size(), 5u);
  EXPECT_EQ(*spec.backups[0].monitor, spec.monitor);
  ASSERT_TRUE(spec.backups[1].monitor.has_value());
  EXPECT_EQ((*spec.backups[1].monitor)->path, "/up");
  EXPECT_EQ((*spec.backups[1].monitor)->port, 81);
  EXPECT_EQ((*spec.backups[1].monitor)->protocol, Protocol::https);
  ASSERT_TRUE(spec.backups[2].monitor.has_value());
  EXPECT_EQ((*spec.backups[2].monitor)->path, "");
  EXPECT_EQ((*spec.backups[2].monitor)->port, 0);
  EXPECT_EQ((*spec.backups[2].monitor)->timeout, 2s);
  EXPECT_EQ((*spec.backups[2].monitor)->interval, 10s);
  EXPECT_EQ((*spec.backups[2].monitor)->retries, 0);
  EXPECT_FALSE(spec.backups[3].monitor.has_value());
  EXPECT_EQ(spec.backups[3].mode, FailoverMode::ip);
  EXPECT_FALSE(spec.backups[4].monitor.has_value());
}

TEST(Load, EmbeddedZonesAsMapOrList) {
  const Config map = good(
      "dns_listen: [127.0.0.1, \"[::1]:5300\", \"::1\"]\nproviders:\n  here:\n    type: embedded\n "
      "   zones:\n"
      "      Example.com.: {ns: [NS1.example.com.], rname: admin@example.com}\n      example.net:\n"
      "    default_ns: [ns.example.org]\n    proof_deadline: 5s\n    name_servers: [192.0.2.53]\n");
  const ProviderConfig& here = map.providers.at("here");
  ASSERT_TRUE(here.embedded());
  EXPECT_EQ(
      std::get<EmbeddedProviderConfig>(here.kind),
      (EmbeddedProviderConfig{{{"example.com", {{"ns1.example.com", {}}}, "admin@example.com"},
                               {"example.net", {}, "hostmaster@example.net"}},
                              {{"ns.example.org", {}}}}));
  EXPECT_EQ(here.zones, (std::vector<std::string>{"example.com", "example.net"}));
  EXPECT_EQ(here.proof_deadline, 5s);
  EXPECT_EQ(here.name_servers, (std::vector<AddressPort>{{"192.0.2.53", 53}}));
  EXPECT_EQ(map.dns_listen,
            (std::vector<AddressPort>{{"127.0.0.1", 53}, {"::1", 5300}, {"::1", 53}}));
  EXPECT_EQ(to_string(map.dns_listen[1]), "[::1]:5300");
  const Config list =
      good("dns_listen: [127.0.0.1]\nproviders: {here: {type: embedded, zones: [example.com]}}\n");
  EXPECT_EQ(list.providers.at("here").zones, std::vector<std::string>{"example.com"});
  EXPECT_EQ(list.providers.at("here").proof_deadline, 30s);
}

TEST(Load, NameServersMayHaveAddresses) {
  const std::string text =
      "dns_listen: [0.0.0.0, \"::\"]\nproviders:\n  here:\n    type: embedded\n    zones:\n"
      "      example.com:\n"
      "        ns: [{host: NS1.example.com, addresses: [192.0.2.53, \"2001:DB8::53\"]}, "
      "ns.example.org]\n"
      "      example.net:\n"
      "    default_ns: [{host: ns.example.net, addresses: [192.0.2.54]}]\n";
  const Config config = good(text);
  const auto& here = std::get<EmbeddedProviderConfig>(config.providers.at("here").kind);
  EXPECT_EQ(here.zones.at(0).ns,
            (std::vector<NameServerConfig>{{"ns1.example.com", {"192.0.2.53", "2001:db8::53"}},
                                           {"ns.example.org", {}}}));
  EXPECT_EQ(here.default_ns, (std::vector<NameServerConfig>{{"ns.example.net", {"192.0.2.54"}}}));
  EXPECT_TRUE(warnings(text).empty());
}

TEST(Load, AddressesOfANameServerElsewhereHaveNoEffect) {
  EXPECT_EQ(warnings("dns_listen: [0.0.0.0]\nproviders: {here: {type: embedded, zones: "
                     "{example.com: {ns: [{host: ns.example.org, addresses: [192.0.2.1]}]}}}}\n")
                .size(),
            1u);
}

// Each of the three ways in which a name server inside its zone gets an address.
TEST(Load, ANameServerInItsZoneNeedsOneWayToAnAddress) {
  const auto file = [](const std::string& listen, const std::string& ns) {
    std::string text = one_service();
    text.replace(0, kPrelude.size(),
                 "dns_listen: [" + listen +
                     "]\nproviders: {here: {type: embedded, zones: {example.com: {ns: [" + ns +
                     "]}}}}\n");
    return load(text).config.has_value();
  };
  EXPECT_FALSE(file("0.0.0.0", "ns1.example.com"));
  EXPECT_FALSE(file("\"[::]:53\"", "ns1.example.com"));
  EXPECT_TRUE(file("0.0.0.0, 192.0.2.53", "ns1.example.com"));
  EXPECT_TRUE(file("0.0.0.0", "www.example.com"));
  EXPECT_TRUE(file("0.0.0.0", "{host: ns1.example.com, addresses: [192.0.2.53]}"));
  EXPECT_TRUE(file("0.0.0.0", "ns1.example.org"));
}

TEST(Load, EnvironmentFillsAnyString) {
  const Config config = good(
      "site: {code: \"${CODE}-$${x}-$5\", region: \"${A}${B}\"}\nshards: ${N}\napi: {listen: "
      "\"127.0.0.1:${PORT}\"}\n",
      {{"CODE", "ams${A}"}, {"A", "eu"}, {"B", ""}, {"N", "4"}, {"PORT", "8080"}});
  EXPECT_EQ(config.site.code, "ams${A}-${x}-$5");
  EXPECT_EQ(config.site.region, "eu");
  EXPECT_EQ(config.shards, 4);
  EXPECT_EQ(config.api->listen.port, 8080);
}

TEST(Load, ReadsFilesAndTheirRelativePaths) {
  const TemporaryDirectory directory;
  directory.write("hook.key", "s3cret\n");
  const auto file = directory.write("c.yaml",
                                    "state_dir: state\nnotify: {webhooks: [{name: a, url: "
                                    "\"http://a/\", secret_file: hook.key}]}\n");
  const auto result = load_file(file);
  ASSERT_TRUE(result.config.has_value()) << all_messages(result);
  EXPECT_EQ(result.config->state_dir, directory.path() + "/state");
  EXPECT_EQ(result.config->notify.webhooks.at(0).secret.reveal(), "s3cret");
}

TEST(Load, FilesThatCannotBeRead) {
  const auto missing = load_file("/nowhere/hotswapd.yaml");
  EXPECT_EQ(
      all_messages(missing),
      "/nowhere/hotswapd.yaml:1:1: error: (file): cannot be read: No such file or directory\n");
  EXPECT_NE(all_messages(load_file("/")).find("Is a directory"), std::string::npos);
  EXPECT_FALSE(missing.config.has_value());
}

TEST(Load, WarnsOnceOfEveryFeatureThatIsNotBuilt) {
  std::string text = kPrelude + "services:\n";
  for (const char* name : {"a", "b", "c"}) {
    text +=
        std::string("  - {zone: example.com, fqdn: ") + name +
        ".example.com, address: 192.0.2.1, failover_mode: ip, failover_data: 192.0.2.2, "
        "monitor: {protocol: HTTP, interval: 1}, syslog: {server: 192.0.2.9, transport: tcp}}\n";
  }
  EXPECT_EQ(warnings(text),
            std::vector<std::string>{
                "t:4:179: warning: services[0].syslog.transport: not built yet: messages go by "
                "UDP (used in 3 places)"});
}

TEST(Load, ReadsTheServersOfDynamicUpdatesAndWarnsOfWeakKeys) {
  const std::string text =
      "providers:\n"
      "  k: {type: rfc2136, servers: [192.0.2.5, \"[2001:db8::5]:5353\", NS.example.com],\n"
      "      tsig: {name: Key., algorithm: hmac-sha1, secret: \"c2hvcnQ=\"}, guard: value}\n";
  const Config config = good(text);
  const auto& rfc2136 = std::get<Rfc2136ProviderConfig>(config.providers.at("k").kind);
  EXPECT_EQ(
      rfc2136.servers,
      (std::vector<AddressPort>{{"192.0.2.5", 53}, {"2001:db8::5", 5353}, {"ns.example.com", 53}}));
  EXPECT_EQ(rfc2136.guard, UpdateGuard::value);
  EXPECT_EQ(rfc2136.tsig->name, "key");
  EXPECT_EQ(warnings(text),
            (std::vector<std::string>{
                "t:3:37: warning: providers.k.tsig.algorithm: is weak; use hmac-sha256 where the "
                "server can",
                "t:3:56: warning: providers.k.tsig.secret: is short (5 bytes); 32 bytes of random "
                "are right"}));
}

TEST(Load, SaysNothingOfWhatIsBuilt) {
  EXPECT_TRUE(
      load(
          one_service("probe_address: 10.0.0.1\nmode: observe\non_all_down: primary\non_drift: "
                      "enforce\nmax_swaps_per_hour: 3\n"
                      "syslog: {server: 192.0.2.9, delivery: all, transport: udp, format: rfc3164}",
                      "protocol: HTTPS, interval: 1, redirects: fail, status: [200], fall: 2, "
                      "recheck: 10s, "
                      "tls: {verify: false, ca_file: /ca.pem}, header: {A: b}, expected: x",
                      "backups: [{data: 192.0.2.2}, {data: 192.0.2.3, monitor: none}]"))
          .diagnostics.empty());
  EXPECT_TRUE(
      warnings("resolver: {servers: [192.0.2.53, \"[2001:db8::53]:5353\"]}\n" +
               one_service("", "protocol: HTTP, interval: 1",
                           "failover_mode: cname\nfailover_data: b.example.net", "a.example.net"))
          .empty());
}

TEST(Load, WarnsOfWhatHasNoEffectAndOfRoundsThatOverlap) {
  EXPECT_EQ(warnings(one_service("", "protocol: TCP, interval: 1, path: /a, expected: b")),
            (std::vector<std::string>{
                "t:9:49: warning: services[0].monitor.path: path has no effect with TCP",
                "t:9:63: warning: services[0].monitor.expected: expected has no effect with TCP"}));
  EXPECT_EQ(warnings(one_service("", "protocol: HTTP, interval: 10s, retries: 2, timeout: 5")),
            std::vector<std::string>{
                "t:9:67: warning: services[0].monitor.timeout: 3 attempts of 5s may outlast the "
                "interval of 10s; rounds that are missed so are skipped"});
}

TEST(Load, WarnsOfAWitnessThatCountsTwice) {
  const auto witness = [](const char* targets) {
    return warnings(std::string("witness: {need: 2, targets: [") + targets + "]}\n");
  };
  EXPECT_THAT(witness("tcp://192.0.2.1:53, tcp://192.0.2.2:53"), testing::IsEmpty());
  EXPECT_THAT(witness("tcp://192.0.2.1:53, tcp://192.0.2.1:80, ping://192.0.2.1"),
              testing::IsEmpty());
  EXPECT_THAT(witness("\"tcp://[2001:db8::1]:53\", ping://192.0.2.1, \"tcp://[2001:DB8:0::1]:53\""),
              testing::ElementsAre(testing::HasSubstr(
                  "witness.targets: has [2001:db8::1]:53 twice: one host counts for two")));
  EXPECT_THAT(witness("ping://a.example.net, ping://A.example.net"),
              testing::ElementsAre(testing::HasSubstr("has a.example.net twice")));
}

TEST(Load, WarnsOfALatencyThatIsNeverSeen) {
  const auto monitor = [](const char* keys, const char* more = "") {
    return warnings(
        one_service("", std::string("protocol: TCP, interval: 1, retries: 0, ") + keys, more));
  };
  EXPECT_THAT(monitor("timeout: 2, degraded: {latency_above: 1999ms}"), testing::IsEmpty());
  for (const char* never :
       {"timeout: 2, degraded: {latency_above: 2s}", "timeout: 2, degraded: {latency_above: 20s}"})
    EXPECT_THAT(
        monitor(never),
        testing::ElementsAre(testing::HasSubstr("services[0].monitor.degraded: a latency above ")))
        << never;
  EXPECT_THAT(monitor("timeout: 9, degraded: {latency_above: 5s}",
                      "backups: [{data: 192.0.2.2, monitor: {timeout: 3}}, {data: 192.0.2.3}]"),
              testing::ElementsAre(testing::HasSubstr(
                  "services[0].backups[0].monitor.timeout: a latency above 5s is never seen: an "
                  "attempt fails at the timeout of 3s")));
}

TEST(Load, WarnsOfANetworkThatNeverMatches) {
  EXPECT_THAT(warnings("probe_policy: {deny: [0.0.0.0/8, \"::/0\", 0.0.0.0/0], allow: "
                       "[127.0.0.1, \"::1\"]}\n"),
              testing::IsEmpty());
  EXPECT_THAT(warnings("probe_policy: {deny: [10.0.0.0/8, 0.0.0.0]}\n"),
              testing::ElementsAre(testing::HasSubstr(
                  "probe_policy.deny: 0.0.0.0/32 never matches: that address reaches this host's "
                  "loopback and is judged as it; give 127.0.0.0/8")));
  EXPECT_THAT(warnings("probe_policy: {allow: [\"::/128\"]}\n"),
              testing::ElementsAre(testing::HasSubstr("give ::1/128")));
}

TEST(Load, TenThousandServicesInWellUnderASecond) {
  std::string text = kPrelude + "services:\n";
  for (int i = 0; i < 10'000; ++i) {
    text += "  - zone: example.com\n    fqdn: s" + std::to_string(i) +
            ".example.com\n    address: 10." + std::to_string(i / 65536) + "." +
            std::to_string(i / 256 % 256) + "." + std::to_string(i % 256) +
            "\n    failover_mode: ip\n    failover_data: 10.200." + std::to_string(i / 256 % 256) +
            "." + std::to_string(i % 256) +
            "\n    auto_recover: true\n    recovery_delay: 3\n    notify_events: [ip, svc]\n    "
            "monitor:\n"
            "      protocol: HTTP\n      interval: 10s\n      retries: 2\n      timeout: 2\n      "
            "port: 8080\n"
            "      path: /healthz\n";
  }
  const auto start = std::chrono::steady_clock::now();
  const Config config = good(text);
  const auto took = std::chrono::steady_clock::now() - start;
  EXPECT_EQ(config.services.size(), 10'000u);
  // 0.2 s on a slow machine; the bound leaves room for sanitizers.
  EXPECT_LT(took, std::chrono::seconds(20));
  RecordProperty("milliseconds",
                 static_cast<int>(std::chrono::duration_cast<Millis>(took).count()));
}

}  // namespace
}  // namespace hotswapd::test
