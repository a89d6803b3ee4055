// Where each service of AWS is reached and signed for.
#include "aws/services.hpp"

#include <gtest/gtest.h>

namespace hotswapd::aws {
namespace {

struct Row {
  Service service;
  const char* region;
  bool fips;
  const char* host;
  const char* signing_region;
  const char* signing_name;
};

TEST(Services, HaveTheHostsOfTheirPartition) {
  const Row rows[] = {
      {Service::sts, "eu-west-1", false, "sts.eu-west-1.amazonaws.com", "eu-west-1", "sts"},
      {Service::sts, "us-east-1", true, "sts-fips.us-east-1.amazonaws.com", "us-east-1", "sts"},
      {Service::sts, "us-gov-west-1", true, "sts.us-gov-west-1.amazonaws.com", "us-gov-west-1",
       "sts"},
      {Service::directconnect, "us-gov-west-1", true,
       "directconnect-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1", "directconnect"},
      {Service::sns, "cn-north-1", false, "sns.cn-north-1.amazonaws.com.cn", "cn-north-1", "sns"},
      {Service::fis, "eusc-de-east-1", false, "fis.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1",
       "fis"},
      {Service::cloudwatch, "eu-west-1", false, "monitoring.eu-west-1.amazonaws.com", "eu-west-1",
       "monitoring"},
      {Service::support, "eu-west-1", true, "support.us-east-1.amazonaws.com", "us-east-1",
       "support"},
      {Service::support, "cn-northwest-1", false, "support.cn-north-1.amazonaws.com.cn",
       "cn-north-1", "support"},
      {Service::route53, "eu-west-1", false, "route53.amazonaws.com", "us-east-1", "route53"},
      {Service::route53, "ap-south-1", true, "route53-fips.amazonaws.com", "us-east-1", "route53"},
      {Service::route53, "cn-north-1", false, "route53.amazonaws.com.cn", "cn-northwest-1",
       "route53"},
      {Service::route53, "us-gov-east-1", true, "route53.us-gov.amazonaws.com", "us-gov-west-1",
       "route53"},
  };
  for (const auto& row : rows) {
    const auto got = endpoint_of(row.service, row.region, row.fips, "");
    ASSERT_TRUE(got) << row.host << ": " << got.error().text;
    EXPECT_EQ(got->host, row.host);
    EXPECT_EQ(got->origin, std::string("https://") + row.host);
    EXPECT_EQ(got->prefix, "");
    EXPECT_EQ(got->signing_region, row.signing_region);
    EXPECT_EQ(got->signing_name, row.signing_name);
  }
}

TEST(Services, OfIsolatedPartitionsNeedAnOverride) {
  EXPECT_FALSE(endpoint_of(Service::sts, "us-iso-east-1", false, ""));
  EXPECT_FALSE(endpoint_of(Service::route53, "us-isob-east-1", false, ""));
  const auto got =
      endpoint_of(Service::route53, "us-iso-east-1", false, "https://route53.c2s.example");
  ASSERT_TRUE(got);
  EXPECT_EQ(got->signing_region, "us-iso-east-1");
}

TEST(Services, OfAnOverrideAreSignedAsEver) {
  const auto got = endpoint_of(Service::route53, "eu-west-1", true, "http://127.0.0.1:4566/aws/");
  ASSERT_TRUE(got) << got.error().text;
  EXPECT_EQ(got->origin, "http://127.0.0.1:4566");
  EXPECT_EQ(got->host, "127.0.0.1:4566");
  EXPECT_EQ(got->prefix, "/aws");
  EXPECT_EQ(got->signing_region, "us-east-1");
  EXPECT_EQ(got->signing_name, "route53");
}

TEST(Services, TakeNoPlainHttpToAnotherHostAndNoOtherNonsense) {
  for (const char* url :
       {"http://192.0.2.1", "http://aws.example.net", "ftp://127.0.0.1",
        "https://u:p@aws.example.net", "https://aws.example.net/?x=1", "nonsense"})
    EXPECT_FALSE(endpoint_of(Service::sts, "eu-west-1", false, url)) << url;
  EXPECT_TRUE(endpoint_of(Service::sts, "eu-west-1", false, "http://[::1]:80"));
  EXPECT_TRUE(endpoint_of(Service::sts, "eu-west-1", false, "http://localhost:1"));
}

TEST(Services, RegionsAreLookedAtBeforeTheyGoIntoAHostName) {
  for (const char* good :
       {"eu-west-1", "us-gov-east-1", "eusc-de-east-1", "us-isob-east-1", "ap-southeast-12"})
    EXPECT_TRUE(plausible_region(good)) << good;
  for (const char* bad : {"", "eu-west", "eu", "1", "EU-west-1", "eu-west-1.evil.example", "eu--1",
                          "eu-west-1/", "e-west-1", "europe-west-1", "eu-west-1-"})
    EXPECT_FALSE(plausible_region(bad)) << bad;
  EXPECT_EQ(partition_of("us-gov-west-1"), "aws-us-gov");
  EXPECT_EQ(partition_of("cn-north-1"), "aws-cn");
  EXPECT_EQ(partition_of("us-isob-east-1"), "aws-iso-b");
  EXPECT_EQ(partition_of("mx-central-1"), "aws");
}

TEST(Services, ArePulledAsideByTheStrongestOverride) {
  std::map<std::string, std::string> variables{{"AWS_ENDPOINT_URL", "https://all.env"},
                                               {"AWS_ENDPOINT_URL_ROUTE_53", "https://one.env"}};
  const Environment environment = [&](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  EndpointOverrides overrides{{{"route53", "https://one.file"}},
                              "https://all.file",
                              {{"route_53", "https://one.profile"}},
                              "https://all.profile"};
  const auto of = [&](Service service) { return override_of(service, overrides, environment); };
  EXPECT_EQ(of(Service::route53), "https://one.file");
  EXPECT_EQ(of(Service::sts), "https://all.file");
  overrides.by_service.clear();
  overrides.for_all.clear();
  EXPECT_EQ(of(Service::route53), "https://one.env");
  EXPECT_EQ(of(Service::sts), "https://all.env");
  variables = {};
  EXPECT_EQ(of(Service::route53), "https://one.profile");
  EXPECT_EQ(of(Service::sts), "https://all.profile");
  variables["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true";
  EXPECT_EQ(of(Service::route53), "");
}

TEST(Services, AreKnownByTheirNames) {
  EXPECT_EQ(service_named("route53"), Service::route53);
  EXPECT_EQ(service_named("route_53"), std::nullopt);
  for (int i = 0; i <= static_cast<int>(Service::support); ++i) {
    const auto service = static_cast<Service>(i);
    EXPECT_EQ(service_named(to_string(service)), service);
  }
}

}  // namespace
}  // namespace hotswapd::aws
