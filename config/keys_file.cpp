// The keys of the file but those of services and drills.
#include "config/key_table.hpp"

namespace hotswapd::config {
namespace {

constexpr std::int64_t kSecond = 1'000;

const ObjectSpec* site_keys() {
  static const ObjectSpec spec =
      make_object("site", {
                              {"code", text(1, 32), "LOC", "This site: %sit in messages."},
                              {"region", text(1, 32), "global", "Its region: %reg."},
                          });
  return &spec;
}

const ObjectSpec* api_tls_keys() {
  static const ObjectSpec spec = make_object(
      "api tls", {
                     {"certificate_file", simple(Kind::path), "", "PEM, with its chain.", true},
                     {"key_file", simple(Kind::path), "", "PEM.", true},
                 });
  return &spec;
}

const ObjectSpec* user_keys() {
  static const ObjectSpec spec =
      make_object("user",
                  {
                      {"customer", text(1, 255), "", "Dyn's customer name.", true},
                      {"user", text(1, 255), "", "Log-in name.", true},
                  },
                  {SecretPair{"password_hash", {}, true}});
  return &spec;
}

const ObjectSpec* token_keys() {
  static const ObjectSpec spec =
      make_object("token",
                  {
                      {"name", text(1, 64), "", "What logs call it.", true},
                      {"scope", word({"read", "operate", "events"}), "", "What it may do.", true},
                  },
                  {SecretPair{"token", {}, true}});
  return &spec;
}

const ObjectSpec* rate_limit_keys() {
  static const ObjectSpec spec = make_object(
      "rate_limit", {
                        {"per_second", integer(1, 100'000), "5", "Requests a second."},
                        {"per_minute", integer(1, 1'000'000), "300", "Requests a minute."},
                    });
  return &spec;
}

const ObjectSpec* api_keys() {
  static const ObjectSpec spec = make_object(
      "api",
      {
          {"listen", socket(8053), "", "Address and port.", true},
          {"tls", object(&api_tls_keys), "", "Without it only loopback, unless `insecure`."},
          {"users", list(object(&user_keys), 0, 1000), "", "Who may log in."},
          {"tokens", list(object(&token_keys), 0, 1000), "", "Bearer tokens."},
          {"rate_limit", object(&rate_limit_keys), "", "Absent: off."},
          {"host_names", list(simple(Kind::host_name)), "", "Names the page may be asked by."},
          {"insecure", flag(), "false", "Allow plain HTTP beyond loopback."},
          {"anonymous_read", flag(), "false", "Whether /metrics and the page need no log-in."},
      });
  return &spec;
}

const ObjectSpec* resolver_keys() {
  static const ObjectSpec spec = make_object(
      "resolver", {{"servers", list(socket(53), 0, 16), "", "Default: the system's resolvers."}});
  return &spec;
}

const ObjectSpec* probe_policy_keys() {
  static const ObjectSpec spec =
      make_object("probe_policy",
                  {
                      {"deny", list(simple(Kind::network)), "", "Networks that are not probed."},
                      {"allow", list(simple(Kind::network)), "", "Exceptions; they win."},
                  });
  return &spec;
}

const ObjectSpec* witness_keys() {
  static const ObjectSpec spec =
      make_object("witness", {
                                 {"targets", list(simple(Kind::witness), 1, 64), "",
                                  "tcp://HOST:PORT or ping://HOST.", true},
                                 {"need", integer(1, 64), "1", "How many must answer."},
                             });
  return &spec;
}

const ObjectSpec* name_server_keys() {
  static const ObjectSpec spec =
      make_object("name server", {
                                     {"host", simple(Kind::host_name), "", "Its name.", true},
                                     {"addresses", list(simple(Kind::address), 1, 16), "",
                                      "Its addresses, answered when it lies in the zone.", true},
                                 });
  return &spec;
}

const ObjectSpec* zone_keys() {
  static const ObjectSpec spec =
      make_object("zone", {
                              {"ns", list(name_server(&name_server_keys), 1, 13), "",
                               "Name servers: names, or {host, addresses}. Default: default_ns."},
                              {"rname", simple(Kind::mailbox), "", "Default: hostmaster@ZONE."},
                          });
  return &spec;
}

// What every provider knows, in front of its own keys.
std::vector<Key> with_common(std::string_view type, Type zones_type, std::vector<Key> own) {
  std::vector<Key> keys{
      {"type", word({type}), "", "Kind of provider.", true},
      {"zones", std::move(zones_type), "", "Zones of this provider, also for REST."},
      {"name_servers", list(socket(53), 1, 64), "",
       "Whom the proof asks. Default: the zone's NS set."},
      {"proof_deadline", duration(1 * kSecond, 3600 * kSecond), "30s",
       "How long a swap has to be seen everywhere."},
  };
  for (auto& key : own) keys.push_back(std::move(key));
  return keys;
}

Type zone_names() {
  return list(simple(Kind::host_name), 0, 100'000);
}
Key ca_file() {
  return {"ca_file", simple(Kind::path), "", "Certificates trusted instead of the system's."};
}

const ObjectSpec* embedded_keys() {
  static const ObjectSpec spec = make_object(
      "embedded",
      with_common("embedded", zones(object(&zone_keys)),
                  {{"default_ns", list(name_server(&name_server_keys), 1, 13), "",
                    "Name servers of zones that name none. Default: the host's name."}}));
  return &spec;
}

const ObjectSpec* tsig_keys() {
  static const ObjectSpec spec = make_object(
      "tsig",
      {
          {"name", simple(Kind::host_name), "", "Name of the key.", true},
          {"algorithm",
           word({"hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"}),
           "hmac-sha256", "Must be the server's."},
          {"fudge", duration(1 * kSecond, 300 * kSecond), "300s", "How far the clocks may differ."},
      },
      {SecretPair{"secret", {}, true}});
  return &spec;
}

const ObjectSpec* rfc2136_keys() {
  static const ObjectSpec spec = make_object(
      "rfc2136",
      with_common(
          "rfc2136", zone_names(),
          {
              {"server", host_port(53), "", "The primary name server."},
              {"servers", list(host_port(53), 1, 8), "",
               "Several to be tried in order: each takes updates and answers for the zone."},
              {"tsig", object(&tsig_keys), "", "Absent: updates are not signed."},
              {"transport", word({"tcp", "udp"}), "tcp", "How updates travel."},
              {"guard", word({"generation", "value"}), "generation",
               "generation: a TXT beside the name fences old packets."},
          }),
      {}, {{"server", "servers"}});
  return &spec;
}

const ObjectSpec* powerdns_keys() {
  static const ObjectSpec spec = make_object(
      "powerdns",
      with_common(
          "powerdns", zone_names(),
          {
              {"url", simple(Kind::url), "", "Base of the HTTP API.", true},
              {"server_id", text(1, 255), "localhost", "PowerDNS's own name for the server."},
              ca_file(),
          }),
      {SecretPair{"api_key", {}, true}});
  return &spec;
}

const ObjectSpec* route53_keys() {
  static const ObjectSpec spec = make_object(
      "route53", with_common("route53", zone_names(),
                             {
                                 {"account", text(1, 64), "", "A key of `aws`.", true},
                                 {"hosted_zone_id", text(1, 64), "", "The hosted zone.", true},
                             }));
  return &spec;
}

const ObjectSpec* cloudflare_keys() {
  static const ObjectSpec spec = make_object(
      "cloudflare",
      with_common("cloudflare", zone_names(),
                  {
                      {"zone_id", text(1, 64), "", "The zone's id at Cloudflare.", true},
                      {"url", simple(Kind::url), "https://api.cloudflare.com/client/v4",
                       "Base of the API."},
                      {"min_ttl", duration(30 * kSecond, 86400 * kSecond), "60s",
                       "The smallest TTL that the zone's plan allows."},
                      ca_file(),
                  }),
      {SecretPair{"api_token", {}, true}});
  return &spec;
}

const ObjectSpec* dyn_keys() {
  static const ObjectSpec spec = make_object(
      "dyn",
      with_common("dyn", zone_names(),
                  {
                      {"url", simple(Kind::url), "https://api.dynect.net/REST", "Base of the API."},
                      {"customer", text(1, 255), "", "Customer name.", true},
                      {"user", text(1, 255), "", "User name.", true},
                      ca_file(),
                      {"guard", word({"generation", "value"}), "generation",
                       "generation: a TXT beside the name tells our writes apart."},
                  }),
      {SecretPair{"password", {}, true}});
  return &spec;
}

const ObjectSpec* exec_keys() {
  static const ObjectSpec spec = make_object(
      "exec",
      with_common("exec", zone_names(),
                  {{"command", list(text(0, 4096), 1, 64), "",
                    "Program (absolute path) and its arguments; JSON on stdin and stdout.", true},
                   {"guard", word({"generation", "value"}), "generation",
                    "generation: the program stores one with each write, and compares it."}}));
  return &spec;
}

const ObjectSpec* contact_keys() {
  static const ObjectSpec spec = [] {
    std::vector<Key> keys;
    for (const std::string_view name : {"email", "notify_email", "pager_email"}) {
      keys.push_back({name, simple(Kind::mailbox), "", "Mail address."});
    }
    for (const std::string_view name :
         {"first_name", "last_name", "organization", "address", "address_2", "city", "state",
          "post_code", "country", "phone", "fax", "website"}) {
      keys.push_back({name, text(0, 255), "", "For people."});
    }
    return make_object("contact", std::move(keys));
  }();
  return &spec;
}

const ObjectSpec* smtp_keys() {
  static const ObjectSpec spec =
      make_object("smtp", {
                              {"server", host_port(25), "", "The mail server.", true},
                              {"from", simple(Kind::mailbox), "", "Sender.", true},
                          });
  return &spec;
}

const ObjectSpec* webhook_keys() {
  static const ObjectSpec spec =
      make_object("webhook",
                  {
                      {"name", text(1, 64), "", "What logs call it.", true},
                      {"url", simple(Kind::url), "", "Where events are posted.", true},
                      ca_file(),
                  },
                  {SecretPair{"secret"}});
  return &spec;
}

const ObjectSpec* notify_keys() {
  static const ObjectSpec spec = make_object(
      "notify", {
                    {"smtp", object(&smtp_keys), "", "How mail leaves. Absent: no mail."},
                    {"webhooks", list(object(&webhook_keys), 0, 64), "", "Who is posted to."},
                });
  return &spec;
}

const ObjectSpec* aws_keys() {
  static const ObjectSpec spec =
      make_object("aws account",
                  {
                      {"region", text(1, 64), "", "AWS region.", true},
                      {"endpoint_url", simple(Kind::url), "", "Endpoint of every service."},
                      {"endpoints", map(simple(Kind::url)), "", "Endpoints by service; they win."},
                      {"profile", text(1, 128), "", "Profile of the shared files."},
                      {"access_key_id", text(1, 128), "", "Instead of a profile."},
                      {"role_arn", text(1, 2048), "", "Role to assume."},
                      {"external_id", text(1, 1224), "", "For the role."},
                      {"account_id", text(1, 12), "", "Checked against the caller's account."},
                      {"use_fips", flag(), "false", "Use FIPS endpoints."},
                  },
                  {SecretPair{"secret_access_key"}});
  return &spec;
}

const ObjectSpec* alarm_intake_keys() {
  static const ObjectSpec spec = make_object(
      "alarm_intake",
      {
          {"account", text(1, 64), "", "A key of `aws`.", true},
          {"sqs_queue_url", simple(Kind::url), "", "Queue that alarms arrive in.", true},
      });
  return &spec;
}

const ObjectSpec* etcd_keys() {
  static const ObjectSpec spec = make_object(
      "etcd", {{"endpoints", list(simple(Kind::url), 1, 16), "", "Client URLs.", true}});
  return &spec;
}

const ObjectSpec* cluster_keys() {
  static const ObjectSpec spec =
      make_object("cluster", {
                                 {"etcd", object(&etcd_keys), "", "The shared store.", true},
                                 {"prefix", text(1, 255), "/hotswapd", "Where our keys begin."},
                                 {"quorum", integer(1, 64), "1", "Sites that must say down."},
                             });
  return &spec;
}

}  // namespace

const Type& provider_type() {
  static const Type type = one_of({{"embedded", &embedded_keys},
                                   {"rfc2136", &rfc2136_keys},
                                   {"powerdns", &powerdns_keys},
                                   {"route53", &route53_keys},
                                   {"cloudflare", &cloudflare_keys},
                                   {"dyn", &dyn_keys},
                                   {"exec", &exec_keys}});
  return type;
}

const ObjectSpec* file_keys() {
  static const ObjectSpec spec = make_object(
      "file",
      {
          {"site", object(&site_keys), "", "Where this monitor stands."},
          {"state_dir", simple(Kind::path), "/var/lib/hotswapd",
           "Where state.db lives. Restart needed."},
          {"control_socket", simple(Kind::path), "/run/hotswapd/control.sock",
           "hotswapctl's socket. Restart needed."},
          {"control_group", text(1, 32), "hotswapd",
           "Group whose members may operate. Restart needed."},
          {"shards", integer(0, 256), "0",
           "Probe loops; 0: one for each processor. Restart needed."},
          {"dns_listen", list(socket(53), 0, 64), "",
           "Embedded DNS, UDP and TCP. Absent: off. Restart needed."},
          {"api", object(&api_keys), "",
           "REST, web page, metrics, health. Absent: off. Restart needed."},
          {"resolver", object(&resolver_keys), "", "Who resolves the names that are probed."},
          {"probe_policy", object(&probe_policy_keys), "", "What may be probed."},
          {"witness", object(&witness_keys), "", "Is our own link up? Absent: off."},
          {"providers", map(provider_type()), "", "Who serves the DNS."},
          {"contacts", map(object(&contact_keys)), "", "Whom to tell."},
          {"notify", object(&notify_keys), "", "How to tell."},
          {"services", list(object(&service_keys), 0, 1'000'000), "", "What is watched."},
          {"aws", map(object(&aws_keys)), "", "Accounts of AWS."},
          {"drill_policy", object(&drill_policy_keys), "", "When drills may run."},
          {"drills", map(drill_type()), "", "Failover tests."},
          {"alarm_intake", object(&alarm_intake_keys), "", "Queue of CloudWatch alarms."},
          {"cluster", object(&cluster_keys), "",
           "More than one monitor. Absent: this one decides alone."},
      });
  return &spec;
}

}  // namespace hotswapd::config
