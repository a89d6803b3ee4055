// The protocol of the provider `exec`: what is asked, and what each answer is taken for.
#include "dns/exec_protocol.hpp"

#include <gtest/gtest.h>

namespace hotswapd {
namespace {

using How = CommandEnd::How;

const RecordKey www{"example.com", "www.example.com"};

CommandEnd said(std::string output) {
  CommandEnd end;
  end.how = How::exited;
  end.output = std::move(output);
  return end;
}

Fallible<LiveRecord> read(const std::string& output, bool with_generation = true) {
  return exec_protocol::judge_read(said(output), with_generation);
}

TEST(ExecProtocol, AsksForARecord) {
  EXPECT_EQ(exec_protocol::encode_read(www),
            R"({"protocol":1,"do":"read","zone":"example.com","fqdn":"www.example.com"})"
            "\n");
}

TEST(ExecProtocol, SaysTheWholePlan) {
  SwapPlan plan;
  plan.key = www;
  plan.expect = RecordSet{RecordType::a, 30, {"192.0.2.10", "192.0.2.11"}};
  plan.expect_generation = 41;
  plan.want = RecordSet{RecordType::cname, 20, {"backup.example.net"}};
  plan.generation = 18446744073709551615U;
  plan.op = "7f3c";
  EXPECT_EQ(exec_protocol::encode_apply(plan, true),
            R"({"protocol":1,"do":"apply","zone":"example.com","fqdn":"www.example.com",)"
            R"("expect":{"type":"A","ttl":30,"values":["192.0.2.10","192.0.2.11"]},)"
            R"("expect_generation":41,)"
            R"("want":{"type":"CNAME","ttl":20,"values":["backup.example.net"]},)"
            R"("generation":18446744073709551615,"op":"7f3c"})"
            "\n");
}

TEST(ExecProtocol, SaysNullWhereNothingIsExpected) {
  SwapPlan plan;
  plan.key = www;
  plan.want = RecordSet{RecordType::a, 30, {"192.0.2.10"}};
  const auto text = exec_protocol::encode_apply(plan, true);
  EXPECT_NE(text.find(R"("expect":null,"expect_generation":null,)"), std::string::npos) << text;
}

TEST(ExecProtocol, SpeaksOfNoGenerationWhereNoneIsKept) {
  SwapPlan plan;
  plan.key = www;
  plan.want = RecordSet{RecordType::a, 30, {"192.0.2.10"}};
  plan.generation = 7;
  const auto text = exec_protocol::encode_apply(plan, false);
  EXPECT_EQ(text.find("generation"), std::string::npos) << text;
}

TEST(ExecProtocol, ReadsARecord) {
  const auto live = read(
      R"( {"set": {"type": "A", "ttl": 30, "values": ["192.0.2.10", "192.0.2.10"]},
           "generation": 7, "op": "ab", "serial": 4294967295, "more": []} )");
  ASSERT_TRUE(live) << live.error().text;
  EXPECT_EQ(live->set, (RecordSet{RecordType::a, 30, {"192.0.2.10"}}));
  EXPECT_EQ(live->generation, 7U);
  EXPECT_EQ(live->op, "ab");
  EXPECT_EQ(live->serial, 4294967295U);
}

TEST(ExecProtocol, ReadsThatThereIsNone) {
  const auto live = read(R"({"set": null, "generation": null})");
  ASSERT_TRUE(live) << live.error().text;
  EXPECT_FALSE(live->set);
  EXPECT_FALSE(live->generation);
}

TEST(ExecProtocol, MakesValuesCanonical) {
  const auto v6 =
      read(R"({"set": {"type": "AAAA", "ttl": 0, "values": ["2001:DB8:0::1"]}})", false);
  ASSERT_TRUE(v6) << v6.error().text;
  EXPECT_EQ(v6->set->values.front(), "2001:db8::1");
  const auto name =
      read(R"({"set": {"type": "CNAME", "ttl": 1, "values": ["B.Example.NET."]}})", false);
  ASSERT_TRUE(name) << name.error().text;
  EXPECT_EQ(name->set->values.front(), "b.example.net");
}

TEST(ExecProtocol, PassesTheGenerationOverWhereItIsNotKept) {
  const auto live = read(R"({"set": null, "generation": "x", "op": "ab"})", false);
  ASSERT_TRUE(live) << live.error().text;
  EXPECT_FALSE(live->generation);
  EXPECT_EQ(live->op, "");
}

struct Bad {
  const char* output;
  const char* why;
};

TEST(ExecProtocol, SaysWhatIsWrongWithAnAnswer) {
  const Bad rows[] = {
      {"", "said nothing on stdout"},
      {" \n", "said nothing on stdout"},
      {"hello\x1b[31m", "is not JSON"},
      {R"({"set": null, "generation": 1} trailing)", "is not JSON"},
      {"[1]", "is no JSON object"},
      {"{}", "`set` is missing"},
      {R"({"set": []})", "`set` is neither an object nor null"},
      {R"({"set": {}})", "`set.type` is none of"},
      {R"({"set": {"type": "TXT", "ttl": 1, "values": ["x"]}})", "`set.type` is none of"},
      {R"({"set": {"type": "A", "values": ["192.0.2.1"]}})", "`set.ttl` is no number"},
      {R"({"set": {"type": "A", "ttl": -1, "values": ["192.0.2.1"]}})", "`set.ttl` is no number"},
      {R"({"set": {"type": "A", "ttl": "1", "values": ["192.0.2.1"]}})", "`set.ttl` is no number"},
      {R"({"set": {"type": "A", "ttl": 1}})", "`set.values` is no list"},
      {R"({"set": {"type": "A", "ttl": 1, "values": []}})", "`set.values` is no list"},
      {R"({"set": {"type": "A", "ttl": 1, "values": [1]}})", "something that is no text"},
      {R"({"set": {"type": "A", "ttl": 1, "values": ["2001:db8::1"]}})", "no address of type A"},
      {R"({"set": {"type": "AAAA", "ttl": 1, "values": ["192.0.2.1"]}})",
       "no address of type AAAA"},
      {R"({"set": {"type": "CNAME", "ttl": 1, "values": ["a.b", "c.d"]}})", "more than one CNAME"},
      {R"({"set": {"type": "CNAME", "ttl": 1, "values": ["a b"]}})", "no host name"},
      {R"({"set": null})", "guard: value"},
      {R"({"set": null, "generation": -1})", "`generation` is no whole number"},
      {R"({"set": null, "generation": 1, "serial": 4294967296})", "`serial` is no serial"},
  };
  for (const auto& row : rows) {
    const auto live = read(row.output);
    ASSERT_FALSE(live) << row.output;
    EXPECT_EQ(live.error().code, errc::corrupt) << row.output;
    EXPECT_NE(live.error().text.find(row.why), std::string::npos) << live.error().text;
    EXPECT_EQ(live.error().text.find('\x1b'), std::string::npos);
  }
}

TEST(ExecProtocol, AGenerationThatLeavesNoRoomIsSomebodyElses) {
  EXPECT_EQ(read(R"({"set": null, "generation": 4611686018427387904})")->generation,
            highest_generation);
  const auto live = read(R"({"set": null, "generation": 4611686018427387905})");
  ASSERT_FALSE(live);
  EXPECT_EQ(live.error().code, errc::conflict);
}

TEST(ExecProtocol, AnErrorIsSaidInTheProgramsWords) {
  const auto ill = read(R"({"error": "the API is down\u0007"})");
  ASSERT_FALSE(ill);
  EXPECT_EQ(ill.error().code, errc::unavailable);
  EXPECT_EQ(ill.error().text, "the command says: the API is down\\x07");
  const auto wrong = read(R"({"error": "no permission", "class": "refused"})");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, errc::refused);
}

TEST(ExecProtocol, HowItEndedIsSaid) {
  CommandEnd end;
  end.how = How::exited;
  end.status = 3;
  end.errors = "Traceback\n  file\nKeyError: 'www'\x1b\n\n";
  auto live = exec_protocol::judge_read(end, true);
  ASSERT_FALSE(live);
  EXPECT_EQ(live.error().code, errc::unavailable);
  EXPECT_EQ(live.error().text,
            "the command ended with status 3; its stderr ends: KeyError: 'www'\\x1b");
  end.how = How::timed_out;
  end.errors.clear();
  live = exec_protocol::judge_read(end, true);
  EXPECT_EQ(live.error().code, errc::timed_out);
  end.how = How::no_program;
  end.trouble = "/etc/hook: No such file or directory";
  live = exec_protocol::judge_read(end, true);
  EXPECT_EQ(live.error().code, errc::refused);
  EXPECT_NE(live.error().text.find("/etc/hook"), std::string::npos);
}

TEST(ExecProtocol, TakesTheWordsOfTheProtocol) {
  for (const auto outcome : {SwapOutcome::applied, SwapOutcome::already, SwapOutcome::conflict,
                             SwapOutcome::refused, SwapOutcome::failed, SwapOutcome::unknown}) {
    const auto word = std::string(to_string(outcome));
    const auto result =
        exec_protocol::judge_apply(said(R"({"outcome": ")" + word + R"(", "detail": "so it is"})"));
    EXPECT_EQ(result.outcome, outcome);
    EXPECT_EQ(result.detail, "the command says: so it is");
  }
}

TEST(ExecProtocol, WhatCannotBeUnderstoodIsUnknown) {
  for (const auto* output : {"", "garbage", "{}", R"({"outcome": "done"})", R"({"outcome": 1})",
                             R"({"error": "no"})", R"(["applied"])"}) {
    const auto result = exec_protocol::judge_apply(said(output));
    EXPECT_EQ(result.outcome, SwapOutcome::unknown) << output;
    EXPECT_FALSE(result.detail.empty());
  }
}

TEST(ExecProtocol, AnAnswerBeforeABadEndIsNotBelieved) {
  auto end = said(R"({"outcome": "failed"})");
  end.status = 1;
  EXPECT_EQ(exec_protocol::judge_apply(end).outcome, SwapOutcome::unknown);
  end.how = How::signalled;
  EXPECT_EQ(exec_protocol::judge_apply(end).outcome, SwapOutcome::unknown);
}

TEST(ExecProtocol, OnlyWhatWasNeverStartedHasCertainlyNotBeenDone) {
  const std::pair<How, SwapOutcome> rows[] = {
      {How::signalled, SwapOutcome::unknown},  {How::timed_out, SwapOutcome::unknown},
      {How::flooded, SwapOutcome::unknown},    {How::stopped, SwapOutcome::unknown},
      {How::no_place, SwapOutcome::failed},    {How::not_started, SwapOutcome::failed},
      {How::no_program, SwapOutcome::refused},
  };
  for (const auto& [how, outcome] : rows) {
    CommandEnd end;
    end.how = how;
    EXPECT_EQ(exec_protocol::judge_apply(end).outcome, outcome);
  }
}

}  // namespace
}  // namespace hotswapd
