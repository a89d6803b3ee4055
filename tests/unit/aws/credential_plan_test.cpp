// Where the keys of an account come from.
#include "aws/credential_plan.hpp"

#include <gtest/gtest.h>

namespace hotswapd::aws {
namespace {

using Variables = std::map<std::string, std::string>;

Environment environment(Variables variables) {
  return [variables = std::move(variables)](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

const Variables env_keys{{"AWS_ACCESS_KEY_ID", "AKENV"},
                         {"AWS_SECRET_ACCESS_KEY", "hidden"},
                         {"AWS_SESSION_TOKEN", "token"}};

Profiles profiles() {
  return read_profiles(
             "[default]\naws_access_key_id=AKDEF\naws_secret_access_key=hidden\n"
             "[base]\naws_access_key_id=AKBASE\naws_secret_access_key=hidden\n"
             "[half]\naws_access_key_id=AKHALF\n",
             "[profile empty]\nregion=eu-west-1\n"
             "[profile role]\nrole_arn=arn:role\nsource_profile=base\nexternal_id=ext\n"
             "duration_seconds=1800\n"
             "[profile twice]\nrole_arn=arn:twice\nsource_profile=role\nrole_session_name=me\n"
             "[profile own]\nrole_arn=arn:own\nsource_profile=own\naws_access_key_id=AKOWN\n"
             "aws_secret_access_key=hidden\n"
             "[profile round]\nrole_arn=a\nsource_profile=round2\n"
             "[profile round2]\nrole_arn=b\nsource_profile=round\n"
             "[profile envrole]\nrole_arn=c\ncredential_source=Environment\n"
             "[profile machine]\nrole_arn=d\ncredential_source=Ec2InstanceMetadata\n"
             "[profile agent]\nrole_arn=e\ncredential_source=EcsContainer\n"
             "[profile odd]\nrole_arn=f\ncredential_source=Moon\n"
             "[profile rootless]\nrole_arn=g\n"
             "[profile web]\nrole_arn=h\nweb_identity_token_file=/run/token\n"
             "[profile sso]\nsso_session=x\n"
             "[profile mfa]\nrole_arn=i\nsource_profile=base\nmfa_serial=arn\n"
             "[profile away]\naws_access_key_id=AKAWAY\naws_secret_access_key=hidden\n"
             "endpoint_url=https://all\nservices=s\nuse_fips_endpoint=true\n"
             "[services s]\nroute_53=\n endpoint_url=https://r53\n")
      .value();
}

std::string key_of(const CredentialPlan& plan) {
  const auto* keys = std::get_if<Keys>(&plan.base);
  return keys == nullptr ? "" : keys->access_key_id;
}

AccountOptions named(const char* profile) {
  AccountOptions options;
  options.region = "eu-west-1";
  options.profile = profile;
  return options;
}

TEST(CredentialPlan, TheConfigurationWinsOverTheEnvironmentAndThatOverTheFiles) {
  AccountOptions options = named("");
  auto plan = plan_credentials(options, profiles(), environment(env_keys));
  ASSERT_TRUE(plan);
  EXPECT_EQ(key_of(*plan), "AKENV");
  EXPECT_TRUE(std::get<Keys>(plan->base).temporary());
  options.access_key_id = "AKCONF";
  options.secret_access_key = Secret("hidden");
  plan = plan_credentials(options, profiles(), environment(env_keys));
  ASSERT_TRUE(plan);
  EXPECT_EQ(key_of(*plan), "AKCONF");
  plan = plan_credentials(named(""), profiles(), environment({}));
  ASSERT_TRUE(plan);
  EXPECT_EQ(key_of(*plan), "AKDEF");
  EXPECT_EQ(plan->origin, "the profile default");
}

TEST(CredentialPlan, AProfileNamedInTheConfigurationPassesOverTheEnvironment) {
  auto plan = plan_credentials(named("base"), profiles(), environment(env_keys));
  ASSERT_TRUE(plan);
  EXPECT_EQ(key_of(*plan), "AKBASE");
  auto variables = env_keys;
  variables["AWS_PROFILE"] = "base";
  plan = plan_credentials(named(""), profiles(), environment(variables));
  ASSERT_TRUE(plan);
  EXPECT_EQ(key_of(*plan), "AKENV");
}

TEST(CredentialPlan, FollowsRolesToTheirKeys) {
  const auto plan = plan_credentials(named("twice"), profiles(), environment({}));
  ASSERT_TRUE(plan) << plan.error().text;
  EXPECT_EQ(key_of(*plan), "AKBASE");
  ASSERT_EQ(plan->roles.size(), 2U);
  EXPECT_EQ(plan->roles[0].arn, "arn:role");
  EXPECT_EQ(plan->roles[0].external_id, "ext");
  EXPECT_EQ(plan->roles[0].session_name, "hotswapd");
  EXPECT_EQ(plan->roles[0].duration, Seconds(1800));
  EXPECT_EQ(plan->roles[1].arn, "arn:twice");
  EXPECT_EQ(plan->roles[1].session_name, "me");
  const auto own = plan_credentials(named("own"), profiles(), environment({}));
  ASSERT_TRUE(own) << own.error().text;
  EXPECT_EQ(key_of(*own), "AKOWN");
}

TEST(CredentialPlan, TheRoleOfTheConfigurationComesLast) {
  auto options = named("role");
  options.role_arn = "arn:last";
  options.external_id = "x";
  options.session_name = "hotswapd-ams1";
  const auto plan = plan_credentials(options, profiles(), environment({}));
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->roles.size(), 2U);
  EXPECT_EQ(plan->roles[1].arn, "arn:last");
  EXPECT_EQ(plan->roles[1].external_id, "x");
  EXPECT_EQ(plan->roles[1].session_name, "hotswapd-ams1");
}

TEST(CredentialPlan, TakesKeysFromWhereAProfileSays) {
  auto plan = plan_credentials(named("envrole"), profiles(), environment(env_keys));
  ASSERT_TRUE(plan);
  EXPECT_EQ(key_of(*plan), "AKENV");
  plan = plan_credentials(named("machine"), profiles(), environment({}));
  ASSERT_TRUE(plan);
  EXPECT_EQ(std::get<FromInstance>(plan->base).origin, "http://169.254.169.254");
  plan = plan_credentials(named("agent"), profiles(),
                          environment({{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x"}}));
  ASSERT_TRUE(plan);
  EXPECT_EQ(std::get<FromContainer>(plan->base).url, "http://169.254.170.2/v2/x");
  plan = plan_credentials(named("web"), profiles(), environment({}));
  ASSERT_TRUE(plan);
  EXPECT_EQ(std::get<FromWebIdentity>(plan->base).token_file, "/run/token");
  EXPECT_EQ(std::get<FromWebIdentity>(plan->base).role.arn, "h");
  EXPECT_TRUE(plan->roles.empty());
}

TEST(CredentialPlan, GoesOnToWebIdentityContainerAndMachine) {
  Variables all{{"AWS_WEB_IDENTITY_TOKEN_FILE", "/run/t"},
                {"AWS_ROLE_ARN", "arn:web"},
                {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials"},
                {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/run/agent"}};
  auto plan = plan_credentials(named(""), {}, environment(all));
  ASSERT_TRUE(plan);
  EXPECT_EQ(std::get<FromWebIdentity>(plan->base).role.arn, "arn:web");
  all.erase("AWS_WEB_IDENTITY_TOKEN_FILE");
  plan = plan_credentials(named(""), {}, environment(all));
  ASSERT_TRUE(plan);
  EXPECT_EQ(std::get<FromContainer>(plan->base).token_file, "/run/agent");
  plan = plan_credentials(named(""), {},
                          environment({{"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6"}}));
  ASSERT_TRUE(plan);
  EXPECT_EQ(std::get<FromInstance>(plan->base).origin, "http://[fd00:ec2::254]");
}

TEST(CredentialPlan, BringsTheProfilesEndpoints) {
  const auto plan = plan_credentials(named("away"), profiles(), environment({}));
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->endpoint_for_all, "https://all");
  EXPECT_EQ(plan->endpoints_by_service.at("route_53"), "https://r53");
  EXPECT_TRUE(plan->use_fips);
}

struct Broken {
  const char* profile;
  Variables variables;
  const char* text;
};

TEST(CredentialPlan, WhatIsConfiguredAndBrokenIsAnError) {
  const Broken rows[] = {
      {"nowhere", {}, "no profile nowhere"},
      {"empty", {}, "has no keys"},
      {"half", {}, "one half of a key"},
      {"round", {}, "in a circle"},
      {"odd", {}, "none of Environment"},
      {"rootless", {}, "needs a source_profile"},
      {"sso", {}, "sso_session"},
      {"mfa", {}, "mfa_serial"},
      {"envrole", {}, "from the environment, where there are none"},
      {"agent", {}, "from the container"},
      {"", {{"AWS_ACCESS_KEY_ID", "A"}}, "only one is set"},
      {"", {{"AWS_PROFILE", "nowhere"}}, "no profile nowhere"},
      {"", {{"AWS_WEB_IDENTITY_TOKEN_FILE", "/t"}, {"AWS_PROFILE", "empty"}}, "AWS_ROLE_ARN"},
      {"",
       {{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.1/x"}, {"AWS_PROFILE", "empty"}},
       "plain http"},
      {"",
       {{"AWS_EC2_METADATA_DISABLED", "true"}, {"AWS_PROFILE", "empty"}},
       "AWS_EC2_METADATA_DISABLED"},
  };
  for (const auto& row : rows) {
    const auto plan = plan_credentials(named(row.profile), profiles(), environment(row.variables));
    ASSERT_FALSE(plan) << row.text;
    EXPECT_EQ(plan.error().code, errc::refused);
    EXPECT_NE(plan.error().text.find(row.text), std::string::npos) << plan.error().text;
    EXPECT_EQ(plan.error().text.find("hidden"), std::string::npos);
  }
}

TEST(CredentialPlan, KnowsWhereTheFilesAre) {
  auto files = profile_files(environment({{"HOME", "/root"}}));
  EXPECT_EQ(files.credentials, "/root/.aws/credentials");
  EXPECT_EQ(files.config, "/root/.aws/config");
  files = profile_files(environment({{"AWS_SHARED_CREDENTIALS_FILE", "/a"}}));
  EXPECT_EQ(files.credentials, "/a");
  EXPECT_EQ(files.config, "");
}

}  // namespace
}  // namespace hotswapd::aws
