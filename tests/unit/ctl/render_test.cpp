#include "ctl/render.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <sstream>

#include "ctl/moment.hpp"

namespace hotswapd::ctl {
namespace {

using testing::HasSubstr;
using testing::Not;

const WallTime now = *parse_time("2026-11-21T11:05:12Z");

Data data_of(std::string_view text) {
  return boost::json::parse({text.data(), text.size()}).as_object();
}

TEST(RenderStatus, MarksTheRowsThatNeedAHuman) {
  const Data data = data_of(R"({"services":[
    {"zone":"example.com","fqdn":"www.example.com","status":"ok","active":true,"serving":"192.0.2.10",
     "primary":"192.0.2.10","backups":["198.51.100.10"],"forced":null,"drift":null,"proof":"proved",
     "since":"2026-11-19T09:00:00Z","reason":"the primary answers"},
    {"zone":"example.com","fqdn":"api.example.com","status":"failover","active":true,"serving":"198.51.100.11",
     "primary":"192.0.2.11","backups":["198.51.100.9","198.51.100.11"],"forced":null,"drift":null,
     "proof":"applied, not proved","since":"2026-11-21T11:00:00Z","reason":"the primary 192.0.2.11 refused the connection in all three attempts of round 42"},
    {"zone":"example.com","fqdn":"old.example.com","status":"unk","active":false,"serving":"192.0.2.12",
     "primary":"192.0.2.12","backups":["198.51.100.12"],"since":"2026-11-21T11:05:00Z","reason":"deactivated by alice"}],
    "daemon":{"version":"0.1.0","ready":false,"alarms":[{"id":"HS1801","since":"2026-11-21T11:05:02Z","text":"state.db cannot be written"}]}})");
  EXPECT_EQ(render_status(data, now, Style{}),
            "  SERVICE          STATUS    SERVES         ROLE      FOR\n"
            "  www.example.com  ok        192.0.2.10     primary   2d 2h\n"
            "! api.example.com  failover  198.51.100.11  backup 2  5m 12s\n"
            "    the primary 192.0.2.11 refused the connection in all three attempts of round\n"
            "    42\n"
            "    the last swap is applied, not proved\n"
            "- old.example.com  unk       192.0.2.12     primary   12s\n"
            "    deactivated by alice\n"
            "    deactivated: it is not probed and not moved\n"
            "\n"
            "3 services: 1 failover, 1 unk, 1 ok\n"
            "The daemon is not ready: its first full round is not done yet.\n"
            "ALARM HS1801  state.db cannot be written (since 2026-11-21 11:05:02Z (10s ago))\n");
}

TEST(RenderStatus, ShowsDriftAndForce) {
  const Data data = data_of(
      R"({"services":[{"fqdn":"a.example","status":"ok","active":true,"serving":"203.0.113.9",
    "primary":"192.0.2.1","backups":[],"forced":"primary","drift":"A 203.0.113.9 ttl 60"}]})");
  const std::string page = render_status(data, now, Style{});
  EXPECT_THAT(page, HasSubstr("! a.example  ok        203.0.113.9  neither"));
  EXPECT_THAT(page, HasSubstr("    drift: somebody else wrote A 203.0.113.9 ttl 60\n"));
  EXPECT_THAT(page, HasSubstr("    forced to primary by an operator\n"));
}

TEST(RenderStatus, ShowsWhoAnswersSlowly) {
  const Data data = data_of(
      R"({"services":[{"fqdn":"a.example","status":"ok","active":true,"serving":"192.0.2.1",
    "primary":"192.0.2.1","backups":[],"reason":"the primary answers","degraded":["primary"]}]})");
  EXPECT_THAT(render_status(data, now, Style{}),
              HasSubstr("! a.example  ok        192.0.2.1  primary\n    the primary answers\n"
                        "    degraded (answers slowly): primary\n"));
}

TEST(RenderTarget, SlownessAndACertificateNearItsEndAreNotes) {
  const Data data =
      data_of(R"({"fqdn":"a.example","targets":[{"role":"primary","address":"192.0.2.1",
    "health":"up","verdict":"pass","degraded":true,"degraded_above_ms":800,
    "certificate_ends":"2026-11-26T11:05:12Z","certificate_ends_soon":true}]})");
  for (const auto& page : {render_show(data, now, Style{}), render_explain(data, now, Style{})}) {
    EXPECT_THAT(page, HasSubstr("degraded: it answers after more than 800 ms\n"));
    EXPECT_THAT(page, HasSubstr("its certificate ends: 2026-11-26 11:05:12Z (in 5d)\n"));
  }
  const Data calm = data_of(R"({"targets":[{"role":"primary","verdict":"pass","degraded":false,
    "certificate_ends":"2027-11-26T11:05:12Z","certificate_ends_soon":false}]})");
  EXPECT_EQ(render_show(calm, now, Style{}).find("note"), std::string::npos);
}

TEST(RenderStatus, ALongNameDoesNotWidenTheTable) {
  const std::string name = "a-very-long-label-that-goes-on-and-on.and-on.example.com";
  const Data data = data_of(R"({"services":[{"fqdn":")" + name +
                            R"(","status":"ok","serving":"192.0.2.1","primary":"192.0.2.1"},
    {"fqdn":"b.example","status":"ok","serving":"192.0.2.2","primary":"192.0.2.2"}]})");
  EXPECT_EQ(render_status(data, now, Style{}),
            "  SERVICE    STATUS    SERVES     ROLE     FOR\n"
            "  " +
                name +
                "\n"
                "             ok        192.0.2.1  primary\n"
                "  b.example  ok        192.0.2.2  primary\n"
                "\n"
                "2 services: 2 ok\n");
}

TEST(RenderStatus, NothingConfiguredIsSaid) {
  EXPECT_EQ(render_status(data_of(R"({"services":[]})"), now, Style{}),
            "No services are configured.\n");
}

TEST(RenderExplain, TellsTheStory) {
  const Data data = data_of(
      R"({"zone":"example.com","fqdn":"www.example.com","status":"failover","serving":"198.51.100.10",
    "reason":"the primary is down","decision":{"at":"2026-11-21T11:00:02Z","action":"swap","rule":"primary-down","text":"the primary failed its round and backup 1 passed"},
    "waiting_for":"3 good rounds of the primary in sequence, 1 seen",
    "round":{"number":42,"started":"2026-11-21T11:05:00Z","finished":"2026-11-21T11:05:02.500Z"},
    "targets":[{"role":"primary","address":"192.0.2.10","health":"down","streak":{"have":1,"need":3,"towards":"up"},"verdict":"fail",
      "attempts":[{"verdict":"fail","class":"connect","phase":"connect","reason":"connection refused","resolve_ms":null,"connect_ms":null,"total_ms":1.25},
                  {"verdict":"fail","class":"timeout","phase":"exchange","reason":"no answer within 2s","resolve_ms":0.5,"connect_ms":20,"tls_ms":41.7,"total_ms":2000}]},
     {"role":"backup 1","address":"198.51.100.10","health":"up","streak":null,"verdict":"pass",
      "attempts":[{"verdict":"pass","class":"none","reason":"HTTP 200","connect_ms":3,"first_byte_ms":12,"total_ms":12.5}]},
     {"role":"backup 2","address":"198.51.100.11","health":"unknown","verdict":null,"attempts":[]}],
    "guards":[{"name":"fresh round","holds":false,"text":"round 42 decided every target"},
              {"name":"swap budget","holds":true,"text":"6 swaps in the last hour, the limit is 6"}],
    "swap":{"op":"7f3c","generation":12,"from":"A 192.0.2.10 ttl 30","to":"A 198.51.100.10 ttl 30","reason":"primary down","opened":"2026-11-21T11:00:02Z",
      "state":"applied, not proved","steps":[{"at":"2026-11-21T11:00:02Z","step":"prepared","text":"journalled"},{"at":"2026-11-21T11:00:02.100Z","step":"applied","text":"the provider took it"}],
      "proof":[{"server":"192.0.2.53:53","proved":true,"detail":"serves A 198.51.100.10 ttl 30","serial":2026112102},
               {"server":"192.0.2.54:53","proved":false,"detail":"still serves A 192.0.2.10 ttl 30","serial":2026112101}]}})");
  EXPECT_EQ(render_explain(data, now, Style{}),
            "www.example.com in zone example.com: failover\n"
            "  Serves           198.51.100.10\n"
            "  Why              the primary is down\n"
            "  Waiting for      3 good rounds of the primary in sequence, 1 seen\n"
            "\n"
            "Last decision: swap (rule primary-down)\n"
            "  At               2026-11-21 11:00:02Z (5m 10s ago)\n"
            "  Because          the primary failed its round and backup 1 passed\n"
            "\n"
            "Evidence: round 42\n"
            "  Began            2026-11-21 11:05:00Z (12s ago)\n"
            "  Ended            2026-11-21 11:05:02.500Z (9s ago)\n"
            "  primary 192.0.2.10: down, 1 of 3 rounds towards up\n"
            "    1. fail (connect): connection refused\n"
            "       total 1.2 ms\n"
            "    2. fail (timeout): no answer within 2s\n"
            "       resolved 0.5 ms, connected 20 ms, TLS 42 ms, total 2000 ms\n"
            "  backup 1 198.51.100.10: up\n"
            "    1. pass: HTTP 200\n"
            "       connected 3.0 ms, first byte 12 ms, total 12 ms\n"
            "  backup 2 198.51.100.11: unknown, not probed in this round\n"
            "\n"
            "Guards\n"
            "  clear  fresh round      round 42 decided every target\n"
            "  HOLDS  swap budget      6 swaps in the last hour, the limit is 6\n"
            "\n"
            "Last swap: applied, not proved\n"
            "  From             A 192.0.2.10 ttl 30\n"
            "  To               A 198.51.100.10 ttl 30\n"
            "  Why              primary down\n"
            "  Opened           2026-11-21 11:00:02Z\n"
            "  Operation        7f3c, generation 12\n"
            "  11:00:02Z  prepared   journalled\n"
            "  11:00:02.100Z  applied    the provider took it\n"
            "  Proof, asked of each name server:\n"
            "    yes  192.0.2.53:53  serves A 198.51.100.10 ttl 30, serial 2026112102\n"
            "    NO   192.0.2.54:53  still serves A 192.0.2.10 ttl 30, serial 2026112101\n");
}

TEST(RenderShow, ShowsRecordPolicyAndTargets) {
  const Data data = data_of(
      R"({"zone":"example.com","fqdn":"www.example.com","status":"ok","active":true,"serving":"192.0.2.10",
    "primary":"192.0.2.10","backups":["198.51.100.10"],"forced":"primary","forced_until":"2026-11-21T12:05:12Z","proof":"proved","since":"2026-11-21T11:00:00Z",
    "reason":"the primary answers","provider":"here","mode":"act","ttl":30,"auto_recover":true,"recovery_delay":3,"fall":1,
    "interval_ms":60000,"recheck_ms":5000,"max_swaps_per_hour":6,"swaps_last_hour":2,
    "record":{"text":"A 192.0.2.10 ttl 30","generation":7,"serial":2026112101},
    "targets":[{"role":"primary","address":"192.0.2.10","probed":"10.0.0.1:80 HTTP","health":"up","verdict":"pass","class":"none","reason":"HTTP 200","total_ms":12.3,"attempts":2}],
    "last_round":"2026-11-21T11:05:00Z","rounds":10,"skipped":1,"inconclusive_rounds":0})");
  EXPECT_EQ(render_show(data, now, Style{}),
            "www.example.com in zone example.com: ok\n"
            "  Why              the primary answers\n"
            "  Since            2026-11-21 11:00:00Z (5m 12s ago)\n"
            "  Serves           192.0.2.10 (primary)\n"
            "  Primary          192.0.2.10\n"
            "  Backups          198.51.100.10\n"
            "  Forced           primary until 2026-11-21 12:05:12Z (in 1h)\n"
            "  Last swap is     proved\n"
            "\n"
            "Record\n"
            "  In DNS           A 192.0.2.10 ttl 30\n"
            "  Generation       7\n"
            "  Zone serial      2026112101\n"
            "  TTL              30 s\n"
            "  Provider         here\n"
            "\n"
            "Policy\n"
            "  Mode             act\n"
            "  Interval         1m, recheck 5s\n"
            "  Down after       1 bad round\n"
            "  Recovery         automatic, good rounds needed: 3\n"
            "  Swaps            2 in the last hour, at most 6 an hour\n"
            "\n"
            "Targets\n"
            "  primary 192.0.2.10                       up\n"
            "    probes 10.0.0.1:80 HTTP\n"
            "    last   pass: HTTP 200, 12 ms, 2 attempts\n"
            "  Rounds           10, 1 slots skipped\n"
            "  Last round       2026-11-21 11:05:00Z (12s ago)\n");
}

TEST(RenderHistory, IsOneEntryALine) {
  EXPECT_EQ(render_history(data_of(R"({"entries":[
              {"id":2,"at":"2026-11-21T11:00:02Z","kind":"swap","text":"to backup 1"},
              {"id":1,"at":"2026-11-21T10:00:00Z","kind":"status","text":"ok"}]})"),
                           Style{}),
            "2026-11-21 11:00:02Z  swap        to backup 1\n"
            "2026-11-21 10:00:00Z  status      ok\n");
  EXPECT_EQ(render_history(data_of("{}"), Style{}), "Nothing has happened to this service yet.\n");
}

TEST(RenderChanges, TellsAPlanFromAReload) {
  const Data data = data_of(R"({"added":["new.example.com"],"removed":["old.example.com"],
    "changed":[{"fqdn":"www.example.com","fields":["ttl","monitor.interval"]}],"unchanged":3,
    "global":["syslog"],"restart_needed":["dns_listen"],"warnings":["h.yaml:3:1: warning: drills: not built yet"]})");
  const std::string rest =
      "  + new.example.com  added\n"
      "  - old.example.com  removed\n"
      "  ~ www.example.com  ttl, monitor.interval\n"
      "  sections changed: syslog\n"
      "  services unchanged: 3\n"
      "A restart is needed for: dns_listen\n"
      "warning: h.yaml:3:1: warning: drills: not built yet\n";
  EXPECT_EQ(render_changes(data, false, Style{}), "A reload would make these changes:\n" + rest);
  EXPECT_EQ(render_changes(data, true, Style{}), "Reloaded:\n" + rest);
  EXPECT_EQ(render_changes(data_of(R"({"unchanged":3})"), false, Style{}),
            "A reload would change nothing.\n");
}

TEST(RenderRefusal, PrintsEveryLocatedLine) {
  EXPECT_EQ(render_refusal(data_of(R"({"ok":false,"error":"the configuration is not valid",
              "errors":["h.yaml:1:1: error: sit: unknown key","h.yaml:2:1: error: x: y"]})"),
                           Style{}),
            "hotswapctl: the configuration is not valid\n"
            "h.yaml:1:1: error: sit: unknown key\nh.yaml:2:1: error: x: y\n");
}

// Every string of the data carries controls that would repaint a terminal; none may reach it.
TEST(Render, ControlCharactersNeverReachTheTerminal) {
  const char* evil = R"(x\u001b[2Jy\u0007\u202e\n!)";
  std::string text =
      R"({"fqdn":"E","zone":"E","status":"E","serving":"E","primary":"E","backups":["E"],"forced":"E","drift":"E",
      "proof":"E","since":"E","reason":"E","waiting_for":"E","provider":"E","mode":"E","forced_until":"E","last_round":"E",
      "decision":{"at":"E","action":"E","rule":"E","text":"E"},"round":{"number":"E","started":"E","finished":"E"},
      "record":{"text":"E"},"targets":[{"role":"E","address":"E","health":"E","verdict":"E","class":"E","reason":"E","probed":"E",
      "streak":{"have":"E","need":"E","towards":"E"},"attempts":[{"verdict":"E","class":"E","reason":"E"}]}],
      "guards":[{"name":"E","holds":true,"text":"E"}],"swap":{"op":"E","from":"E","to":"E","state":"E","opened":"E",
      "steps":[{"at":"E","step":"E","text":"E"}],"proof":[{"server":"E","detail":"E"}]},
      "entries":[{"at":"E","kind":"E","text":"E"}],"added":["E"],"changed":[{"fqdn":"E","fields":["E"]}],"warnings":["E"],
      "at":"E","kind":"E","text":"E","error":"E","errors":["E"],"daemon":{"alarms":[{"id":"E","since":"E","text":"E"}]}})";
  for (std::size_t at = 0; (at = text.find("\"E\"", at)) != std::string::npos; at += 3)
    text.replace(at + 1, 1, evil);
  const Data one = data_of(text);
  Data all = one;
  all["services"] = boost::json::array{one};
  const Style plain;
  std::string everything = render_status(all, now, plain) + render_show(one, now, plain) +
                           render_explain(one, now, plain) + render_history(one, plain) +
                           render_changes(one, true, plain) + render_event(one, plain) +
                           render_refusal(one, plain);
  EXPECT_THAT(everything, HasSubstr("x\\x1b[2Jy\\x07"));
  for (const char c : everything)
    ASSERT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << int(c);
  EXPECT_THAT(everything, Not(HasSubstr("\xe2\x80\xae")));
}

// An older or newer daemon: nothing but empty objects where something is expected, and wrong types.
TEST(Render, MissingAndStrangeFieldsAreSurvived) {
  for (
      const char* text :
      {"{}",
       R"({"services":[{}],"daemon":{},"targets":[{}],"guards":[{}],"swap":{},"round":{},"decision":{},"entries":[{}],"changed":[{}]})",
       R"({"services":{"a":1},"daemon":[],"targets":"x","guards":3,"swap":[1],"round":"x","decision":7,"entries":[1,"x",null],"changed":["x"],"errors":[{}]})"}) {
    const Data data = data_of(text);
    EXPECT_FALSE(render_status(data, now, Style{}).empty());
    EXPECT_FALSE(render_show(data, now, Style{}).empty());
    EXPECT_FALSE(render_explain(data, now, Style{}).empty());
    EXPECT_FALSE(render_history(data, Style{}).empty() && render_event(data, Style{}).empty());
    EXPECT_FALSE(render_changes(data, false, Style{}).empty());
    EXPECT_FALSE(render_refusal(data, Style{}).empty());
  }
}

TEST(Render, LinesFitEightyColumns) {
  std::string long_text;
  for (int i = 0; i < 60; ++i) long_text += "words ";
  const Data data =
      data_of(R"({"fqdn":"www.example.com","zone":"example.com","status":"trouble","reason":")" +
              long_text + R"(","waiting_for":")" + long_text +
              R"(","targets":[{"role":"primary","address":"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
    "health":"down","verdict":"fail","attempts":[{"verdict":"fail","class":"connect","reason":")" +
              long_text + R"("}]}],
    "guards":[{"name":"g","holds":true,"text":")" +
              long_text + R"("}]})");
  Data all = data;
  all["services"] = boost::json::array{data};
  std::istringstream lines(render_explain(data, now, Style{}) + render_status(all, now, Style{}) +
                           render_show(data, now, Style{}));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(columns(line), 80u) << line;
}

}  // namespace
}  // namespace hotswapd::ctl
