// Cloudflare's API v4 as bytes: envelopes, pages, sets of records with ids, and the batch between
// two of them.
#include "dns/cloudflare_codec.hpp"

#include <gtest/gtest.h>

namespace hotswapd {
namespace {

using namespace cloudflare;

const Api api{"https://api.cloudflare.com/client/v4", "023e", "the-token"};
const WallTime now = WallTime(Seconds(1'700'000'000));
const std::string name = "www.example.com";

HttpCall listing() {
  return list_call(api, name, 2, TimePoint());
}

Fallible<Page> parsed(const std::string& body, int status = 200,
                      std::vector<HttpHeader> headers = {}) {
  return parse_page(listing(), HttpReply{status, std::move(headers), body}, name, now);
}

std::string envelope(const std::string& result, const std::string& more = "") {
  return R"({"success":true,"errors":[],"messages":[],"result":)" + result + more + "}";
}

TEST(CloudflareCodec, AsksForOneName) {
  EXPECT_EQ(listing().url,
            "https://api.cloudflare.com/client/v4/zones/023e/dns_records?name.exact="
            "www.example.com&per_page=100&page=2");
  EXPECT_EQ(listing().headers, (std::vector<HttpHeader>{{"Authorization", "Bearer the-token"}}));
  EXPECT_EQ(zone_call(api, {}).url, "https://api.cloudflare.com/client/v4/zones/023e");
}

TEST(CloudflareCodec, ReadsAPage) {
  const auto page = parsed(envelope(
      R"([{"id":"r1","type":"A","name":"WWW.example.com","content":"192.0.2.10","ttl":60,
           "proxied":false,"comment":"gen=1"},
          {"id":"r2","type":"AAAA","name":"www.example.com","content":"2001:DB8::1","ttl":1,
           "proxied":true,"comment":null},
          {"id":"r3","type":"CNAME","name":"www.example.com","content":"B.example.net","ttl":60},
          {"id":"r4","type":"MX","name":"www.example.com","content":"mx","ttl":60},
          {"id":"r5","type":"A","name":"x.www.example.com","content":"192.0.2.99","ttl":60}])",
      R"(,"result_info":{"page":2,"per_page":100,"total_pages":3})"));
  ASSERT_TRUE(page) << page.error().text;
  EXPECT_EQ(page->pages, 3);
  ASSERT_EQ(page->records.size(), 3u);
  EXPECT_EQ(page->records[0].id, "r1");
  EXPECT_EQ(page->records[0].comment, "gen=1");
  EXPECT_TRUE(page->records[1].proxied);
  EXPECT_EQ(page->records[1].value, "2001:db8::1");
  EXPECT_EQ(page->records[2].value, "b.example.net");
}

TEST(CloudflareCodec, WhatIsNotUnderstoodIsNoAbsence) {
  for (const std::string& body :
       {std::string(""), std::string("[]"), std::string(R"({"success":true})"), envelope("{}"),
        envelope(
            R"([{"id":"","type":"A","name":"www.example.com","content":"192.0.2.1","ttl":1}])"),
        envelope(R"([{"id":"a","type":"A","name":"www.example.com","content":"::1","ttl":1}])"),
        envelope(R"([{"id":"a","type":"A","name":"www.example.com","content":"192.0.2.1"}])")}) {
    const auto page = parsed(body);
    ASSERT_FALSE(page) << body;
    EXPECT_TRUE(page.error().code == errc::corrupt || page.error().code == errc::refused) << body;
  }
}

TEST(CloudflareCodec, ErrorsAreItsOwnWords) {
  const std::string body =
      R"({"success":false,"errors":[{"code":10000,"message":"Authentication error: the-token"}],
          "messages":[],"result":null})";
  for (const int status : {200, 400, 403}) {
    const auto page = parsed(body, status);
    ASSERT_FALSE(page);
    EXPECT_EQ(page.error().code, errc::refused);
    EXPECT_NE(page.error().text.find("Authentication error: *** (10000)"), std::string::npos)
        << page.error().text;
  }
  const auto limited = parsed(body, 429);
  EXPECT_EQ(limited.error().hint.hurdle, Hurdle::throttled);
  EXPECT_EQ(limited.error().hint.retry_after, Millis(300'000)) << "blocked for five minutes";
  EXPECT_EQ(parsed(body, 429, {{"retry-after", "9"}}).error().hint.retry_after, Millis(9'000));
  EXPECT_EQ(parsed("<html>", 502).error().code, errc::unavailable);
  const auto batch = batch_call(api, SwapPlan{}, {}, {});
  EXPECT_EQ(parse_done(batch, {502, {}, "<html>"}, now).error().code, errc::unknown_fate);
  EXPECT_EQ(parse_done(batch, {200, {}, "<html>"}, now).error().code, errc::unknown_fate);
  EXPECT_TRUE(parse_done(batch, {200, {}, envelope("{}")}, now));
}

TEST(CloudflareCodec, TheZoneBehindTheId) {
  const auto call = zone_call(api, {});
  const auto zone = cloudflare::parse_zone(
      call,
      {200,
       {},
       envelope(R"({"name":"Example.com","name_servers":["A.ns.example.","b.ns.example"]})")},
      now);
  ASSERT_TRUE(zone);
  EXPECT_EQ(zone->name, "example.com");
  EXPECT_EQ(zone->name_servers, (std::vector<std::string>{"a.ns.example.", "b.ns.example"}));
  EXPECT_FALSE(cloudflare::parse_zone(call, {200, {}, envelope("{}")}, now));
}

Record record(std::string id, std::string value, std::string comment = "",
              RecordType type = RecordType::a) {
  return {std::move(id), type, std::move(value), 60, false, std::move(comment)};
}

TEST(CloudflareCodec, SeveralRecordsAreOneSet) {
  const RecordSet both{RecordType::a, 60, {"192.0.2.1", "192.0.2.2"}};
  const auto mark = to_string(mark_of(4, "op4", both));
  const auto now_there =
      snapshot_of({record("a", "192.0.2.1", mark), record("b", "192.0.2.2", mark)}, name);
  ASSERT_TRUE(now_there);
  EXPECT_EQ(*now_there->set, both);
  EXPECT_EQ(now_there->mark->generation, 4u);
  EXPECT_EQ(now_there->mark->op, "op4");
  // Somebody put one beside them, or wrote a note of his own.
  const auto mixed =
      snapshot_of({record("a", "192.0.2.1", mark), record("b", "192.0.2.2", "note")}, name);
  EXPECT_EQ(mixed->mark->generation, 4u);
  EXPECT_EQ(mixed->mark->op, "");
  EXPECT_FALSE(snapshot_of({record("a", "192.0.2.1", "note")}, name)->mark);
  EXPECT_FALSE(snapshot_of({}, name)->set);
}

TEST(CloudflareCodec, WhatNoServiceCanHave) {
  const auto families = snapshot_of(
      {record("a", "192.0.2.1"), record("b", "2001:db8::1", "", RecordType::aaaa)}, name);
  EXPECT_EQ(families.error().code, errc::conflict);
  auto proxied = record("a", "192.0.2.1");
  proxied.proxied = true;
  EXPECT_EQ(snapshot_of({proxied}, name).error().code, errc::refused);
}

std::string batch(std::vector<std::string> want, const std::vector<Record>& before) {
  SwapPlan plan;
  plan.key = {"example.com", name};
  plan.want = {RecordType::a, 60, std::move(want)};
  plan.generation = 5;
  plan.op = "op5";
  auto body = batch_call(api, plan, before, {}).body;
  const auto mark = to_string(mark_of(5, "op5", plan.want));
  for (auto at = body.find(mark); at != std::string::npos; at = body.find(mark))
    body.replace(at, mark.size(), "MARK");
  const std::string rest = R"(,"ttl":60,"proxied":false,"comment":"MARK")";
  const std::string head = R"("name":"www.example.com","type":"A","content":)";
  for (const auto& noise : {rest, head}) {
    for (auto at = body.find(noise); at != std::string::npos; at = body.find(noise))
      body.erase(at, noise.size());
  }
  return body;
}

TEST(CloudflareCodec, ARecordIsChangedInPlace) {
  EXPECT_EQ(batch({"192.0.2.2"}, {record("a", "192.0.2.1")}),
            R"({"patches":[{"192.0.2.2","id":"a"}]})");
  EXPECT_EQ(batch({"192.0.2.1"}, {record("a", "192.0.2.1")}),
            R"({"patches":[{"192.0.2.1","id":"a"}]})")
      << "only the mark changes";
  EXPECT_EQ(batch({"192.0.2.1"}, {}), R"({"posts":[{"192.0.2.1"}]})");
  EXPECT_EQ(batch({"192.0.2.1", "192.0.2.3"}, {record("a", "192.0.2.1"), record("b", "192.0.2.2")}),
            R"({"patches":[{"192.0.2.1","id":"a"},{"192.0.2.3","id":"b"}]})");
  EXPECT_EQ(batch({"192.0.2.2"}, {record("a", "192.0.2.1"), record("b", "192.0.2.2")}),
            R"({"deletes":[{"id":"a"}],"patches":[{"192.0.2.2","id":"b"}]})");
  EXPECT_EQ(batch({"192.0.2.1", "192.0.2.2"}, {record("a", "192.0.2.1")}),
            R"({"patches":[{"192.0.2.1","id":"a"}],"posts":[{"192.0.2.2"}]})");
  EXPECT_EQ(batch({"192.0.2.1"}, {record("a", "2001:db8::1", "", RecordType::aaaa)}),
            R"({"deletes":[{"id":"a"}],"posts":[{"192.0.2.1"}]})");
}

TEST(CloudflareCodec, TheMarkFitsIntoAComment) {
  const auto mark = to_string(mark_of(18446744073709551615U, std::string(16, 'f'), RecordSet{}));
  EXPECT_LE(mark.size(), 100u);
}

}  // namespace
}  // namespace hotswapd
