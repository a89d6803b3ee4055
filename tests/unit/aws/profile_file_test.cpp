// The shared files of AWS.
#include "aws/profile_file.hpp"

#include <gtest/gtest.h>

namespace hotswapd::aws {
namespace {

TEST(ProfileFile, MergesBothFilesAndBelievesTheCredentialsFile) {
  const auto got = read_profiles(
      "# ours\n[default]\naws_access_key_id = AK1\naws_secret_access_key=S1\n"
      "[ops]\nAWS_ACCESS_KEY_ID=AK2\nregion = eu-west-3\n",
      "[default]\nregion=eu-west-1\n[profile ops]\nregion = eu-west-2 ; a comment\nrole_arn=arn\n"
      "[ops]\nregion = not-read\n");
  ASSERT_TRUE(got) << got.error().text;
  const Section wanted_default{
      {"aws_access_key_id", "AK1"}, {"aws_secret_access_key", "S1"}, {"region", "eu-west-1"}};
  EXPECT_EQ(*got->find("default"), wanted_default);
  const Section wanted_ops{
      {"aws_access_key_id", "AK2"}, {"region", "eu-west-3"}, {"role_arn", "arn"}};
  EXPECT_EQ(*got->find("ops"), wanted_ops);
  EXPECT_EQ(got->find("Ops"), nullptr);
}

TEST(ProfileFile, KeepsWhatStandsIndentedBelowAKey) {
  const auto got = read_profiles("",
                                 "[profile a]\r\nservices = local\r\ns3 =\r\n  max = 3\r\n"
                                 "[services local]\nroute_53 =\n  endpoint_url = http://[::1]:1\n"
                                 "sts =\n\tendpoint_url=https://x\n[ profile   b c ]\nregion=r\n");
  ASSERT_TRUE(got) << got.error().text;
  EXPECT_EQ(got->services.at("local").at("route_53.endpoint_url"), "http://[::1]:1");
  EXPECT_EQ(got->services.at("local").at("sts.endpoint_url"), "https://x");
  EXPECT_EQ(got->find("a")->at("s3.max"), "3");
  EXPECT_NE(got->find("b c"), nullptr);
}

TEST(ProfileFile, ReadsEmptyOnes) {
  const auto got = read_profiles("", "\n ; nothing\n#\n");
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->profiles.empty());
}

TEST(ProfileFile, NamesTheLineAndNeverShowsIt) {
  for (const char* text : {"[a\nkey=1\n", "SECRET=1\n", "[a]\nSECRET\n"}) {
    const auto got = read_profiles(text, "");
    ASSERT_FALSE(got) << text;
    EXPECT_NE(got.error().text.find("the credentials file of AWS, line "), std::string::npos);
    EXPECT_EQ(got.error().text.find("SECRET"), std::string::npos);
  }
  EXPECT_FALSE(read_profiles("", std::string(2 * 1024 * 1024, '#')));
}

}  // namespace
}  // namespace hotswapd::aws
