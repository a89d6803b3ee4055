// Where each service of AWS is reached, and what its requests are signed for.
#include "aws/services.hpp"

#include <algorithm>
#include <array>

#include "core/record.hpp"
#include "core/text.hpp"
#include "net/http_call.hpp"

namespace hotswapd::aws {
namespace {

struct Row {
  Service service;
  const char* name;
  const char* prefix;  // of the host, and the signing name
  const char* id;      // in AWS_ENDPOINT_URL_<ID>, and in lower case in a profile's services
};

constexpr auto rows = std::to_array<Row>({
    {Service::cloudwatch, "cloudwatch", "monitoring", "CLOUDWATCH"},
    {Service::directconnect, "directconnect", "directconnect", "DIRECT_CONNECT"},
    {Service::elasticache, "elasticache", "elasticache", "ELASTICACHE"},
    {Service::fis, "fis", "fis", "FIS"},
    {Service::route53, "route53", "route53", "ROUTE_53"},
    {Service::sns, "sns", "sns", "SNS"},
    {Service::sqs, "sqs", "sqs", "SQS"},
    {Service::sts, "sts", "sts", "STS"},
    {Service::support, "support", "support", "SUPPORT"},
});

const Row& row_of(Service service) noexcept {
  return rows[static_cast<std::size_t>(service)];
}

struct Partition {
  const char* begins;  // its regions
  const char* id;
  const char* suffix;
};

// The longer beginnings first.
constexpr auto partitions = std::to_array<Partition>({
    {"us-gov-", "aws-us-gov", "amazonaws.com"},
    {"us-isob-", "aws-iso-b", "sc2s.sgov.gov"},
    {"us-isof-", "aws-iso-f", "csp.hci.ic.gov"},
    {"us-iso-", "aws-iso", "c2s.ic.gov"},
    {"eu-isoe-", "aws-iso-e", "cloud.adc-e.uk"},
    {"eusc-", "aws-eusc", "amazonaws.eu"},
    {"cn-", "aws-cn", "amazonaws.com.cn"},
    {"", "aws", "amazonaws.com"},
});

const Partition& partition(std::string_view region) {
  return *std::find_if(partitions.begin(), partitions.end(),
                       [&](const Partition& p) { return region.starts_with(p.begins); });
}

struct Place {
  std::string host;
  std::string region;
};

// Route 53 and Support have one endpoint for each partition.
std::optional<Place> only_place(Service service, std::string_view partition_id, bool use_fips) {
  if (service == Service::route53) {
    if (partition_id == "aws")
      return Place{use_fips ? "route53-fips.amazonaws.com" : "route53.amazonaws.com", "us-east-1"};
    if (partition_id == "aws-cn") return Place{"route53.amazonaws.com.cn", "cn-northwest-1"};
    if (partition_id == "aws-us-gov") return Place{"route53.us-gov.amazonaws.com", "us-gov-west-1"};
  }
  if (service == Service::support) {
    if (partition_id == "aws") return Place{"support.us-east-1.amazonaws.com", "us-east-1"};
    if (partition_id == "aws-cn") return Place{"support.cn-north-1.amazonaws.com.cn", "cn-north-1"};
    if (partition_id == "aws-us-gov")
      return Place{"support.us-gov-west-1.amazonaws.com", "us-gov-west-1"};
  }
  return std::nullopt;
}

// In us-gov-* the plain name of these is the one with FIPS.
bool plain_name_is_fips(Service service, std::string_view partition_id) {
  return partition_id == "aws-us-gov" && service != Service::directconnect;
}

Fallible<Place> own_place(Service service, const std::string& region, bool use_fips) {
  const auto& where = partition(region);
  const std::string_view id = where.id;
  if (service == Service::route53 || service == Service::support) {
    auto only = only_place(service, id, use_fips);
    if (only) return std::move(*only);
    return Error{errc::invalid_argument, std::string("no host of ") + to_string(service) +
                                             " is known for the region " + region +
                                             "; set aws.NAME.endpoints." + to_string(service)};
  }
  if (id.starts_with("aws-iso")) {
    return Error{
        errc::invalid_argument,
        "the region " + region + " is isolated; set aws.NAME.endpoints." + to_string(service)};
  }
  const bool fips = use_fips && !plain_name_is_fips(service, id);
  return Place{
      std::string(row_of(service).prefix) + (fips ? "-fips." : ".") + region + "." + where.suffix,
      region};
}

bool this_host(const std::string& host) {
  if (host == "localhost") return true;
  const auto address = canonical_address(host);
  return address && (address->starts_with("127.") || *address == "::1");
}

Fallible<void> go_to(Endpoint& endpoint, std::string_view override_url) {
  const auto url = parse_http_url(override_url);
  if (!url)
    return Error{errc::invalid_argument, "the endpoint that is set is not a URL of http or https"};
  if (!url->userinfo.empty() || url->target.find_first_of("?#") != std::string::npos)
    return Error{errc::invalid_argument,
                 "the endpoint " + url->origin() + " has more than a host and a path"};
  if (!url->tls && !this_host(url->host)) {
    return Error{errc::invalid_argument, "the endpoint " + url->origin() +
                                             " is plain http; that is accepted on this host alone"};
  }
  endpoint.origin = url->origin();
  endpoint.host = endpoint.origin.substr(endpoint.origin.find("//") + 2);
  endpoint.prefix = url->target;
  while (endpoint.prefix.ends_with('/')) endpoint.prefix.pop_back();
  return {};
}

}  // namespace

const char* to_string(Service service) noexcept {
  return row_of(service).name;
}

std::optional<Service> service_named(std::string_view name) noexcept {
  for (const auto& row : rows) {
    if (name == row.name) return row.service;
  }
  return std::nullopt;
}

bool plausible_region(std::string_view region) noexcept {
  // Two to four letters, words of letters, a number; with hyphens between.
  std::size_t parts = 0;
  for (std::size_t at = 0; at <= region.size(); ++parts) {
    const auto end = std::min(region.find('-', at), region.size());
    const auto part = region.substr(at, end - at);
    const bool last = end == region.size();
    const char low = last ? '0' : 'a';
    const char high = last ? '9' : 'z';
    const bool fits =
        std::all_of(part.begin(), part.end(), [&](char c) { return c >= low && c <= high; });
    if (part.empty() || part.size() > 16 || !fits) return false;
    if (parts == 0 && (part.size() < 2 || part.size() > 4)) return false;
    at = end + 1;
  }
  return parts >= 3;
}

std::string partition_of(std::string_view region) {
  return partition(region).id;
}

Fallible<Endpoint> endpoint_of(Service service, std::string_view region, bool use_fips,
                               std::string_view override_url) {
  if (!plausible_region(region))
    return Error{errc::invalid_argument, clean(region, 64) + " is no region (like eu-west-1)"};
  Endpoint out;
  out.signing_name = row_of(service).prefix;
  const std::string name(region);
  const auto place = own_place(service, name, use_fips);
  if (place) {
    out.signing_region = place->region;
    out.host = place->host;
    out.origin = "https://" + place->host;
  } else if (override_url.empty()) {
    return place.error();
  } else {
    out.signing_region = name;
  }
  if (!override_url.empty()) {
    if (const auto gone = go_to(out, override_url); !gone) return gone.error();
  }
  return out;
}

std::string override_of(Service service, const EndpointOverrides& overrides,
                        const Environment& environment) {
  const auto& row = row_of(service);
  const auto own = overrides.by_service.find(row.name);
  if (own != overrides.by_service.end()) return own->second;
  if (!overrides.for_all.empty()) return overrides.for_all;
  const auto ignored = environment("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
  if (ignored && lower(*ignored) == "true") return "";
  const auto one = environment(("AWS_ENDPOINT_URL_" + std::string(row.id)).c_str());
  if (one && !one->empty()) return *one;
  const auto all = environment("AWS_ENDPOINT_URL");
  if (all && !all->empty()) return *all;
  const auto profile = overrides.profile_by_service.find(lower(row.id));
  if (profile != overrides.profile_by_service.end()) return profile->second;
  return overrides.profile_for_all;
}

}  // namespace hotswapd::aws
