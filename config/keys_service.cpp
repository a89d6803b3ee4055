// The keys of a service: Dyn's own first, then ours.
#include "config/key_table.hpp"

namespace hotswapd::config {
namespace {

constexpr std::int64_t kSecond = 1'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kDay = 24 * 60 * kMinute;

const ObjectSpec* tls_keys() {
  static const ObjectSpec spec = make_object(
      "tls",
      {
          {"verify", flag(), "true", "Whether the certificate must be valid for the name."},
          {"ca_file", simple(Kind::path), "", "Certificates trusted instead of the system's."},
          {"warn_expiry", duration(0, 3650 * kDay), "21d",
           "How long before its end a certificate is told of."},
      });
  return &spec;
}

const ObjectSpec* degraded_keys() {
  static const ObjectSpec spec = make_object(
      "degraded",
      {{"latency_above", duration(1, 60 * kSecond), "",
        "Latency above which the address is shown as degraded; it never swaps.", true}});
  return &spec;
}

std::vector<Key> probe_keys(bool whole) {
  return {
      // The order of the words is that of enum Protocol.
      {"protocol", word({"NONE", "HTTP", "HTTPS", "PING", "SMTP", "TCP"}, true), "",
       "How the address is probed.", whole},
      {"interval", duration(1 * kSecond, kDay, Unit::dyn_minutes), "",
       "Time from round to round: 1, 5, 10 or 15 (minutes), or a duration from 1s.", whole},
      {"retries", integer(0, 10), "1", "Attempts after the first, at once, while it fails."},
      {"timeout", duration(10, 60 * kSecond, Unit::seconds), "10",
       "Deadline of one attempt, from resolving to the answer: seconds, or a duration."},
      {"port", integer(1, 65535), "", "Default: 80 for HTTP and TCP, 443 for HTTPS, 25 for SMTP."},
      {"path", text(0, 2048), "", "HTTP(S): what is asked for; a 2xx is needed then."},
      {"host", text(0, 255), "", "HTTP(S): Host and SNI. Default: the service's fqdn."},
      {"header", simple(Kind::headers), "", "HTTP(S): extra header lines, as text or as a map."},
      {"expected", any_text(0, 4096), "", "Text that the body (SMTP: the banner) must contain."},
      {"status", simple(Kind::status_list), "",
       "HTTP(S): the statuses that are up; absent: `path` decides."},
      {"redirects", word({"fail", "follow", "accept"}), "fail", "HTTP(S): what a 3xx means."},
      {"tls", object(&tls_keys), "", "HTTPS: what is asked of the certificate."},
      {"degraded", object(&degraded_keys), "", "When an answer counts as slow. Absent: never."},
  };
}

const ObjectSpec* monitor_keys() {
  static const ObjectSpec spec = [] {
    auto keys = probe_keys(true);
    keys.push_back(
        {"fall", integer(1, 100), "1", "Bad rounds in sequence before the address is down."});
    keys.push_back({"recheck", duration(100, kDay, Unit::seconds), "interval",
                    "Interval while a change is pending; never longer than `interval`."});
    return make_object("monitor", std::move(keys));
  }();
  return &spec;
}

const ObjectSpec* backup_monitor_keys() {
  static const ObjectSpec spec = [] {
    auto keys = probe_keys(false);
    std::erase_if(keys, [](const Key& key) { return key.name == "interval"; });
    return make_object("monitor", std::move(keys));
  }();
  return &spec;
}

const ObjectSpec* backup_keys() {
  static const ObjectSpec spec = make_object(
      "backup",
      {
          {"mode", word({"ip", "cname"}), "", "Default: ip for an address, cname for a host name."},
          {"data", simple(Kind::host), "", "The address or host name served instead.", true},
          {"monitor", object_or_none(&backup_monitor_keys), "",
           "What differs from the service's monitor, or `none`: not probed."},
      });
  return &spec;
}

const ObjectSpec* syslog_keys() {
  static const ObjectSpec spec = make_object(
      "syslog",
      {
          {"server", text(0, 253), "", "Address or host name of the collector; empty: off.", true},
          {"port", integer(1, 65535), "514", "Port of the collector."},
          {"ident", text(1, 32), "dynect",
           "Program name in the message: printable, no blank, no colon."},
          {"facility", word({"kern",   "user",     "mail",    "daemon", "auth",     "syslog",
                             "lpr",    "news",     "uucp",    "cron",   "authpriv", "ftp",
                             "ntp",    "security", "console", "local0", "local1",   "local2",
                             "local3", "local4",   "local5",  "local6", "local7"}),
           "daemon", "Syslog facility."},
          {"delivery", word({"all", "change"}), "change", "Every probe, or changes only."},
          {"transport", word({"udp", "tcp", "tls"}), "udp", "How messages travel."},
          {"format", word({"rfc3164", "rfc5424"}), "rfc3164", "Form of the message."},
          {"probe_fmt", text(0, 1024), "", "Text of a probe message; empty: the built-in one."},
          {"status_fmt", text(0, 1024), "", "Text of a status message; empty: the built-in one."},
      });
  return &spec;
}

const ObjectSpec* maintenance_keys() {
  static const ObjectSpec spec = make_object(
      "maintenance", {
                         {"from", simple(Kind::time), "", "Begin, UTC.", true},
                         {"to", simple(Kind::time), "", "End, UTC; later than `from`.", true},
                         {"swaps", flag(), "false", "Whether swaps are made meanwhile."},
                         {"tell", flag(), "false", "Whether people are told meanwhile."},
                     });
  return &spec;
}

}  // namespace

const ObjectSpec* service_keys() {
  static const ObjectSpec spec = make_object(
      "service",
      {
          {"zone", simple(Kind::host_name), "", "The DNS zone.", true},
          {"fqdn", simple(Kind::host_name), "",
           "The name whose record is swapped; inside the zone.", true},
          {"address", simple(Kind::host), "", "What is served normally: IPv4, IPv6 or host name.",
           true},
          {"failover_mode", word({"ip", "cname"}), "",
           "What `failover_data` is: an address or a host name."},
          {"failover_data", simple(Kind::host), "", "What is served when the address is down."},
          {"backups", list(object(&backup_keys), 1, 64), "",
           "Ordered list that replaces failover_mode and failover_data."},
          {"monitor", object(&monitor_keys), "", "How the addresses are probed.", true},
          {"contact_nickname", text(1, 255), "", "Who is told: a key of `contacts`."},
          {"auto_recover", flag(), "true", "Whether the primary is served again by itself."},
          {"notify_events", simple(Kind::events), "", "What is told: ip, svc, nosrv."},
          {"ttl", integer(1, 43'200), "",
           "Seconds, 1 to half the interval. Default: that maximum."},
          {"recovery_delay", integer(0, 100), "0",
           "Good rounds in sequence before recovery; 0 and 1: the first."},
          {"syslog", object(&syslog_keys), "",
           "Where this service's messages go. Absent: nowhere."},
          {"provider", text(1, 64), "", "A key of `providers`; may be left out when there is one."},
          {"probe_address", simple(Kind::host), "address", "Where the primary is probed."},
          {"mode", word({"act", "observe"}), "act", "observe: decide and report, never write."},
          {"on_all_down", word({"hold", "primary"}), "hold", "What is served when nothing is up."},
          {"on_drift", word({"hold", "enforce"}), "hold",
           "What to do when someone else changed the record."},
          {"max_swaps_per_hour", integer(1, 3600), "6", "Moves by decision, both ways."},
          {"rto", duration(1 * kSecond, 30 * kDay), "",
           "Recovery time objective; must cover the worst case."},
          {"maintenance", list(object(&maintenance_keys), 0, 1000), "", "Announced times of work."},
      });
  return &spec;
}

}  // namespace hotswapd::config
