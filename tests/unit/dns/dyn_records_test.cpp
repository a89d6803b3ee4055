// A name's records in a Dyn style API: read in all their spellings, compared, and changed.
#include "dns/dyn_records.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace hotswapd::dyn_api {
namespace {

const RecordKey www{"example.com", "www.example.com"};

Node node(const std::string& text) {
  auto read = read_node(boost::json::parse(text));
  EXPECT_TRUE(read) << read.error().text;
  return read ? std::move(*read) : Node();
}

SwapPlan plan() {
  SwapPlan out;
  out.key = www;
  out.expect = RecordSet{RecordType::a, 30, {"192.0.2.10"}};
  out.expect_generation = 41;
  out.want = RecordSet{RecordType::a, 20, {"198.51.100.10", "198.51.100.11"}};
  out.generation = 42;
  out.op = "7f3c";
  return out;
}

FoundMark mark(std::uint64_t generation, const std::string& op, const RecordSet& set) {
  const auto one = mark_of(generation, op, set);
  return {to_string(one), one};
}

TEST(DynRecords, AsksForAllThatIsAtTheName) {
  EXPECT_EQ(ask_node(www).path, "/ANYRecord/example.com/www.example.com/?detail=Y");
  EXPECT_EQ(ask_mark(www, "_hotswap.www.example.com").path,
            "/TXTRecord/example.com/_hotswap.www.example.com/?detail=Y");
}

TEST(DynRecords, ReadsWhatIsAtTheName) {
  const auto found = node(R"({"a_records": [
      {"zone": "example.com", "fqdn": "www.example.com.", "record_type": "A", "ttl": 30,
       "rdata": {"address": "192.0.2.10"}, "record_id": 319014258},
      {"ttl": "60", "rdata": {"address": "192.0.2.11"}, "record_id": "319014259"}],
      "aaaa_records": [], "cname_records": null, "soa_records": [{}], "txt_records": []})");
  const auto set = found.set(www.fqdn);
  ASSERT_TRUE(set);
  EXPECT_EQ(*set, (RecordSet{RecordType::a, 60, {"192.0.2.10", "192.0.2.11"}}));
  ASSERT_NE(found.of("A"), nullptr);
  EXPECT_EQ(found.of("A")->list[0].id, "319014258");
  EXPECT_EQ(found.of("A")->list[1].id, "319014259");
  EXPECT_EQ(found.of("CNAME"), nullptr);
}

TEST(DynRecords, ValuesAreCanonical) {
  const auto v6 =
      node(R"({"aaaa_records": [{"ttl": 1, "rdata": {"address": "2001:DB8:0:0::1"}}]})");
  EXPECT_EQ((*v6.set(www.fqdn))->values.front(), "2001:db8::1");
  const auto name =
      node(R"({"cname_records": [{"ttl": 1, "rdata": {"cname": "Backup.Example.NET."}}]})");
  EXPECT_EQ((*name.set(www.fqdn))->values.front(), "backup.example.net");
}

TEST(DynRecords, ANameWithoutOursHasNoSet) {
  EXPECT_EQ(*node("{}").set(www.fqdn), std::nullopt);
  EXPECT_EQ(*node("[]").set(www.fqdn), std::nullopt);
  EXPECT_EQ(*node(R"({"a_records": [], "mx_records": [{"x": 1}]})").set(www.fqdn), std::nullopt);
}

TEST(DynRecords, TwoFamiliesAtOneNameAreAConflict) {
  const auto both = node(R"({"a_records": [{"ttl": 1, "rdata": {"address": "192.0.2.1"}}],
      "aaaa_records": [{"ttl": 1, "rdata": {"address": "2001:db8::1"}}]})");
  const auto set = both.set(www.fqdn);
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().code, errc::conflict);
  EXPECT_NE(set.error().text.find("a name of its own"), std::string::npos);
  EXPECT_EQ(compare(plan(), both, std::nullopt, false)->outcome, SwapOutcome::refused);
}

TEST(DynRecords, WhatMakesNoSenseIsAnError) {
  for (const auto* text :
       {"null", "1", R"(["/REST/ARecord/a/b/1"])", R"({"a_records": {}})", R"({"a_records": [1]})",
        R"({"a_records": [{"ttl": 1}]})", R"({"a_records": [{"ttl": 1, "rdata": {}}]})",
        R"({"a_records": [{"rdata": {"address": "192.0.2.1"}}]})",
        R"({"a_records": [{"ttl": -1, "rdata": {"address": "192.0.2.1"}}]})",
        R"({"a_records": [{"ttl": 99999999999, "rdata": {"address": "192.0.2.1"}}]})",
        R"({"a_records": [{"ttl": 1, "rdata": {"address": "www"}}]})",
        R"({"cname_records": [{"ttl": 1, "rdata": {"cname": "."}}]})"}) {
    const auto read = read_node(boost::json::parse(text));
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, errc::corrupt) << text;
  }
}

TEST(DynRecords, FindsTheMark) {
  const auto read = [](const std::string& data) {
    return mark_in(*read_texts(boost::json::parse(R"([{"ttl": 30, "rdata": {"txtdata": ")" + data +
                                                  R"("}, "record_id": 5}])")),
                   www.fqdn);
  };
  EXPECT_EQ((*read("gen=7;id=ab"))->mark.generation, 7U);
  EXPECT_EQ((*read("\\\"gen=7;id=ab\\\""))->mark.op, "ab");
  EXPECT_EQ(read("v=spf1").error().code, errc::conflict);
  EXPECT_EQ(*mark_in(*read_texts(boost::json::parse("[]")), www.fqdn), std::nullopt);
}

TEST(DynRecords, GoesOnWhereTheRecordIsWhatWasExpected) {
  const auto there = node(R"({"a_records": [{"ttl": 300, "rdata": {"address": "192.0.2.10"}}]})");
  EXPECT_EQ(compare(plan(), there, mark(41, "old", *plan().expect), true), std::nullopt);
  auto by_value = plan();
  by_value.expect_generation = std::nullopt;
  EXPECT_EQ(compare(by_value, there, std::nullopt, false), std::nullopt);
}

TEST(DynRecords, SaysWhatStandsAgainstAPlan) {
  const auto old = node(R"({"a_records": [{"ttl": 30, "rdata": {"address": "192.0.2.10"}}]})");
  const auto foreign = node(R"({"a_records": [{"ttl": 30, "rdata": {"address": "192.0.2.99"}}]})");
  const auto wanted = node(R"({"a_records": [{"ttl": 20, "rdata": {"address": "198.51.100.11"}},
                                             {"ttl": 20, "rdata": {"address": "198.51.100.10"}}]})");
  const auto outcome = [](const Node& there, const std::optional<FoundMark>& found) {
    const auto result = compare(plan(), there, found, true);
    return result ? result->outcome : SwapOutcome::applied;
  };
  const auto before = mark(41, "old", *plan().expect);
  EXPECT_EQ(outcome(foreign, before), SwapOutcome::conflict);
  EXPECT_EQ(outcome(Node(), before), SwapOutcome::conflict);
  EXPECT_EQ(outcome(old, mark(40, "older", *plan().expect)), SwapOutcome::conflict);
  EXPECT_EQ(outcome(old, std::nullopt), SwapOutcome::conflict);
  const auto ours = mark(42, "7f3c", plan().want);
  EXPECT_EQ(outcome(wanted, ours), SwapOutcome::already);
  EXPECT_EQ(outcome(foreign, ours), SwapOutcome::conflict) << "changed by hand since";
  auto apex = plan();
  apex.key.fqdn = "example.com";
  apex.want = RecordSet{RecordType::cname, 20, {"b.example.net"}};
  EXPECT_EQ(compare(apex, old, before, true)->outcome, SwapOutcome::refused);
}

TEST(DynRecords, ReplacesASetInOneRequest) {
  const auto request = replace_set(target_of(plan()));
  EXPECT_EQ(request.method, "PUT");
  EXPECT_EQ(request.path, "/ARecord/example.com/www.example.com/");
  EXPECT_EQ(request.body, R"({"ARecords":[{"rdata":{"address":"198.51.100.10"},"ttl":20},)"
                          R"({"rdata":{"address":"198.51.100.11"},"ttl":20}]})");
  auto name = plan();
  name.want = RecordSet{RecordType::cname, 20, {"b.example.net"}};
  EXPECT_EQ(replace_set(target_of(name)).body,
            R"({"CNAMERecords":[{"rdata":{"cname":"b.example.net."},"ttl":20}]})");
  const auto text = replace_set(mark_target(plan(), "_hotswap.www.example.com"));
  EXPECT_EQ(text.path, "/TXTRecord/example.com/_hotswap.www.example.com/");
  EXPECT_NE(text.body.find(R"("txtdata":"gen=42;id=7f3c;rec=)"), std::string::npos) << text.body;
}

// What a server without the set form would hold after the requests.
std::vector<std::string> performed(const Records& there, const std::vector<Request>& requests) {
  std::vector<Record> have = there.list;
  for (const auto& request : requests) {
    const auto id =
        request.path.substr(std::string("/ARecord/example.com/www.example.com/").size());
    const auto at = std::find_if(have.begin(), have.end(),
                                 [&](const Record& record) { return record.id + "/" == id; });
    if (request.method == "DELETE") {
      have.erase(at);
      continue;
    }
    const auto body = boost::json::parse(request.body);
    const Record fresh{"", std::string(body.at("rdata").at("address").as_string()),
                       static_cast<std::uint32_t>(body.at("ttl").as_int64())};
    if (request.method == "POST") have.push_back(fresh);
    if (request.method == "PUT") *at = fresh;
  }
  std::vector<std::string> out;
  for (const auto& record : have) out.push_back(record.value + " " + std::to_string(record.ttl));
  std::sort(out.begin(), out.end());
  return out;
}

TEST(DynRecords, ReplacesASetOneByOneWithTheFewestRequests) {
  const struct {
    std::vector<Record> there;
    std::size_t requests;
  } rows[] = {
      {{}, 2},
      {{{"1", "198.51.100.10", 20}, {"2", "198.51.100.11", 20}}, 0},
      {{{"1", "198.51.100.10", 30}, {"2", "198.51.100.11", 20}}, 1},
      {{{"1", "192.0.2.1", 20}}, 2},
      {{{"1", "192.0.2.1", 20}, {"2", "198.51.100.11", 20}, {"3", "192.0.2.3", 20}}, 2},
      {{{"1", "192.0.2.1", 1}, {"2", "192.0.2.2", 1}, {"3", "192.0.2.3", 1}}, 3},
  };
  for (const auto& row : rows) {
    const Records there{"A", row.there};
    const auto requests = edits(target_of(plan()), there);
    ASSERT_TRUE(requests);
    EXPECT_EQ(requests->size(), row.requests);
    EXPECT_EQ(performed(there, *requests),
              (std::vector<std::string>{"198.51.100.10 20", "198.51.100.11 20"}));
  }
}

TEST(DynRecords, NeverDeletesByAnIdThatMeansAll) {
  for (const auto* id : {"", "0"}) {
    const Records there{"A", {{id, "192.0.2.1", 20}}};
    EXPECT_FALSE(edits(target_of(plan()), there)) << id;
  }
  EXPECT_EQ(delete_kind("example.com", "www.example.com", "CNAME").path,
            "/CNAMERecord/example.com/www.example.com/");
}

}  // namespace
}  // namespace hotswapd::dyn_api
