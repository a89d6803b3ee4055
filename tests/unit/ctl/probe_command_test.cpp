// What the options of `hotswapctl probe` mean.
#include "ctl/probe_command.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hotswapd::ctl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

ProbePlan planned(std::vector<std::string> words) {
  words.insert(words.begin(), "probe");
  const auto parsed = parse_arguments(std::move(words), "1.2.3");
  EXPECT_TRUE(parsed.arguments) << parsed.err;
  return plan_probe(parsed.arguments ? parsed.arguments->probe : ProbeOptions());
}

TEST(PlanProbe, HasTheDefaultsOfTheMonitor) {
  const auto plan = planned({"https", "WWW.Example.COM."});
  ASSERT_TRUE(plan.target);
  EXPECT_THAT(plan.warnings, IsEmpty());
  EXPECT_EQ(plan.target->address, "www.example.com");
  EXPECT_EQ(plan.target->service, "www.example.com");
  const auto& monitor = plan.target->monitor;
  EXPECT_EQ(monitor.protocol, Protocol::https);
  EXPECT_EQ(monitor.retries, 1);
  EXPECT_EQ(monitor.timeout, Millis(10'000));
  EXPECT_EQ(effective_port(monitor), 443);
  EXPECT_TRUE(monitor.tls.verify);
}

TEST(PlanProbe, TakesEveryOption) {
  const auto plan = planned({"HTTP",          "2001:DB8::0:1",
                             "--port",        "8080",
                             "--path",        "x",
                             "--host",        "h",
                             "--header",      "A: b",
                             "--header",      "C:d",
                             "--expected",    "a ${HOME} \"b\"",
                             "--status",      "200-299,301",
                             "--redirects",   "follow",
                             "--timeout",     "2s",
                             "--retries",     "3",
                             "--tls-ca-file", "/ca.pem",
                             "--resolver",    "[2001:db8::53]:5353"});
  ASSERT_TRUE(plan.target) << testing::PrintToString(plan.errors);
  EXPECT_EQ(plan.target->address, "2001:db8::1");
  const auto& monitor = plan.target->monitor;
  EXPECT_EQ(monitor.port, 8080);
  EXPECT_EQ(monitor.path, "/x");
  EXPECT_EQ(monitor.host, "h");
  EXPECT_THAT(monitor.headers, ElementsAre(testing::Pair("A", "b"), testing::Pair("C", "d")));
  EXPECT_EQ(monitor.expected, "a ${HOME} \"b\"") << "no variable is read on a command line";
  EXPECT_EQ(monitor.status, (std::vector<StatusRange>{{200, 299}, {301, 301}}));
  EXPECT_EQ(monitor.redirects, Redirects::follow);
  EXPECT_EQ(monitor.timeout, Millis(2000));
  EXPECT_EQ(monitor.retries, 3);
  EXPECT_EQ(monitor.tls.ca_file, "/ca.pem");
  ASSERT_EQ(plan.resolver.size(), 1u);
  EXPECT_EQ(plan.resolver[0].text(), "[2001:db8::53]:5353");
}

TEST(PlanProbe, TakesAListWithBlanks) {
  const auto plan = planned({"HTTP", "192.0.2.1", "--status", " 200-299,  301 "});
  ASSERT_TRUE(plan.target) << testing::PrintToString(plan.errors);
  EXPECT_EQ(plan.target->monitor.status, (std::vector<StatusRange>{{200, 299}, {301, 301}}));
  for (const char* wrong : {"", " ", "200,", ", 200", "200, ,301", "200 299"})
    EXPECT_FALSE(planned({"HTTP", "192.0.2.1", "--status", wrong}).target) << '"' << wrong << '"';
}

TEST(PlanProbe, SaysAllThatIsWrongByItsOption) {
  const auto plan = planned({"HTTP", "a b", "--port", "0", "--timeout", "2x", "--resolver", "ns"});
  EXPECT_FALSE(plan.target);
  EXPECT_THAT(plan.errors, testing::UnorderedElementsAre(
                               StartsWith("--port: "), StartsWith("--timeout: "),
                               StartsWith("ADDRESS: a b"), StartsWith("--resolver: ns")));
}

TEST(ProbeView, IsTheRoundWithItsTellingAttempt) {
  TargetSpec target;
  target.address = "192.0.2.1";
  target.monitor.protocol = Protocol::tcp;
  TargetRound round;
  round.attempts.resize(2);
  round.attempts[0].verdict = Verdict::inconclusive;
  round.attempts[0].failure = FailureClass::local;
  round.attempts[0].reason = "no port left";
  round.attempts[1].verdict = Verdict::fail;
  round.attempts[1].failure = FailureClass::connect;
  round.verdict = verdict_of(round.attempts);
  const auto view = probe_view(target, round);
  EXPECT_EQ(view.at("verdict"), "inconclusive");
  EXPECT_EQ(view.at("class"), "local");
  EXPECT_EQ(view.at("reason"), "no port left");
  EXPECT_EQ(view.at("port"), 80);
  EXPECT_EQ(view.at("attempts").as_array().size(), 2u);
}

}  // namespace
}  // namespace hotswapd::ctl
