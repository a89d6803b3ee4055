// What is said to those who give out keys, and what they answer.
#include "aws/credential_wire.hpp"

#include <gtest/gtest.h>

#include "core/timestamp.hpp"

namespace hotswapd::aws {
namespace {

TEST(CredentialWire, WritesForms) {
  RoleToAssume role{"arn:aws:iam::123456789012:role/a b", "x+y", "hotswapd-ams1", Seconds(900)};
  EXPECT_EQ(assume_role_form(role),
            "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%"
            "2Fa%20b&RoleSessionName=hotswapd-ams1&DurationSeconds=900&ExternalId=x%2By");
  role.external_id.clear();
  EXPECT_EQ(assume_role_form(role).find("ExternalId"), std::string::npos);
  EXPECT_NE(web_identity_form(role, "a.b=").find("&WebIdentityToken=a.b%3D"), std::string::npos);
}

std::string assumed(const char* action, const char* keys) {
  return std::string("<") + action +
         "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" + action +
         "Result><Credentials>" + keys + "</Credentials></" + action + "Result></" + action +
         "Response>";
}

constexpr const char* whole =
    "<AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>hidden</SecretAccessKey>"
    "<SessionToken>\n token \n</SessionToken><Expiration>2026-11-21T10:00:00Z</Expiration>";

TEST(CredentialWire, ReadsKeysOfBothKindsOfRole) {
  for (const char* action : {"AssumeRole", "AssumeRoleWithWebIdentity"}) {
    const auto keys = read_assumed_keys(assumed(action, whole));
    ASSERT_TRUE(keys) << keys.error().text;
    EXPECT_EQ(keys->access_key_id, "ASIA1");
    EXPECT_EQ(keys->secret_access_key.reveal(), "hidden");
    EXPECT_EQ(keys->session_token.reveal(), "token");
    EXPECT_EQ(keys->expires, parse_rfc3339("2026-11-21T10:00:00Z"));
  }
}

TEST(CredentialWire, TakesNoHalfKeysAndRepeatsNoAnswer) {
  const std::string answers[] = {
      "", "hidden", "<a/>", assumed("AssumeRole", ""),
      assumed("AssumeRole",
              "<AccessKeyId>A</AccessKeyId><SecretAccessKey>hidden</SecretAccessKey>")};
  for (const auto& answer : answers) {
    const auto keys = read_assumed_keys(answer);
    ASSERT_FALSE(keys) << answer;
    EXPECT_EQ(keys.error().text.find("hidden"), std::string::npos);
  }
}

TEST(CredentialWire, ReadsWhatAgentsSay) {
  const auto keys = read_agent_keys(
      R"({"Code":"Success","AccessKeyId":"ASIA2","SecretAccessKey":"hidden","Token":"t","Expiration":"2026-11-21T10:00:00Z","Extra":[1]})");
  ASSERT_TRUE(keys) << keys.error().text;
  EXPECT_EQ(keys->access_key_id, "ASIA2");
  EXPECT_TRUE(keys->temporary());
  // The metadata service tells its failures with status 200.
  const auto failed = read_agent_keys(
      R"({"Code":"AssumeRoleUnauthorizedAccess","Message":"EC2 cannot assume the role"})");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().text,
            "the answer says AssumeRoleUnauthorizedAccess (EC2 cannot assume the role)");
  for (
      const char* bad :
      {"", "[]", "{}", R"({"AccessKeyId":"A","SecretAccessKey":"hidden"})",
       R"({"AccessKeyId":"A\r\nX: y","SecretAccessKey":"hidden","Token":"t","Expiration":"2026-11-21T10:00:00Z"})"}) {
    const auto got = read_agent_keys(bad);
    ASSERT_FALSE(got) << bad;
    EXPECT_EQ(got.error().text.find("hidden"), std::string::npos);
  }
}

TEST(CredentialWire, ReadsTheCallersAccount) {
  const auto account = read_caller_account(
      "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
      "<GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/x</Arn><UserId>A</UserId>"
      "<Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>");
  ASSERT_TRUE(account);
  EXPECT_EQ(*account, "123456789012");
  EXPECT_FALSE(read_caller_account("<a/>"));
}

}  // namespace
}  // namespace hotswapd::aws
