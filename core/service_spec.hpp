// What the operator asked for, service by service: validated, with every default filled in. Made by
// config/ (and the REST interface), read by monitor/ and probes/. Equal specifications compare
// equal: that is how a reload finds changes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/record.hpp"
#include "core/shared.hpp"
#include "core/time.hpp"

namespace hotswapd {

enum class Protocol : std::uint8_t { none, http, https, ping, smtp, tcp };
enum class Redirects : std::uint8_t { fail, follow, accept };

// Inclusive, 100 .. 599.
struct StatusRange {
  int first = 200;
  int last = 299;
  bool operator==(const StatusRange&) const = default;
};

struct TlsSpec {
  bool verify = true;
  std::string ca_file;  // empty: the system's bundle
  Seconds warn_expiry = std::chrono::hours(24 * 21);
  bool operator==(const TlsSpec&) const = default;
};

// One health monitor: how a target is probed. Dyn's fields first, then ours.
struct MonitorSpec {
  Protocol protocol = Protocol::none;
  Millis interval{60'000};
  int retries = 1;         // attempts after the first while it fails
  Millis timeout{10'000};  // of one attempt, over resolve + connect + TLS + exchange
  std::uint16_t port = 0;  // 0: the protocol's own
  std::string path;        // empty: any answer is up
  std::string host;        // empty: the service's fqdn
  std::vector<std::pair<std::string, std::string>> headers;
  std::string expected;
  std::vector<StatusRange> status;  // empty: not given
  Redirects redirects = Redirects::fail;
  TlsSpec tls;
  std::optional<Millis> degraded_above;  // latency; shown and told, never swaps
  bool operator==(const MonitorSpec&) const = default;
};

// The port that is really used.
std::uint16_t effective_port(const MonitorSpec& monitor) noexcept;
const char* to_string(Protocol protocol) noexcept;  // "HTTP"

enum class FailoverMode : std::uint8_t { ip, cname };

struct BackupSpec {
  FailoverMode mode = FailoverMode::ip;
  std::string data;  // canonical address, or host name in lower case without final dot
  // Absent: `monitor: none`, not probed. The configuration shares it among those that are alike.
  std::optional<Shared<MonitorSpec>> monitor;
  bool operator==(const BackupSpec&) const = default;
};

enum class SyslogDelivery : std::uint8_t { all, change };
enum class SyslogTransport : std::uint8_t { udp, tcp, tls };
enum class SyslogFormat : std::uint8_t { rfc3164, rfc5424 };

struct SyslogSpec {
  std::string server;  // host or address; empty: off
  std::uint16_t port = 514;
  std::string ident = "dynect";
  int facility = 3;  // its number: 3 is `daemon`
  SyslogDelivery delivery = SyslogDelivery::change;
  SyslogTransport transport = SyslogTransport::udp;
  SyslogFormat format = SyslogFormat::rfc3164;
  std::string probe_fmt;   // empty: built in
  std::string status_fmt;  // empty: built in
  bool operator==(const SyslogSpec&) const = default;
};

// Which events people are told of by mail and webhook.
struct NotifyEvents {
  bool ip = false;
  bool svc = false;
  bool nosrv = false;
  bool operator==(const NotifyEvents&) const = default;
};

// Who is told of a service, and of what.
struct TellingSpec {
  NotifyEvents notify;
  std::string notify_text;  // as it was given
  std::string contact;
  SyslogSpec syslog;
  bool operator==(const TellingSpec&) const = default;
};

enum class ServiceMode : std::uint8_t { act, observe };
enum class OnAllDown : std::uint8_t { hold, primary };
enum class OnDrift : std::uint8_t { hold, enforce };

struct MaintenanceWindow {
  WallTime from;
  WallTime to;
  bool swaps = false;  // may swap meanwhile
  bool tell = false;   // people are told meanwhile
  bool operator==(const MaintenanceWindow&) const = default;
};

struct ServiceSpec {
  RecordKey key;
  std::string address;        // published when the primary serves: canonical address, or host name
  std::string probe_address;  // where the primary is probed; empty: `address`
  Shared<MonitorSpec> monitor;      // as its backups', one for all services that are alike
  std::vector<BackupSpec> backups;  // in order of preference, at least one
  std::string provider;             // name in Config::providers
  bool auto_recover = true;
  int recovery_delay = 0;       // good rounds in sequence; 0 and 1: the first good one
  std::uint32_t ttl = 30;       // seconds
  int fall = 1;                 // bad rounds in sequence before down
  Millis recheck{60'000};       // interval while a change is pending; <= monitor.interval
  Shared<TellingSpec> telling;  // one for all services that are alike
  ServiceMode mode = ServiceMode::act;
  OnAllDown on_all_down = OnAllDown::hold;
  OnDrift on_drift = OnDrift::hold;
  int max_swaps_per_hour = 6;
  std::optional<Seconds> rto;
  std::vector<MaintenanceWindow> maintenance;
  bool operator==(const ServiceSpec&) const = default;
};

// Where a target is probed: 0 is the primary, 1 + i backup i. Canonical address, or host name.
const std::string& probed_address(const ServiceSpec& service, std::size_t target) noexcept;

}  // namespace hotswapd
