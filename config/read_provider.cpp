#include <algorithm>

#include "config/read.hpp"
#include "core/base64.hpp"
#include "core/text.hpp"

namespace hotswapd::config {
namespace {

constexpr std::size_t shortest_good_secret = 16;

void check_account(Object& o, const std::string& account, const Names& names) {
  if (!account.empty() && !names.accounts.contains(account)) {
    o.error("account", "names the account " + clean(account, 64) + ", which is not in `aws`");
  }
}

// Says nothing of what stands there: a key that was pasted wrong is still a key.
void check_secret(Object& tsig, const TsigKey& key) {
  const auto where = tsig.has("secret") ? "secret" : "secret_file";
  auto bytes = decode_base64(key.secret.reveal());
  if (!bytes || bytes->empty()) {
    tsig.error(where, "is not base64; give the secret as tsig-keygen or keymgr -t writes it");
  } else if (bytes->size() < shortest_good_secret) {
    tsig.warning(where, "is short (" + counted(static_cast<long long>(bytes->size()), "byte") +
                            "); 32 bytes of random are right");
  }
  if (bytes) wipe_memory(bytes->data(), bytes->size());
}

Rfc2136ProviderConfig read_rfc2136(Object& o) {
  Rfc2136ProviderConfig out;
  if (AddressPort only; o.take("server", only)) out.servers.push_back(std::move(only));
  for (auto& value : o.scalars("servers")) {
    AddressPort server{std::move(value.text), static_cast<std::uint16_t>(value.number)};
    if (std::find(out.servers.begin(), out.servers.end(), server) != out.servers.end())
      o.error("servers", "holds " + to_string(server) + " twice; give each server once");
    out.servers.push_back(std::move(server));
  }
  o.take("transport", out.transport);
  o.take("guard", out.guard);
  o.object("tsig", [&](Object& tsig) {
    TsigKey& key = out.tsig.emplace();
    tsig.take("name", key.name);
    tsig.take("algorithm", key.algorithm);
    tsig.take("fudge", key.fudge);
    if (tsig.take_secret("secret", key.secret)) check_secret(tsig, key);
    if (key.algorithm == TsigAlgorithm::hmac_sha1) {
      tsig.warning("algorithm", "is weak; use hmac-sha256 where the server can");
    }
  });
  return out;
}

PowerdnsProviderConfig read_powerdns(Object& o) {
  PowerdnsProviderConfig out;
  o.take("url", out.url);
  o.take("server_id", out.server_id);
  o.take_secret("api_key", out.api_key);
  o.take_path("ca_file", out.ca_file);
  return out;
}

Route53ProviderConfig read_route53(Object& o, const Names& names) {
  Route53ProviderConfig out;
  o.take("account", out.account);
  check_account(o, out.account, names);
  o.take("hosted_zone_id", out.hosted_zone_id);
  return out;
}

CloudflareProviderConfig read_cloudflare(Object& o) {
  CloudflareProviderConfig out;
  o.take("url", out.url);
  o.take("zone_id", out.zone_id);
  o.take("min_ttl", out.min_ttl);
  o.take_secret("api_token", out.api_token);
  o.take_path("ca_file", out.ca_file);
  return out;
}

DynProviderConfig read_dyn(Object& o) {
  DynProviderConfig out;
  o.take("url", out.url);
  o.take("customer", out.customer);
  o.take("user", out.user);
  o.take_secret("password", out.password);
  o.take_path("ca_file", out.ca_file);
  o.take("guard", out.guard);
  return out;
}

ExecProviderConfig read_exec(Object& o) {
  ExecProviderConfig out;
  out.command = o.texts("command");
  if (!out.command.empty() && !out.command.front().starts_with('/')) {
    o.error("command", "begins with " + clean(out.command.front(), 80) +
                           "; give the program by its absolute path");
  }
  o.take("guard", out.guard);
  return out;
}

}  // namespace

void read_provider(Object& o, std::string_view name, const Names& names, ProviderConfig& provider,
                   UnaddressedServers& servers) {
  provider.name = name;
  std::string type;
  o.take("type", type);
  for (auto& value : o.scalars("name_servers")) {
    provider.name_servers.push_back(
        {std::move(value.text), static_cast<std::uint16_t>(value.number)});
  }
  o.take("proof_deadline", provider.proof_deadline);
  if (type != "embedded") provider.zones = o.texts("zones");
  if (type == "embedded") provider.kind = read_embedded(o, provider, servers);
  if (type == "rfc2136") provider.kind = read_rfc2136(o);
  if (type == "powerdns") provider.kind = read_powerdns(o);
  if (type == "route53") provider.kind = read_route53(o, names);
  if (type == "cloudflare") provider.kind = read_cloudflare(o);
  if (type == "dyn") provider.kind = read_dyn(o);
  if (type == "exec") provider.kind = read_exec(o);
}

}  // namespace hotswapd::config
