// What the program has to know of one type of DNS provider: how the configuration's words become
// an object.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "app/aws_accounts.hpp"
#include "config/schema.hpp"
#include "dns/name_server_set.hpp"
#include "dns/provider.hpp"
#include "dns/zone_servers.hpp"
#include "net/curl_pool.hpp"
#include "net/endpoint.hpp"

namespace hotswapd {

namespace asio = boost::asio;

// What providers are made of; outlives them all.
struct ProviderWorld {
  asio::io_context& loop;  // shard 0
  CurlPool& http;
  AwsAccounts& aws;
};

struct ProviderKind {
  // What tells one provider from another, besides its name: where it writes, and what its records
  // look like. A reload that changes this makes another one.
  std::string (*identity)(const ProviderConfig&);
  std::unique_ptr<Provider> (*make)(const ProviderWorld&, const Config&, const ProviderConfig&);
  // Everything else that a reload may change. `provider` was made by make().
  void (*reconfigure)(Provider& provider, const ProviderWorld&, const Config&,
                      const ProviderConfig&);
};

// One for each type, in app/NAME_kind.cpp.
extern const ProviderKind cloudflare_kind;
extern const ProviderKind powerdns_kind;
extern const ProviderKind rfc2136_kind;
extern const ProviderKind route53_kind;
extern const ProviderKind dyn_kind;
extern const ProviderKind exec_kind;

// What several of them need.
AddressLookup look_up_by(const ProviderWorld& world);  // by the loop's resolver
std::vector<DnsEndpoint> proof_servers(const ProviderConfig& provider);
ZoneServerSources zone_server_sources(const ProviderWorld& world);  // likewise

}  // namespace hotswapd
