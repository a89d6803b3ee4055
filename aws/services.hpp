// The services of AWS that are used, and where each is reached and signed for. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.hpp"

namespace hotswapd::aws {

enum class Service : std::uint8_t {
  cloudwatch,
  directconnect,
  elasticache,
  fis,
  route53,
  sns,
  sqs,
  sts,
  support
};

const char* to_string(Service service) noexcept;  // "route53", as aws.NAME.endpoints has it
std::optional<Service> service_named(std::string_view name) noexcept;

// "eu-west-1": what may go into a host name. Nothing is known about whether there is such a region.
bool plausible_region(std::string_view region) noexcept;

// "aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", ...: what ARNs of this region begin with.
std::string partition_of(std::string_view region);

struct Endpoint {
  std::string origin;  // "https://route53.amazonaws.com", without a final slash
  std::string host;    // what the Host header says: with the port unless it is the scheme's own
  std::string prefix;  // what comes before the path of each operation; often empty
  std::string signing_region;
  std::string signing_name;
};

// AWS's own, or `override_url` in its place: that changes where a request goes, never what it is
// signed for. invalid_argument: no region, a service that the partition has no known host for, an
// override that is no URL, or plain http to another host than this one.
Fallible<Endpoint> endpoint_of(Service service, std::string_view region, bool use_fips,
                               std::string_view override_url);

// The value of an environment variable; nullopt when it is not set.
using Environment = std::function<std::optional<std::string>(const char*)>;

// What names another endpoint, from the strongest to the weakest.
struct EndpointOverrides {
  std::map<std::string, std::string> by_service;          // of the configuration: "route53" -> URL
  std::string for_all;                                    // of the configuration
  std::map<std::string, std::string> profile_by_service;  // "route_53" -> URL
  std::string profile_for_all;
};

// Between the configuration and the profile stand AWS_ENDPOINT_URL_<ID> and AWS_ENDPOINT_URL.
// Empty: AWS's own.
std::string override_of(Service service, const EndpointOverrides& overrides,
                        const Environment& environment);

}  // namespace hotswapd::aws
