#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "config/read.hpp"
#include "core/record.hpp"
#include "core/text.hpp"

namespace hotswapd::config {
namespace {

constexpr std::size_t kLongestSocketPath = 107;  // sun_path less its final NUL

std::set<std::string, std::less<>> names_of(Object& root, std::string_view key) {
  std::set<std::string, std::less<>> out;
  const Node* map = root.raw(key);
  if (map == nullptr || map->kind != NodeKind::mapping) return out;
  const Source& source = root.reader().source();
  for (const Node* item = source.first_child(*map); item != nullptr;) {
    out.emplace(source.resolve(*item).text);
    item = source.next_sibling(*source.next_sibling(*item));
  }
  return out;
}

bool word_without_blanks(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

void read_site(Object& o, SiteConfig& site) {
  for (const auto& [key, member] :
       {std::pair{"code", &SiteConfig::code}, std::pair{"region", &SiteConfig::region}}) {
    if (o.take(key, site.*member) && !word_without_blanks(site.*member)) {
      o.error(key, "must be printable ASCII without blanks");
    }
  }
}

std::vector<AddressPort> sockets(Object& o, std::string_view key) {
  std::vector<AddressPort> out;
  for (auto& value : o.scalars(key)) {
    out.push_back({std::move(value.text), static_cast<std::uint16_t>(value.number)});
  }
  return out;
}

std::vector<Cidr> networks(Object& o, std::string_view key) {
  std::vector<Cidr> out;
  for (auto& value : o.scalars(key))
    out.push_back({std::move(value.text), static_cast<int>(value.number)});
  return out;
}

// What is connected to as 0.0.0.0 or :: is judged as loopback, so a network of nothing else never
// holds an address that is probed.
bool only_unspecified(const Cidr& network) {
  return (network.address == "0.0.0.0" && network.prefix == 32) ||
         (network.address == "::" && network.prefix == 128);
}

void read_probe_policy(Object& o, ProbePolicy& policy) {
  policy.deny = networks(o, "deny");
  policy.allow = networks(o, "allow");
  for (const auto& [key, list] :
       {std::pair{"deny", &policy.deny}, std::pair{"allow", &policy.allow}}) {
    const auto found = std::find_if(list->begin(), list->end(), only_unspecified);
    if (found == list->end()) continue;
    o.warning(key, found->address + "/" + std::to_string(found->prefix) +
                       " never matches: that address reaches this host's loopback and is judged "
                       "as it; give " +
                       (found->prefix == 32 ? "127.0.0.0/8" : "::1/128"));
  }
}

void read_witness(Object& o, WitnessConfig& witness) {
  for (auto& value : o.scalars("targets")) {
    WitnessTarget target;
    target.ping = value.second == 1;
    target.target = {std::move(value.text),
                     static_cast<std::uint16_t>(target.ping ? 0 : value.number)};
    const bool twice =
        std::find(witness.targets.begin(), witness.targets.end(), target) != witness.targets.end();
    if (twice) {
      o.warning("targets", "has " +
                               (target.ping ? target.target.address : to_string(target.target)) +
                               " twice: one host counts for two");
    }
    witness.targets.push_back(std::move(target));
  }
  o.take("need", witness.need);
  if (!witness.targets.empty() && witness.need > static_cast<int>(witness.targets.size())) {
    o.error("need", "is more than the " +
                        counted(static_cast<long long>(witness.targets.size()), "target"));
  }
}

void read_contact(Object& o, Contact& contact) {
  using Field = std::string Contact::*;
  static constexpr std::pair<std::string_view, Field> fields[] = {
      {"email", &Contact::email},
      {"first_name", &Contact::first_name},
      {"last_name", &Contact::last_name},
      {"organization", &Contact::organization},
      {"address", &Contact::address},
      {"address_2", &Contact::address_2},
      {"city", &Contact::city},
      {"state", &Contact::state},
      {"post_code", &Contact::post_code},
      {"country", &Contact::country},
      {"phone", &Contact::phone},
      {"fax", &Contact::fax},
      {"notify_email", &Contact::notify_email},
      {"pager_email", &Contact::pager_email},
      {"website", &Contact::website},
  };
  for (const auto& [key, member] : fields) o.take(key, contact.*member);
}

void read_notify(Object& o, NotifyConfig& notify) {
  o.object("smtp", [&](Object& smtp) {
    auto& out = notify.smtp.emplace();
    smtp.take("server", out.server);
    smtp.take("from", out.from);
  });
  o.each("webhooks", [&](Object& hook) {
    WebhookConfig out;
    hook.take("name", out.name);
    hook.take("url", out.url);
    hook.take_secret("secret", out.secret);
    hook.take_path("ca_file", out.ca_file);
    const bool twice = std::any_of(notify.webhooks.begin(), notify.webhooks.end(),
                                   [&](const WebhookConfig& w) { return w.name == out.name; });
    if (twice) hook.error("name", "is the name of another webhook already; give each its own");
    notify.webhooks.push_back(std::move(out));
  });
}

// As they are called in `endpoints`.
constexpr std::array<std::string_view, 9> aws_services = {
    "cloudwatch", "directconnect", "elasticache", "fis", "route53", "sns", "sqs", "sts", "support"};

// "eu-west-1", "us-gov-east-1": it becomes part of host names. Which ones there are is AWS's
// affair.
bool looks_like_region(std::string_view region) {
  std::size_t words = 0;
  for (; region.find('-') != std::string_view::npos; ++words) {
    const auto word = region.substr(0, region.find('-'));
    const bool letters =
        std::all_of(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; });
    const bool fits =
        words == 0 ? word.size() >= 2 && word.size() <= 4 : !word.empty() && word.size() <= 16;
    if (!letters || !fits) return false;
    region.remove_prefix(word.size() + 1);
  }
  return words >= 2 && !region.empty() && region.size() <= 2 &&
         std::all_of(region.begin(), region.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Requests are signed, but what they say is to be read by nobody on the way.
bool crosses_a_network_in_the_clear(std::string_view url) {
  static constexpr std::string_view http = "http://";
  if (!url.starts_with(http)) return false;
  const auto host = url.substr(http.size());
  return !host.starts_with("127.") && !host.starts_with("localhost") && !host.starts_with("[::1]");
}

void check_endpoints(Object& o, const AwsAccount& account) {
  static constexpr const char* clear =
      "is plain http to another host; use https (http is for a stand-in on this host)";
  if (crosses_a_network_in_the_clear(account.endpoint_url)) o.error("endpoint_url", clear);
  for (const auto& [service, url] : account.endpoints) {
    if (std::find(aws_services.begin(), aws_services.end(), service) == aws_services.end()) {
      o.error("endpoints", "holds " + clean(service, 64) +
                               ", which is none of the services that are used: cloudwatch, "
                               "directconnect, elasticache, fis, route53, sns, sqs, sts, support");
    } else if (crosses_a_network_in_the_clear(url)) {
      o.error("endpoints", "the one of " + service + " " + clear);
    }
  }
}

void read_account(Object& o, AwsAccount& account) {
  if (o.take("region", account.region) && !looks_like_region(account.region))
    o.error("region", clean(account.region, 64) + " is no region of AWS (like eu-west-1)");
  o.take("endpoint_url", account.endpoint_url);
  o.take("profile", account.profile);
  o.take("access_key_id", account.access_key_id);
  const bool secret = o.take_secret("secret_access_key", account.secret_access_key);
  o.take("role_arn", account.role_arn);
  o.take("external_id", account.external_id);
  account.endpoints = o.texts_by_name("endpoints");
  check_endpoints(o, account);
  o.take("use_fips", account.use_fips);
  const auto twelve_digits = [](const std::string& id) {
    return id.size() == 12 &&
           std::all_of(id.begin(), id.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  if (o.take("account_id", account.account_id) && !twelve_digits(account.account_id)) {
    o.error("account_id", "is not the twelve digits of an account");
  }
  const bool secret_given = secret || o.has("secret_access_key") || o.has("secret_access_key_file");
  if (o.has("profile") && (o.has("access_key_id") || secret_given)) {
    o.error("profile", "stands beside a key; give a profile or a key, not both");
  }
  if (o.has("access_key_id") && !secret_given) {
    o.error("access_key_id", "has no secret; add secret_access_key_file");
  }
  if (secret_given && !o.has("access_key_id")) {
    o.error(o.has("secret_access_key") ? "secret_access_key" : "secret_access_key_file",
            "has no access_key_id beside it");
  }
  if (o.has("external_id") && !o.has("role_arn"))
    o.error("external_id", "needs role_arn, the role it is for");
}

// Every zone belongs to one provider.
void check_zones(Object& o, const ProviderConfig& provider,
                 std::map<std::string, std::string>& owners) {
  for (const auto& zone : provider.zones) {
    const auto [first, fresh] = owners.emplace(zone, provider.name);
    if (fresh || first->second == provider.name) continue;
    o.error("zones", "the zone " + zone + " is served by the provider " + clean(first->second, 64) +
                         " already; a zone has one provider");
  }
}

}  // namespace

std::string counted(long long count, const char* singular) {
  return std::to_string(count) + ' ' + singular + (count == 1 ? "" : "s");
}

void read_file(Object& root, Config& config) {
  Reader& reader = root.reader();
  root.take("control_group", config.control_group);
  reader.control_group = config.control_group;
  root.object("site", [&](Object& o) { read_site(o, config.site); });
  root.take_path("state_dir", config.state_dir);
  if (root.take_path("control_socket", config.control_socket) &&
      config.control_socket.size() > kLongestSocketPath) {
    root.error("control_socket", "is longer than " + std::to_string(kLongestSocketPath) +
                                     " bytes, too long for a unix socket");
  }
  root.take("shards", config.shards);
  const std::size_t errors_before = reader.errors();
  config.dns_listen = sockets(root, "dns_listen");
  const bool dns_right = reader.errors() == errors_before;
  const bool dns_off = config.dns_listen.empty() && dns_right;
  root.object("api", [&](Object& o) { read_api(o, config.api.emplace()); });
  root.object("resolver", [&](Object& o) { config.resolver.servers = sockets(o, "servers"); });
  root.object("probe_policy", [&](Object& o) { read_probe_policy(o, config.probe_policy); });
  root.object("witness", [&](Object& o) { read_witness(o, config.witness.emplace()); });
  root.object("notify", [&](Object& o) { read_notify(o, config.notify); });

  Names names;
  names.providers = names_of(root, "providers");
  names.contacts = names_of(root, "contacts");
  names.accounts = names_of(root, "aws");
  root.each_named("contacts", [&](Object& o, std::string_view name) {
    Contact& contact = config.contacts[std::string(name)];
    contact.nickname = name;
    read_contact(o, contact);
  });
  root.each_named("aws", [&](Object& o, std::string_view name) {
    AwsAccount& account = config.aws[std::string(name)];
    account.name = name;
    read_account(o, account);
  });
  std::map<std::string, std::string> owners;
  UnaddressedServers servers;
  root.each_named("providers", [&](Object& o, std::string_view name) {
    ProviderConfig provider;
    read_provider(o, name, names, provider, servers);
    if (provider.embedded() && dns_off) {
      o.error("type", "needs dns_listen, the addresses on which the embedded DNS answers");
    }
    check_zones(o, provider, owners);
    config.providers[std::string(name)] = std::move(provider);
  });
  read_services(root, names, config);
  if (dns_right && !dns_off) check_name_servers(reader, servers, config);
  read_drills(root, names, config);
  root.object("cluster", [&](Object& o) {
    ClusterConfig& cluster = config.cluster.emplace();
    o.object("etcd", [&](Object& etcd) { cluster.etcd_endpoints = etcd.texts("endpoints"); });
    o.take("prefix", cluster.prefix);
    o.take("quorum", cluster.quorum);
  });
}

}  // namespace hotswapd::config
