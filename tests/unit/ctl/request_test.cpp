#include <gtest/gtest.h>

#include "ctl/commands.hpp"

namespace hotswapd::ctl {
namespace {

Arguments command(const char* name) {
  Arguments arguments;
  arguments.command = name;
  return arguments;
}

TEST(Request, CarriesOnlyWhatTheCommandKnows) {
  EXPECT_EQ(*request_line(command("status"), "", ""), "{\"command\":\"status\"}\n");
  Arguments arguments = command("history");
  arguments.fqdn = "www.example.com";
  arguments.limit = 3;
  EXPECT_EQ(*request_line(arguments, "", ""),
            "{\"command\":\"history\",\"fqdn\":\"www.example.com\",\"limit\":3}\n");
  arguments = command("force-failover");
  arguments.fqdn = "www.example.com";
  arguments.reason = "moving the \"rack\"\n";
  arguments.length = Seconds(90);
  EXPECT_EQ(*request_line(arguments, "", ""),
            "{\"command\":\"force-failover\",\"fqdn\":\"www.example.com\","
            "\"reason\":\"moving the \\\"rack\\\"\\n\",\"for_ms\":90000}\n");
  EXPECT_EQ(*request_line(command("plan"), "/etc/h.yaml", "site: {}\n"),
            "{\"command\":\"plan\",\"file\":\"/etc/h.yaml\",\"text\":\"site: {}\\n\"}\n");
}

TEST(Request, WhatTheDaemonCannotTakeIsRefusedHere) {
  const auto binary = request_line(command("plan"), "/etc/h.yaml", "\xff\xfe");
  ASSERT_FALSE(binary);
  EXPECT_EQ(binary.error().code, errc::invalid_argument);
  const auto long_one =
      request_line(command("plan"), "/etc/h.yaml", std::string(17 * 1024 * 1024, 'x'));
  ASSERT_FALSE(long_one);
  EXPECT_EQ(long_one.error().code, errc::invalid_argument);
}

}  // namespace
}  // namespace hotswapd::ctl
