// The HTTP API of PowerDNS as bytes: what is asked, what is written, and what its answers mean.
#include "dns/powerdns_codec.hpp"

#include <gtest/gtest.h>

#include "dns/generation_mark.hpp"
#include "dns/http_trouble.hpp"
#include "dns/txt_text.hpp"

namespace hotswapd {
namespace {

using namespace powerdns;

const Api api{"http://192.0.2.6:8081/", "local host", "the-secret-key"};
const WallTime now = WallTime(Seconds(1'700'000'000));

Fallible<Found> parsed(const std::string& body, const std::string& name = "www.example.com") {
  const auto call = read_call(api, "example.com", name, TimePoint());
  return powerdns::parse_zone(call, HttpReply{200, {}, body}, name);
}

TEST(PowerdnsCodec, AsksForOneName) {
  const auto call = read_call(api, "example.com", "www.example.com", TimePoint());
  EXPECT_EQ(call.method, "GET");
  EXPECT_EQ(call.url,
            "http://192.0.2.6:8081/api/v1/servers/local%20host/zones/example.com.?rrset_name="
            "www.example.com.");
  EXPECT_EQ(call.headers, (std::vector<HttpHeader>{{"X-API-Key", "the-secret-key"}}));
}

TEST(PowerdnsCodec, ReadsWhatIsServed) {
  const auto found = parsed(R"({"serial":7,"edited_serial":9,"rrsets":[
    {"name":"WWW.example.com.","type":"A","ttl":30,"comments":[],"records":[
      {"content":"192.0.2.10","disabled":false},{"content":"192.0.2.11","disabled":true},
      {"content":"192.0.2.12"}]},
    {"name":"www.example.com.","type":"MX","ttl":30,"records":[{"content":"10 mx."}]},
    {"name":"other.example.com.","type":"A","ttl":30,"records":[{"content":"192.0.2.99"}]}]})");
  ASSERT_TRUE(found) << found.error().text;
  ASSERT_EQ(found->records.sets.size(), 1u);
  EXPECT_EQ(found->records.sets[0], (RecordSet{RecordType::a, 30, {"192.0.2.10", "192.0.2.12"}}));
  EXPECT_EQ(found->records.serial, 9u);
  EXPECT_EQ(found->maker, "");
}

TEST(PowerdnsCodec, ReadsEveryTypeThatMatters) {
  const auto found = parsed(R"({"serial":7,"rrsets":[
    {"name":"www.example.com.","type":"AAAA","ttl":30,"records":[{"content":"2001:DB8:0::1"}]},
    {"name":"www.example.com.","type":"CNAME","ttl":5,"records":[{"content":"B.example.net."}]},
    {"name":"www.example.com.","type":"LUA","ttl":5,"records":[{"content":"A \"x\""}]},
    {"name":"www.example.com.","type":"NS","ttl":5,"records":[{"content":"NS1.example.net."}]},
    {"name":"www.example.com.","type":"TXT","ttl":5,"records":[{"content":"\"gen=1\""}]}]})");
  ASSERT_TRUE(found) << found.error().text;
  ASSERT_EQ(found->records.sets.size(), 2u);
  EXPECT_EQ(found->records.sets[0].values, std::vector<std::string>{"2001:db8::1"});
  EXPECT_EQ(found->records.sets[1].values, std::vector<std::string>{"b.example.net"});
  EXPECT_EQ(found->records.serial, 7u);
  EXPECT_EQ(found->maker, "LUA");
  EXPECT_EQ(found->records.texts, (std::vector<std::vector<std::string>>{{"gen=1"}}));
  ASSERT_EQ(found->records.name_servers.size(), 1u);
}

TEST(PowerdnsCodec, SwitchedOffAloneIsNoRecord) {
  const auto found = parsed(R"({"serial":7,"rrsets":[{"name":"www.example.com.","type":"A",
    "ttl":30,"records":[{"content":"192.0.2.11","disabled":true}]}]})");
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->records.sets.empty());
}

TEST(PowerdnsCodec, WhatIsNotUnderstoodIsNoAbsence) {
  for (
      const char* const body :
      {"", "Not Found", "[]", "{}", R"({"rrsets":{}})",
       R"({"rrsets":[{"name":"www.example.com.","type":"A","ttl":30}]})",
       R"({"rrsets":[{"name":"www.example.com.","type":"A","records":[{"content":"192.0.2.1"}]}]})",
       R"({"rrsets":[{"name":"www.example.com.","type":"A","ttl":-1,"records":[]}]})",
       R"({"rrsets":[{"name":"www.example.com.","type":"A","ttl":3,"records":[{"content":"x"}]}]})",
       R"({"rrsets":[{"name":"www.example.com.","type":"A","ttl":3,"records":[{"content":"::1"}]}]})",
       R"({"rrsets":[{"name":"www.example.com.","type":"A","ttl":3,"records":["192.0.2.1"]}]})"}) {
    const auto found = parsed(body);
    ASSERT_FALSE(found) << body;
    EXPECT_EQ(found.error().code, errc::corrupt) << body;
  }
  EXPECT_FALSE(parsed(std::string(100'000, '[')));
}

SwapPlan plan(RecordSet want) {
  SwapPlan out;
  out.key = {"example.com", "www.example.com"};
  out.want = std::move(want);
  out.generation = 42;
  out.op = "7f3c";
  return out;
}

TEST(PowerdnsCodec, WritesRecordAndGenerationAtOnce) {
  const auto call =
      write_call(api, plan({RecordType::a, 30, {"198.51.100.10", "198.51.100.11"}}), {}, {});
  EXPECT_EQ(call.method, "PATCH");
  EXPECT_EQ(call.url, "http://192.0.2.6:8081/api/v1/servers/local%20host/zones/example.com.");
  EXPECT_EQ(
      call.body,
      R"({"rrsets":[{"name":"www.example.com.","type":"A","ttl":30,"changetype":"REPLACE","records":)"
      R"([{"content":"198.51.100.10","disabled":false},{"content":"198.51.100.11","disabled":false}]},)"
      R"({"name":"_hotswap.www.example.com.","type":"TXT","ttl":30,"changetype":"REPLACE","records":)"
      R"([{"content":"\")" +
          to_string(mark_of(42, "7f3c", {RecordType::a, 30, {"198.51.100.10", "198.51.100.11"}})) +
          R"(\"","disabled":false}]}]})");
}

TEST(PowerdnsCodec, TakesTheOtherTypeOutFirst) {
  Found before;
  before.records.sets = {{RecordType::aaaa, 30, {"2001:db8::1"}}};
  const auto call = write_call(api, plan({RecordType::a, 30, {"198.51.100.10"}}), before, {});
  EXPECT_TRUE(call.body.starts_with(
      R"({"rrsets":[{"name":"www.example.com.","type":"AAAA","changetype":"DELETE"},)"))
      << call.body;
  const auto cname = write_call(api, plan({RecordType::cname, 30, {"b.example.net"}}), {}, {});
  EXPECT_NE(cname.body.find(R"("content":"b.example.net.")"), std::string::npos) << cname.body;
}

struct Row {
  const char* method;
  int status;
  const char* retry_after;
  errc code;
  SwapOutcome outcome;
  Hurdle hurdle;
};

TEST(HttpTrouble, WhatMayBeConcluded) {
  const Row rows[] = {
      {"PATCH", 401, nullptr, errc::refused, SwapOutcome::refused, Hurdle::none},
      {"PATCH", 403, nullptr, errc::refused, SwapOutcome::refused, Hurdle::none},
      {"PATCH", 404, nullptr, errc::refused, SwapOutcome::refused, Hurdle::none},
      {"PATCH", 422, nullptr, errc::refused, SwapOutcome::refused, Hurdle::none},
      {"PATCH", 302, nullptr, errc::refused, SwapOutcome::refused, Hurdle::none},
      {"PATCH", 429, "7", errc::unavailable, SwapOutcome::failed, Hurdle::throttled},
      {"PATCH", 429, nullptr, errc::unavailable, SwapOutcome::failed, Hurdle::throttled},
      {"PATCH", 503, "7", errc::unavailable, SwapOutcome::failed, Hurdle::throttled},
      {"PATCH", 503, nullptr, errc::unknown_fate, SwapOutcome::unknown, Hurdle::none},
      {"PATCH", 408, nullptr, errc::unknown_fate, SwapOutcome::unknown, Hurdle::none},
      {"PATCH", 500, nullptr, errc::unknown_fate, SwapOutcome::unknown, Hurdle::none},
      {"PATCH", 504, nullptr, errc::unknown_fate, SwapOutcome::unknown, Hurdle::none},
      {"PATCH", 101, nullptr, errc::unknown_fate, SwapOutcome::unknown, Hurdle::none},
      {"GET", 500, nullptr, errc::unavailable, SwapOutcome::failed, Hurdle::none},
  };
  for (const auto& row : rows) {
    auto call = write_call(api, plan({RecordType::a, 30, {"198.51.100.10"}}), {}, {});
    call.method = row.method;
    HttpReply reply{row.status, {}, {}};
    if (row.retry_after != nullptr) reply.headers = {{"retry-after", row.retry_after}};
    const auto error = http_trouble(call, reply, "bad\nkey the-secret-key", now);
    EXPECT_EQ(error.code, row.code) << row.status;
    EXPECT_EQ(write_failed(error).outcome, row.outcome) << row.status;
    EXPECT_EQ(error.hint.hurdle, row.hurdle) << row.status;
    if (row.retry_after != nullptr) {
      EXPECT_EQ(error.hint.retry_after, Millis(7000));
    }
    EXPECT_TRUE(error.text.starts_with("http://192.0.2.6:8081: answers " +
                                       std::to_string(row.status) + ": bad\\x0akey ***"))
        << error.text;
  }
}

TEST(HttpTrouble, AQuestionThatFailedChangedNothing) {
  for (const auto code : {errc::unknown_fate, errc::corrupt, errc::unavailable, errc::timed_out})
    EXPECT_EQ(question_failed(Error{code, "", {}}).outcome, SwapOutcome::failed);
  EXPECT_EQ(question_failed(Error{errc::conflict, "", {}}).outcome, SwapOutcome::refused);
}

TEST(PowerdnsCodec, WhatItSays) {
  EXPECT_EQ(said({422, {}, R"({"error":"RRset conflict","errors":["one"]})"}),
            "RRset conflict; one");
  EXPECT_EQ(said({404, {}, "Not Found"}), "Not Found");
  EXPECT_EQ(said({500, {}, ""}), "");
}

TEST(TxtText, ThereAndBack) {
  for (const std::string text : {"gen=42;id=7f3c", "", "a \"b\" \\c", "\x01\x7f\xff"}) {
    const auto back = parse_txt(txt_text(text));
    ASSERT_TRUE(back) << text;
    EXPECT_EQ(*back, std::vector<std::string>{text});
  }
  EXPECT_EQ(parse_txt("\"a\" b\\032c  \"d\""), (std::vector<std::string>{"a", "b c", "d"}));
  for (const char* const bad : {"", "  ", "\"a", "\"a\\", "\"\\25\"", "\"\\300\""})
    EXPECT_FALSE(parse_txt(bad)) << bad;
}

}  // namespace
}  // namespace hotswapd
