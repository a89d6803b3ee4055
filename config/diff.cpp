#include "config/diff.hpp"

#include <algorithm>
#include <iterator>
#include <map>

namespace hotswapd {
namespace {

template <class T>
void note(std::vector<std::string>& out, const std::string& name, const T& before, const T& after) {
  if (!(before == after)) out.push_back(name);
}

void monitor_fields(std::vector<std::string>& out, const std::string& prefix, const MonitorSpec& a,
                    const MonitorSpec& b) {
  note(out, prefix + "protocol", a.protocol, b.protocol);
  note(out, prefix + "interval", a.interval, b.interval);
  note(out, prefix + "retries", a.retries, b.retries);
  note(out, prefix + "timeout", a.timeout, b.timeout);
  note(out, prefix + "port", a.port, b.port);
  note(out, prefix + "path", a.path, b.path);
  note(out, prefix + "host", a.host, b.host);
  note(out, prefix + "header", a.headers, b.headers);
  note(out, prefix + "expected", a.expected, b.expected);
  note(out, prefix + "status", a.status, b.status);
  note(out, prefix + "redirects", a.redirects, b.redirects);
  note(out, prefix + "tls", a.tls, b.tls);
  note(out, prefix + "degraded", a.degraded_above, b.degraded_above);
}

bool same_targets(const ServiceSpec& a, const ServiceSpec& b) {
  return std::equal(a.backups.begin(), a.backups.end(), b.backups.begin(), b.backups.end(),
                    [](const BackupSpec& x, const BackupSpec& y) {
                      return x.mode == y.mode && x.data == y.data;
                    });
}

bool same_backup_monitors(const ServiceSpec& a, const ServiceSpec& b) {
  return std::equal(
      a.backups.begin(), a.backups.end(), b.backups.begin(), b.backups.end(),
      [](const BackupSpec& x, const BackupSpec& y) { return x.monitor == y.monitor; });
}

ServiceChange compare(const ServiceSpec& a, const ServiceSpec& b) {
  ServiceChange out{b.key, {}, false, false};
  auto& fields = out.fields;
  monitor_fields(fields, "monitor.", a.monitor, b.monitor);
  note(fields, "monitor.fall", a.fall, b.fall);
  note(fields, "monitor.recheck", a.recheck, b.recheck);
  out.probing = !fields.empty() || probed_address(a, 0) != probed_address(b, 0) ||
                !same_targets(a, b) || !same_backup_monitors(a, b);
  out.serving =
      a.address != b.address || !same_targets(a, b) || a.ttl != b.ttl || a.provider != b.provider;
  note(fields, "address", a.address, b.address);
  note(fields, "probe_address", a.probe_address, b.probe_address);
  // A backup's monitor that only follows the service's own is no change of its own.
  if (!same_targets(a, b)) {
    fields.emplace_back("backups");
  } else if (!same_backup_monitors(a, b) && a.monitor == b.monitor) {
    fields.emplace_back("backups.monitor");
  }
  note(fields, "provider", a.provider, b.provider);
  note(fields, "auto_recover", a.auto_recover, b.auto_recover);
  note(fields, "recovery_delay", a.recovery_delay, b.recovery_delay);
  note(fields, "ttl", a.ttl, b.ttl);
  note(fields, "notify_events", a.telling->notify_text, b.telling->notify_text);
  note(fields, "contact_nickname", a.telling->contact, b.telling->contact);
  note(fields, "syslog", a.telling->syslog, b.telling->syslog);
  note(fields, "mode", a.mode, b.mode);
  note(fields, "on_all_down", a.on_all_down, b.on_all_down);
  note(fields, "on_drift", a.on_drift, b.on_drift);
  note(fields, "max_swaps_per_hour", a.max_swaps_per_hour, b.max_swaps_per_hour);
  note(fields, "rto", a.rto, b.rto);
  note(fields, "maintenance", a.maintenance, b.maintenance);
  return out;
}

void services(const Config& before, const Config& after, ConfigDiff& out) {
  std::map<RecordKey, const ServiceSpec*> old;
  for (const ServiceSpec& service : before.services) old.emplace(service.key, &service);
  for (const ServiceSpec& service : after.services) {
    const auto found = old.find(service.key);
    if (found == old.end()) {
      out.added.push_back(service.key);
      continue;
    }
    if (!(*found->second == service)) out.changed.push_back(compare(*found->second, service));
    old.erase(found);
  }
  for (const ServiceSpec& service : before.services) {
    if (old.contains(service.key)) out.removed.push_back(service.key);
  }
}

void api(const std::optional<ApiConfig>& before, const std::optional<ApiConfig>& after,
         ConfigDiff& out) {
  if (before == after) return;
  if (before.has_value() != after.has_value()) {
    out.sections.emplace_back("api.listen");
    return;
  }
  auto& names = out.sections;
  note(names, "api.listen", before->listen, after->listen);
  note(names, "api.tls", before->tls, after->tls);
  note(names, "api.users", before->users, after->users);
  note(names, "api.tokens", before->tokens, after->tokens);
  note(names, "api.rate_limit", before->rate_limit, after->rate_limit);
  note(names, "api.host_names", before->host_names, after->host_names);
  note(names, "api.insecure", before->insecure, after->insecure);
  note(names, "api.anonymous_read", before->anonymous_read, after->anonymous_read);
}

// What a reload keeps as it was: it is opened, or handed to what is opened, once at the start.
bool fixed_at_start(std::string_view name) {
  constexpr std::string_view fixed[] = {"state_dir", "control_socket", "control_group",
                                        "shards",    "dns_listen",     "api.listen",
                                        "api.tls",   "api.insecure"};
  return std::find(std::begin(fixed), std::end(fixed), name) != std::end(fixed);
}

void append(std::string& out, const char* what, const std::vector<std::string>& names) {
  if (names.empty()) return;
  out += what;
  const char* separator = ": ";
  for (const auto& name : names) {
    out += separator + name;
    separator = ", ";
  }
  out += '\n';
}

}  // namespace

ConfigDiff diff(const Config& before, const Config& after) {
  ConfigDiff out;
  services(before, after, out);
  auto& names = out.sections;
  note(names, "site", before.site, after.site);
  note(names, "state_dir", before.state_dir, after.state_dir);
  note(names, "control_socket", before.control_socket, after.control_socket);
  note(names, "control_group", before.control_group, after.control_group);
  note(names, "shards", before.shards, after.shards);
  note(names, "dns_listen", before.dns_listen, after.dns_listen);
  api(before.api, after.api, out);
  note(names, "resolver", before.resolver, after.resolver);
  note(names, "probe_policy", before.probe_policy, after.probe_policy);
  note(names, "witness", before.witness, after.witness);
  note(names, "providers", before.providers, after.providers);
  note(names, "contacts", before.contacts, after.contacts);
  note(names, "notify", before.notify, after.notify);
  note(names, "aws", before.aws, after.aws);
  note(names, "drill_policy", before.drill_policy, after.drill_policy);
  note(names, "drills", before.drills, after.drills);
  note(names, "alarm_intake", before.alarm_intake, after.alarm_intake);
  note(names, "cluster", before.cluster, after.cluster);
  std::copy_if(names.begin(), names.end(), std::back_inserter(out.restart), fixed_at_start);
  return out;
}

void share_equal_services(const Config& before, Config& after) {
  std::map<RecordKey, const Shared<ServiceSpec>*> old;
  for (const auto& service : before.services) old.emplace(service->key, &service);
  for (auto& service : after.services) {
    const auto found = old.find(service->key);
    if (found != old.end() && *found->second == service) service = *found->second;
  }
}

std::string to_string(const ConfigDiff& diff) {
  if (diff.empty()) return "nothing changes\n";
  std::string out;
  for (const auto& key : diff.added) out += "add " + key.fqdn + '\n';
  for (const auto& key : diff.removed) out += "remove " + key.fqdn + '\n';
  for (const auto& change : diff.changed)
    append(out, ("change " + change.key.fqdn).c_str(), change.fields);
  append(out, "change settings", diff.sections);
  append(out, "only a restart changes", diff.restart);
  return out;
}

}  // namespace hotswapd
