// The configuration as plain structs: validated, every default filled in, secrets read. Equal
// configurations compare equal.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/secret.hpp"
#include "core/service_spec.hpp"
#include "core/shared.hpp"
#include "core/time.hpp"

namespace hotswapd {

// `address` is a canonical IP address where the key says so, else it may be a host name in lower
// case without final dot.
struct AddressPort {
  std::string address;
  std::uint16_t port = 0;  // 0 in dns_listen and api.listen: the system picks one
  bool operator==(const AddressPort&) const = default;
};
std::string to_string(const AddressPort& value);  // "192.0.2.1:53", "[2001:db8::1]:53"

// Canonical network address without host bits.
struct Cidr {
  std::string address;
  int prefix = 0;
  bool operator==(const Cidr&) const = default;
};

struct SiteConfig {
  std::string code = "LOC";       // %sit
  std::string region = "global";  // %reg
  bool operator==(const SiteConfig&) const = default;
};

struct ApiTls {
  std::string certificate_file;
  std::string key_file;
  bool operator==(const ApiTls&) const = default;
};

struct ApiUser {
  std::string customer;
  std::string user;
  Secret password_hash;  // crypt(3)
  bool operator==(const ApiUser&) const = default;
};

enum class TokenScope : std::uint8_t { read, operate, events };

struct ApiToken {
  std::string name;
  Secret token;
  TokenScope scope = TokenScope::read;
  bool operator==(const ApiToken&) const = default;
};

struct RateLimit {
  int per_second = 5;
  int per_minute = 300;
  bool operator==(const RateLimit&) const = default;
};

struct ApiConfig {
  AddressPort listen;  // an IP address
  std::optional<ApiTls> tls;
  std::vector<ApiUser> users;
  std::vector<ApiToken> tokens;
  std::optional<RateLimit> rate_limit;
  std::vector<std::string> host_names;
  bool insecure = false;
  bool anonymous_read = false;
  bool operator==(const ApiConfig&) const = default;
};

struct ResolverConfig {
  std::vector<AddressPort> servers;  // empty: the system's
  bool operator==(const ResolverConfig&) const = default;
};

struct ProbePolicy {
  std::vector<Cidr> deny;
  std::vector<Cidr> allow;
  bool operator==(const ProbePolicy&) const = default;
};

struct WitnessTarget {
  bool ping = false;  // else TCP
  AddressPort target;
  bool operator==(const WitnessTarget&) const = default;
};

struct WitnessConfig {
  std::vector<WitnessTarget> targets;
  int need = 1;
  bool operator==(const WitnessConfig&) const = default;
};

// A plain name in the file, or a map with the addresses.
struct NameServerConfig {
  std::string host;
  // For a host inside its zone; empty: a service of its name, or the addresses of dns_listen.
  std::vector<std::string> addresses;
  bool operator==(const NameServerConfig&) const = default;
};

struct EmbeddedZone {
  std::string name;
  // Empty: EmbeddedProviderConfig::default_ns, and without that the host's name.
  std::vector<NameServerConfig> ns;
  std::string rname;  // "hostmaster@example.com"
  bool operator==(const EmbeddedZone&) const = default;
};

struct EmbeddedProviderConfig {
  std::vector<EmbeddedZone> zones;
  std::vector<NameServerConfig> default_ns;
  bool operator==(const EmbeddedProviderConfig&) const = default;
};

enum class TsigAlgorithm : std::uint8_t {
  hmac_sha1,
  hmac_sha224,
  hmac_sha256,
  hmac_sha384,
  hmac_sha512
};

struct TsigKey {
  std::string name;
  TsigAlgorithm algorithm = TsigAlgorithm::hmac_sha256;
  Secret secret;  // base64, as key files carry it; checked
  Seconds fudge{300};
  bool operator==(const TsigKey&) const = default;
};

enum class UpdateTransport : std::uint8_t { tcp, udp };
enum class UpdateGuard : std::uint8_t { generation, value };

struct Rfc2136ProviderConfig {
  std::vector<AddressPort> servers;  // never empty; tried in this order
  std::optional<TsigKey> tsig;
  UpdateTransport transport = UpdateTransport::tcp;
  UpdateGuard guard = UpdateGuard::generation;
  bool operator==(const Rfc2136ProviderConfig&) const = default;
};

struct PowerdnsProviderConfig {
  std::string url;
  Secret api_key;
  std::string server_id = "localhost";
  std::string ca_file;  // empty: the system's bundle
  bool operator==(const PowerdnsProviderConfig&) const = default;
};

struct Route53ProviderConfig {
  std::string account;  // name in Config::aws
  std::string hosted_zone_id;
  bool operator==(const Route53ProviderConfig&) const = default;
};

struct CloudflareProviderConfig {
  std::string url = "https://api.cloudflare.com/client/v4";
  Secret api_token;
  std::string zone_id;
  Seconds min_ttl{60};  // no service of it has a smaller one
  std::string ca_file;
  bool operator==(const CloudflareProviderConfig&) const = default;
};

struct DynProviderConfig {
  std::string url = "https://api.dynect.net/REST";
  std::string customer;
  std::string user;
  Secret password;
  std::string ca_file;
  UpdateGuard guard = UpdateGuard::generation;
  bool operator==(const DynProviderConfig&) const = default;
};

struct ExecProviderConfig {
  std::vector<std::string> command;  // never empty; the first is an absolute path
  UpdateGuard guard = UpdateGuard::generation;
  bool operator==(const ExecProviderConfig&) const = default;
};

struct ProviderConfig {
  std::string name;
  std::variant<EmbeddedProviderConfig, Rfc2136ProviderConfig, PowerdnsProviderConfig,
               Route53ProviderConfig, CloudflareProviderConfig, DynProviderConfig,
               ExecProviderConfig>
      kind;
  std::vector<std::string> zones;         // names; for an embedded one also in its `zones`
  std::vector<AddressPort> name_servers;  // whom the proof asks; empty: the zone's NS set
  Seconds proof_deadline{30};

  const char* type_name() const noexcept;  // "embedded"
  bool embedded() const noexcept { return std::holds_alternative<EmbeddedProviderConfig>(kind); }
  bool operator==(const ProviderConfig&) const = default;
};

// Dyn's contact; every field may be empty.
struct Contact {
  std::string nickname;
  std::string email, first_name, last_name, organization;
  std::string address, address_2, city, state, post_code, country;
  std::string phone, fax, notify_email, pager_email, website;
  bool operator==(const Contact&) const = default;
};

struct SmtpConfig {
  AddressPort server;
  std::string from;
  bool operator==(const SmtpConfig&) const = default;
};

struct WebhookConfig {
  std::string name;
  std::string url;
  Secret secret;  // empty: not signed
  std::string ca_file;
  bool operator==(const WebhookConfig&) const = default;
};

struct NotifyConfig {
  std::optional<SmtpConfig> smtp;
  std::vector<WebhookConfig> webhooks;
  bool operator==(const NotifyConfig&) const = default;
};

struct AwsAccount {
  std::string name;
  std::string region, endpoint_url, profile;
  std::string access_key_id;
  Secret secret_access_key;
  std::string role_arn, external_id, account_id;
  std::map<std::string, std::string> endpoints;  // service -> URL
  bool use_fips = false;
  bool operator==(const AwsAccount&) const = default;
};

// "Mon-Fri 09:00-17:00 UTC". A window whose end is not after its start runs into the next day.
struct WeeklyWindow {
  std::uint8_t days = 0;  // bit 0 is Monday
  std::chrono::minutes from{0};
  std::chrono::minutes to{0};
  bool operator==(const WeeklyWindow&) const = default;
};

struct DrillPolicy {
  bool enabled = false;
  int max_concurrent = 1;
  Seconds settle_before{600};
  Seconds settle_after{120};
  Seconds cool_down{3600};
  std::optional<int> max_per_day;
  std::string kill_switch = "/etc/hotswapd/stop-drills";
  std::vector<WeeklyWindow> windows;  // empty: always
  bool operator==(const DrillPolicy&) const = default;
};

struct SupportCase {
  std::vector<std::string> cc;
  std::string severity = "urgent";
  bool operator==(const SupportCase&) const = default;
};

struct DirectConnectDrill {
  std::string virtual_interface_id;
  std::vector<std::string> bgp_peers;            // empty: all
  std::optional<std::chrono::minutes> duration;  // absent: 10, alarm-driven 180
  std::vector<std::string> vifs;
  int min_available = 1;
  std::optional<SupportCase> support_case;
  bool on_alarm = false;
  bool operator==(const DirectConnectDrill&) const = default;
};

struct ElasticacheDrill {
  std::string replication_group_id;
  std::string node_group_id;
  bool operator==(const ElasticacheDrill&) const = default;
};

struct FisDrill {
  std::string experiment_template_id;
  std::map<std::string, std::string> tags;
  bool require_stop_condition = true;
  bool operator==(const FisDrill&) const = default;
};

struct DrillConfig {
  std::string name;
  std::variant<DirectConnectDrill, ElasticacheDrill, FisDrill> kind;
  std::string account;
  std::vector<std::string> require_ok;  // fqdns
  Seconds abort_if_down{60};
  std::optional<Millis> recheck;
  std::string sns_topic_arn;
  bool operator==(const DrillConfig&) const = default;
};

struct AlarmIntake {
  std::string account;
  std::string sqs_queue_url;
  bool operator==(const AlarmIntake&) const = default;
};

struct ClusterConfig {
  std::vector<std::string> etcd_endpoints;
  std::string prefix = "/hotswapd";
  int quorum = 1;
  bool operator==(const ClusterConfig&) const = default;
};

struct Config {
  SiteConfig site;
  std::string state_dir = "/var/lib/hotswapd";
  std::string control_socket = "/run/hotswapd/control.sock";
  std::string control_group = "hotswapd";
  int shards = 0;                       // probe loops; 0: one for each processor
  std::vector<AddressPort> dns_listen;  // IP addresses; empty: off
  std::optional<ApiConfig> api;
  ResolverConfig resolver;
  ProbePolicy probe_policy;
  std::optional<WitnessConfig> witness;
  std::map<std::string, ProviderConfig> providers;
  std::map<std::string, Contact> contacts;
  NotifyConfig notify;
  std::vector<Shared<ServiceSpec>> services;
  std::map<std::string, AwsAccount> aws;
  DrillPolicy drill_policy;
  std::map<std::string, DrillConfig> drills;
  std::optional<AlarmIntake> alarm_intake;
  std::optional<ClusterConfig> cluster;
  bool operator==(const Config&) const = default;
};

}  // namespace hotswapd
