// What is asked of Route 53 and what it answers.
#include "dns/route53_message.hpp"

#include <gtest/gtest.h>

namespace hotswapd::route53 {
namespace {

std::string set(const char* name, const char* type, const char* ttl,
                std::vector<std::string> values, const std::string& more = "") {
  std::string out =
      std::string("<ResourceRecordSet><Name>") + name + "</Name><Type>" + type + "</Type>" + more;
  if (*ttl != '\0') out += std::string("<TTL>") + ttl + "</TTL>";
  out += "<ResourceRecords>";
  for (const auto& value : values)
    out += "<ResourceRecord><Value>" + value + "</Value></ResourceRecord>";
  return out + "</ResourceRecords></ResourceRecordSet>";
}

std::string page(const std::string& sets, const std::string& more = "") {
  return "<?xml version=\"1.0\"?>\n<ListResourceRecordSetsResponse "
         "xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ResourceRecordSets>" +
         sets + "</ResourceRecordSets>" + more +
         "<MaxItems>100</MaxItems></ListResourceRecordSetsResponse>";
}

NameState state_of(const std::string& xml, const std::string& fqdn) {
  NameState out;
  add(out, read_page(xml).value(), fqdn);
  return out;
}

constexpr const char* mark = "&quot;gen=41;id=7f3c&quot;";

TEST(Route53Message, ReadsANameAndItsMarkAndNothingElse) {
  const auto xml = page(set("www.example.com.", "A", "30", {"192.0.2.10", "192.0.2.11"}) +
                        set("www.example.com.", "MX", "30", {"10 mx.example.com."}) +
                        set("_hotswap.www.example.com.", "TXT", "30", {mark}) +
                        set("a.www.example.com.", "A", "30", {"192.0.2.99"}));
  const auto found = understand(state_of(xml, "www.example.com"), "www.example.com");
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_EQ(found->set, (RecordSet{RecordType::a, 30, {"192.0.2.10", "192.0.2.11"}}));
  EXPECT_EQ(found->mark->mark.generation, 41U);
  EXPECT_EQ(found->mark->text, "gen=41;id=7f3c");
}

TEST(Route53Message, FindsNothingWhereThereIsNothing) {
  const auto found = understand(
      state_of(page(set("x.example.com.", "A", "30", {"192.0.2.1"})), "www.example.com"), "www");
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->set);
  EXPECT_FALSE(found->mark);
}

TEST(Route53Message, ValuesBecomeCanonicalAndStayAsStored) {
  const auto state =
      state_of(page(set("\\052.EXAMPLE.com.", "AAAA", "5", {"2001:DB8:0::1"})), "*.example.com");
  const auto found = understand(state, "*.example.com");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->set->values, std::vector<std::string>{"2001:db8::1"});
  EXPECT_EQ(state.sets.front().values, std::vector<std::string>{"2001:DB8:0::1"});
  const auto alias = understand(
      state_of(page(set("w.example.com.", "CNAME", "5", {"Target.Example.NET."})), "w.example.com"),
      "w.example.com");
  EXPECT_EQ(alias->set->values, std::vector<std::string>{"target.example.net"});
}

TEST(Route53Message, WhatCannotBeSwappedIsAConflict) {
  const char* target =
      "<AliasTarget><HostedZoneId>Z1</HostedZoneId><DNSName>lb.example.</DNSName>"
      "<EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget>";
  const std::string pages[] = {
      page(set("www.example.com.", "A", "", {}, target)),
      page(set("www.example.com.", "A", "30", {"192.0.2.1"},
               "<SetIdentifier>one</SetIdentifier><Weight>1</Weight>")),
      page(set("www.example.com.", "A", "30", {"192.0.2.1"}) +
           set("www.example.com.", "AAAA", "30", {"2001:db8::1"})),
      page(set("_hotswap.www.example.com.", "TXT", "30", {"&quot;v=spf1 -all&quot;"})),
      page(set("_hotswap.www.example.com.", "TXT", "30", {mark, mark})),
  };
  for (const auto& xml : pages) {
    const auto found = understand(state_of(xml, "www.example.com"), "www.example.com");
    ASSERT_FALSE(found) << xml;
    EXPECT_EQ(found.error().code, errc::conflict) << found.error().text;
  }
}

TEST(Route53Message, GoesOnWhereAPageEnds) {
  const auto half = read_page(page(set("www.example.com.", "A", "30", {"192.0.2.1"}),
                                   "<IsTruncated>true</IsTruncated><NextRecordName>"
                                   "a\\052.www.example.com.</NextRecordName>"));
  ASSERT_TRUE(half);
  EXPECT_EQ(half->next_name, "a*.www.example.com");
  EXPECT_FALSE(read_page(page("", "<IsTruncated>true</IsTruncated>")));
  const auto whole = read_page(page("", "<IsTruncated>false</IsTruncated>"));
  EXPECT_EQ(whole->next_name, "");
}

TEST(Route53Message, KnowsTheOrderOfNames) {
  const std::string name = "_hotswap.www.example.com";
  for (const char* later : {"a.www.example.com", "x.example.com", "z.org", "wwx.example.com",
                            "a._hotswap.www.example.com"})
    EXPECT_TRUE(past(later, name)) << later;
  for (const char* earlier : {"_hotswap.www.example.com", "0.www.example.com", "www.example.com",
                              "example.com", "z.www.example.co"})
    EXPECT_FALSE(past(earlier, name)) << earlier;
}

TEST(Route53Message, RefusesWhatIsNoAnswer) {
  for (const char* text : {"", "<html/>", "not xml", "<ListResourceRecordSetsResponse/>",
                           "<!DOCTYPE a><ListResourceRecordSetsResponse><ResourceRecordSets/>"
                           "</ListResourceRecordSetsResponse>"})
    EXPECT_FALSE(read_page(text)) << text;
  EXPECT_FALSE(read_change("<a/>"));
}

SwapPlan plan() {
  SwapPlan out;
  out.key = {"example.com", "www.example.com"};
  out.expect = RecordSet{RecordType::a, 30, {"192.0.2.10"}};
  out.want = {RecordType::cname, 30, {"backup.example.net"}};
  out.expect_generation = 41;
  out.generation = 42;
  out.op = "7f3d";
  return out;
}

TEST(Route53Message, WritesOneBatchThatTakesOutExactlyWhatStandsThere) {
  const auto live = state_of(page(set("www.example.com.", "A", "60", {"192.0.2.10"}) +
                                  set("_hotswap.www.example.com.", "TXT", "7", {mark})),
                             "www.example.com");
  const auto rec = to_string(mark_of(42, "7f3d", plan().want));
  EXPECT_EQ(
      change_batch(plan(), live),
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">"
      "<ChangeBatch><Comment>hotswapd 7f3d</Comment><Changes>"
      "<Change><Action>DELETE</Action><ResourceRecordSet><Name>www.example.com.</Name>"
      "<Type>A</Type><TTL>60</TTL><ResourceRecords><ResourceRecord><Value>192.0.2.10</Value>"
      "</ResourceRecord></ResourceRecords></ResourceRecordSet></Change>"
      "<Change><Action>DELETE</Action><ResourceRecordSet><Name>_hotswap.www.example.com.</Name>"
      "<Type>TXT</Type><TTL>7</TTL><ResourceRecords><ResourceRecord><Value>&quot;gen=41;id=7f3c"
      "&quot;</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change>"
      "<Change><Action>CREATE</Action><ResourceRecordSet><Name>www.example.com.</Name>"
      "<Type>CNAME</Type><TTL>30</TTL><ResourceRecords><ResourceRecord><Value>backup.example.net."
      "</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change>"
      "<Change><Action>CREATE</Action><ResourceRecordSet><Name>_hotswap.www.example.com.</Name>"
      "<Type>TXT</Type><TTL>30</TTL><ResourceRecords><ResourceRecord><Value>&quot;" +
          rec +
          "&quot;</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change>"
          "</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>");
}

TEST(Route53Message, ReadsWhatBecameOfAChange) {
  const auto told = [](const char* status) {
    return read_change(std::string("<ChangeResourceRecordSetsResponse "
                                   "xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">"
                                   "<ChangeInfo><Id>/change/C45F4</Id><Status>") +
                       status + "</Status></ChangeInfo></ChangeResourceRecordSetsResponse>");
  };
  EXPECT_EQ(told("PENDING")->id, "C45F4");
  EXPECT_FALSE(told("PENDING")->in_sync);
  EXPECT_FALSE(told("SOMETHING_NEW")->in_sync);
  EXPECT_TRUE(told("INSYNC")->in_sync);
}

TEST(Route53Message, TellsALostRaceFromABatchThatCanNeverBe) {
  const auto outcome = [](const char* code, std::vector<std::string> messages) {
    return outcome_of({400, code, std::move(messages), ""});
  };
  const char* races[] = {
      "[Tried to delete resource record set [name='www.example.com.', type='A'] but it was not "
      "found]",
      "[Tried to delete resource record set [name='w.', type='A'] but the values provided do not "
      "match the current values]",
      "[Tried to create resource record set [name='w.', type='A'] but it already exists]"};
  for (const char* text : races)
    EXPECT_EQ(outcome("InvalidChangeBatch", {text}), SwapOutcome::conflict) << text;
  EXPECT_EQ(outcome("InvalidChangeBatch", {}), SwapOutcome::conflict);
  const char* never[] = {
      "[RRSet of type CNAME with DNS name www.example.com. is not permitted as it conflicts with "
      "other records with the same DNS name in zone example.com.]",
      "[RRSet with DNS name www.example.org. is not permitted in zone example.com.]",
      "[Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address']"};
  for (const char* text : never)
    EXPECT_EQ(outcome("InvalidChangeBatch", {text}), SwapOutcome::refused) << text;
  for (const char* code : {"NoSuchHostedZone", "AccessDenied", "InvalidInput", "HTTP403"})
    EXPECT_EQ(outcome(code, {}), SwapOutcome::refused) << code;
}

TEST(Route53Message, MakesPaths) {
  EXPECT_EQ(list_path("/hostedzone/Z1"), "/2013-04-01/hostedzone/Z1/rrset");
  EXPECT_EQ(change_path("Z1"), "/2013-04-01/hostedzone/Z1/rrset/");
  EXPECT_EQ(change_status_path("/change/C1"), "/2013-04-01/change/C1");
  EXPECT_EQ(list_query("*.example.com", 5), "name=%2A.example.com.&maxitems=5");
}

TEST(Route53Message, FindsTheNameServers) {
  const auto apex = read_page(
      page(set("example.com.", "NS", "172800", {"ns-1.awsdns-01.org.", "NS-2.awsdns-02.com."}) +
           set("sub.example.com.", "NS", "60", {"other.example."})));
  EXPECT_EQ(name_servers(*apex, "example.com"),
            (std::vector<std::string>{"ns-1.awsdns-01.org", "ns-2.awsdns-02.com"}));
}

}  // namespace
}  // namespace hotswapd::route53
