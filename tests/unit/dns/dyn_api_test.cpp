// The language of a Dyn style API: envelopes as they were seen on the wire, and what each asks for.
#include "dns/dyn_api.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace hotswapd::dyn_api {
namespace {

HttpReply reply(int status, std::string body, std::vector<HttpHeader> headers = {}) {
  HttpReply out;
  out.status = status;
  out.body = std::move(body);
  out.headers = std::move(headers);
  return out;
}

Answer judged(int status, const std::string& body, std::vector<HttpHeader> headers = {}) {
  return judge(reply(status, body, std::move(headers)), WallTime());
}

std::string failure(const std::string& messages) {
  return R"({"status": "failure", "data": {}, "job_id": 7, "msgs": [)" + messages + "]}";
}

std::string message(const std::string& info, const std::string& code) {
  return R"({"INFO": ")" + info + R"(", "SOURCE": "BLL", "ERR_CD": )" +
         (code.empty() ? "null" : "\"" + code + "\"") + R"(, "LVL": "ERROR"})";
}

TEST(DynApi, BuildsItsRequests) {
  EXPECT_EQ(log_in("acme", "ops", "p\"w"),
            (Request{"POST", "/Session/",
                     R"({"customer_name":"acme","user_name":"ops","password":"p\"w"})"}));
  EXPECT_EQ(log_out(), (Request{"DELETE", "/Session/", "{}"}));
  EXPECT_EQ(poll_job("4342593734"), (Request{"GET", "/Job/4342593734/", ""}));
  EXPECT_EQ(poll_task("39120953"), (Request{"GET", "/Task/39120953/", ""}));
  EXPECT_EQ(discard_changes("example.com"), (Request{"DELETE", "/ZoneChanges/example.com/", ""}));
  EXPECT_EQ(publish("example.com", "why"),
            (Request{"PUT", "/Zone/example.com/", R"({"publish":true,"notes":"why"})"}));
}

TEST(DynApi, UnderstandsSuccess) {
  const auto answer =
      judged(200,
             R"({"status": "success", "data": {"zone": "example.com", "serial": 5, "task_id": "39"},
          "job_id": 4342593698, "msgs": [{"INFO": "publish: example.com published",
          "SOURCE": "BLL", "ERR_CD": null, "LVL": "INFO"}]})");
  EXPECT_EQ(answer.verdict, Verdict::success);
  EXPECT_EQ(answer.job, "4342593698");
  ASSERT_NE(member(answer.data, "task_id"), nullptr);
  EXPECT_EQ(id_of(*member(answer.data, "task_id")), "39");
  EXPECT_EQ(id_of(*member(answer.data, "serial")), "5");
  EXPECT_EQ(member(answer.data, "absent"), nullptr);
}

TEST(DynApi, IdsAreNumbersOrTheirTexts) {
  EXPECT_EQ(id_of(boost::json::value(39)), "39");
  EXPECT_EQ(id_of(boost::json::value("39")), "39");
  for (const boost::json::value& bad :
       {boost::json::value(-1), boost::json::value("3/../x"), boost::json::value(""),
        boost::json::value(1.5), boost::json::value(true), boost::json::value(nullptr)})
    EXPECT_EQ(id_of(bad), "");
}

TEST(DynApi, FollowsAJobByWhateverNamesIt) {
  const auto incomplete = R"({"status": "incomplete", "data": {}, "job_id": 12, "msgs": []})";
  const std::pair<Answer, std::string> rows[] = {
      {judged(307, incomplete, {{"location", "/REST/Job/34"}}), "34"},
      {judged(307, incomplete, {{"location", "/rest/job/34/"}}), "34"},
      {judged(307, incomplete, {{"location", "https://elsewhere.example/REST/Job/34?x=1"}}), "34"},
      {judged(307, incomplete), "12"},
      {judged(307, "/REST/Job/56"), "56"},
      {judged(200, R"({"status": "incomplete", "data": null, "job_id": "12", "msgs": []})"), "12"},
  };
  for (const auto& [answer, job] : rows) {
    EXPECT_EQ(answer.verdict, Verdict::running) << job;
    EXPECT_EQ(answer.job, job);
  }
  EXPECT_EQ(judged(307, "", {{"location", "/elsewhere"}}).verdict, Verdict::garbage);
}

struct Refusal {
  int status;
  std::string messages;
  Verdict verdict;
};

TEST(DynApi, KnowsWhatEachRefusalAsksFor) {
  const Refusal rows[] = {
      {400, message("login: Bad or expired credentials", "INVALID_DATA"), Verdict::session},
      {400, message("login: inactivity logout", "INVALID_DATA"), Verdict::session},
      {400, message("login: IP address does not match current session", "INVALID_DATA"),
       Verdict::session},
      {200, message("Rate limit exceeded", "RATE_LIMIT_EXCEEDED"), Verdict::throttled},
      {429, message("slow down", ""), Verdict::throttled},
      {200, message("token: This session already has a job running", "OPERATION_FAILED"),
       Verdict::busy},
      {404, message("node: Node is not in the zone", "NOT_FOUND"), Verdict::not_found},
      {404, message("zone: No such zone", "NOT_FOUND"), Verdict::no_zone},
      {404, message("zone: not here", "NOT_FOUND"), Verdict::no_zone},
      {404, message("no such resource", "INVALID_REQUEST"), Verdict::form},
      {400, message("rdata: needed", "MISSING_DATA"), Verdict::form},
      {400, message("zone: Zone is frozen", "ILLEGAL_OPERATION"), Verdict::not_allowed},
      {400, message("no", "PERMISSION_DENIED"), Verdict::not_allowed},
      {400, message("ttl: bad", "INVALID_DATA"), Verdict::not_allowed},
      {400, message("publish: it failed", "OPERATION_FAILED"), Verdict::failed},
      {400, message("backend", "SERVICE_UNAVAILABLE"), Verdict::ill},
      {500, message("oops", "INTERNAL_ERROR"), Verdict::ill},
      {400, message("add: note", "") + "," + message("node: gone", "NOT_FOUND"),
       Verdict::not_found},
      {404, "", Verdict::not_found},
      {400, "", Verdict::failed},
  };
  for (const auto& row : rows) {
    const auto answer = judged(row.status, failure(row.messages));
    EXPECT_EQ(answer.verdict, row.verdict) << row.messages;
    EXPECT_FALSE(answer.text.empty());
  }
  const auto busy = R"({"status": "running", "data": {}, "job_id": 1, "msgs": [)" +
                    message("token: This session already has a job running", "OPERATION_FAILED") +
                    "]}";
  EXPECT_EQ(judged(400, busy).verdict, Verdict::busy);
}

TEST(DynApi, ABlockedZoneNamesTheTask) {
  const auto answer =
      judged(400, failure(message("zone: Operation blocked by current task", "ILLEGAL_OPERATION") +
                          "," + message("task_name: ProvisionZone", "") + "," +
                          message("task_id: 39120953", "")));
  EXPECT_EQ(answer.verdict, Verdict::blocked);
  EXPECT_EQ(answer.task, "39120953");
  EXPECT_EQ(answer.text, "ILLEGAL_OPERATION zone: Operation blocked by current task");
}

TEST(DynApi, TheServersOwnPauseIsKept) {
  const auto answer =
      judged(429, failure(message("slow", "RATE_LIMIT_EXCEEDED")), {{"retry-after", "17"}});
  EXPECT_EQ(answer.pause, Seconds(17));
  EXPECT_EQ(judged(429, "").verdict, Verdict::throttled);
  EXPECT_EQ(judged(429, "").pause, std::nullopt);
}

TEST(DynApi, WhatIsNoAnswerIsNone) {
  for (const auto* body : {"", "<html>", "[]", "{}", R"({"status": 1})", R"({"status": "ok"})",
                           R"({"status": "success")"})
    EXPECT_EQ(judged(200, body).verdict, Verdict::garbage) << body;
  EXPECT_EQ(judged(502, "<html>").verdict, Verdict::ill);
}

TEST(DynApi, TextsOfTheServerAreCleaned) {
  const auto answer = judged(400, failure(message("bad \\u001b[31m", "OPERATION_FAILED")));
  EXPECT_EQ(answer.text, "OPERATION_FAILED bad \\x1b[31m");
}

TEST(DynApi, KnowsWhenATaskIsOver) {
  const auto state = [](const char* text) {
    return task_state(
        boost::json::parse(std::string(R"({"blocking": "Y", "status": ")") + text + "\"}"));
  };
  EXPECT_EQ(state("complete"), TaskState::complete);
  for (const auto* word : {"failed", "canceled", "stalled"})
    EXPECT_EQ(state(word), TaskState::failed);
  for (const auto* word : {"ready", "running", "waiting", "new"})
    EXPECT_EQ(state(word), TaskState::running);
  EXPECT_TRUE(task_blocks(boost::json::parse(R"({"blocking": "Y", "status": "running"})")));
  EXPECT_FALSE(task_blocks(boost::json::parse(R"({"blocking": "N", "status": "running"})")));
  EXPECT_FALSE(task_blocks(boost::json::parse(R"({"blocking": "Y", "status": "complete"})")));
}

}  // namespace
}  // namespace hotswapd::dyn_api
