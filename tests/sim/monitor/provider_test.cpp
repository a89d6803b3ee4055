// What a provider may do to us, and how much of it reaches others: rates, order, refusals, clocks,
// throttles, lies; in virtual time.
#include <gmock/gmock.h>

#include "scripted.hpp"

namespace hotswapd {
namespace {

using ::testing::AllOf;
using testing::Disk;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Process;
using testing::ScriptedProvider;
using testing::ScriptedServer;
using testing::web;

constexpr const char* primary = "192.0.2.10";
constexpr const char* backup = "198.51.100.10";

class ProviderTest : public ::testing::Test {
 protected:
  // `here` and `there`: two providers.
  void run(const std::vector<Shared<ServiceSpec>>& services) {
    for (const auto& spec : services) {
      auto& at = spec->provider == "here" ? here : there;
      if (!at.records.contains(spec->key))
        at.records[spec->key] = {RecordSet{RecordType::a, 5, {primary}}, 1, "", 1};
    }
    specs = services;
    p = std::make_unique<Process>(
        disk, services, now, wall, std::nullopt, true, [this](Process& process) {
          Process::Providers all;
          all["here"] = std::make_unique<ScriptedProvider>(here, process, now);
          all["there"] = std::make_unique<ScriptedProvider>(there, process, now);
          return all;
        });
    p->run_until(now + Millis(100));
  }
  void pass(Millis time) { p->run_until(now + time); }
  // A round of service `id`, 1 the first, and what follows at once.
  void round(const std::string& verdicts, std::uint32_t id = 1) {
    p->round(verdicts, id);
    p->settle();
  }
  // Rounds of all with these verdicts, every ten seconds.
  void rounds(const std::string& verdicts, Seconds time) {
    for (const auto end = now + time; now < end;) {
      for (std::uint32_t id = 1; id <= specs.size(); ++id) p->round(verdicts, id);
      pass(Seconds(10));
    }
  }
  int logged(const std::string& id) const {
    return static_cast<int>(std::count_if(p->log.lines.begin(), p->log.lines.end(),
                                          [&](const auto& l) { return l.starts_with(id + " "); }));
  }
  std::string line(const std::string& id) const {
    for (const auto& l : p->log.lines) {
      if (l.starts_with(id + " ")) return l;
    }
    return "";
  }
  const FailoverService& service(const std::string& fqdn = "www.example.com") {
    return *p->monitor->find(fqdn);
  }
  static RecordKey key(const std::string& fqdn = "www.example.com") {
    return {"example.com", fqdn};
  }
  // The times of calls for this name, in seconds from `from`.
  std::vector<double> tries(const ScriptedServer& server, TimePoint from) const {
    std::vector<double> out;
    for (const auto& c : server.calls) {
      if (c.at >= from) out.push_back(std::chrono::duration<double>(c.at - from).count());
    }
    return out;
  }

  Disk disk;
  ScriptedServer here, there;
  TimePoint now{std::chrono::hours(1000)};
  WallTime wall{Millis(1'769'860'800'000)};
  std::vector<Shared<ServiceSpec>> specs;
  std::unique_ptr<Process> p;
};

TEST_F(ProviderTest, AThousandSwapsOnASlowProviderKeepItsRateAndTheirOrder) {
  constexpr std::uint32_t many = 1'000;
  std::vector<Shared<ServiceSpec>> services;
  for (std::uint32_t i = 0; i < many; ++i)
    services.emplace_back(web("s" + std::to_string(i) + ".example.com"));
  auto other = web("other.example.com");
  other.provider = "there";
  services.emplace_back(other);
  here.takes = Millis(80);
  run(services);
  pass(Seconds(60));
  for (std::uint32_t id = 1; id <= many + 1; ++id) p->round("pp", id);
  pass(Seconds(1));
  here.can.rate = 4;
  here.can.at_once = 16;
  here.calls.clear();

  const auto began = now;
  for (std::uint32_t id = 1; id <= many + 1; ++id) p->round("fp", id);
  pass(Millis(500));
  EXPECT_EQ(there.serves(other.key), backup) << "another provider waits for nobody";
  EXPECT_THAT(service("s900.example.com").waits_for_turn(), HasSubstr("before it"));
  EXPECT_EQ(service("s900.example.com").model().status(), ServiceStatus::trouble)
      << "people are told while it waits";
  // The primaries of some come back long before it is their turn.
  const auto vanished = [](std::uint32_t i) { return i >= 500 && i < 600; };
  std::map<RecordKey, std::size_t> calls_before;
  while (now < began + Seconds(900)) {
    for (std::uint32_t id = 1; id <= many; ++id) p->round(vanished(id - 1) ? "pp" : "fp", id);
    pass(Seconds(10));
  }
  EXPECT_LE(here.busiest_second(), 4u);
  std::vector<std::string> order;
  for (const auto& plan : here.effective) order.push_back(plan.key.fqdn);
  std::vector<std::string> fair;
  for (std::uint32_t i = 0; i < many; ++i) {
    if (!vanished(i)) fair.push_back("s" + std::to_string(i) + ".example.com");
  }
  EXPECT_EQ(order, fair);
  for (const auto& [op, row] : disk.intents) {
    const auto n = static_cast<std::uint32_t>(std::stoul("0" + row.service.fqdn.substr(1)));
    EXPECT_FALSE(row.service.fqdn[0] == 's' && vanished(n)) << "nothing of it was ever begun";
  }
  // 900 swaps of three calls at four a second.
  EXPECT_TRUE(disk.load().open_intents.empty());
}

TEST_F(ProviderTest, CallsUnderWayAreCountedAndABackingOffNameHoldsNoPlace) {
  constexpr std::uint32_t many = 20;
  std::vector<Shared<ServiceSpec>> services;
  for (std::uint32_t i = 0; i < many; ++i)
    services.emplace_back(web("s" + std::to_string(i) + ".example.com"));
  here.can.at_once = 2;
  here.can.late_effects = false;
  run(services);
  pass(Seconds(5));
  for (std::uint32_t id = 1; id <= many; ++id) p->round("pp", id);
  pass(Seconds(1));
  // The first five never get through.
  here.on_apply = [](const SwapPlan& plan) -> std::optional<ApplyResult> {
    if (plan.key.fqdn < "s5" && plan.key.fqdn.size() == std::string("s0.example.com").size())
      return ApplyResult(SwapOutcome::failed, "not today");
    return std::nullopt;
  };
  here.takes = Millis(10);
  rounds("fp", Seconds(10));
  EXPECT_EQ(here.effective.size(), many - 5) << "one bad name never blocks another";
  EXPECT_EQ(logged("HS1211"), 5) << "told once for each, not for each try";
  here.on_apply = nullptr;
  rounds("fp", Seconds(70));
  EXPECT_EQ(here.effective.size(), many);
}

TEST_F(ProviderTest, AThrottleHoldsOneProviderForAsLongAsItAsked) {
  auto other = web("other.example.com");
  other.provider = "there";
  run({web(), web("b.example.com"), other});
  rounds("pp", Seconds(10));
  here.on_apply = [](const SwapPlan&) -> std::optional<ApplyResult> {
    return ApplyResult(SwapOutcome::failed, "answers 429",
                       Hint{Hurdle::throttled, Seconds(300), Seconds(0)});
  };
  const auto began = now;
  rounds("fp", Seconds(10));
  here.on_apply = nullptr;
  EXPECT_EQ(there.serves(other.key), backup);
  EXPECT_EQ(logged("HS1217"), 1);
  EXPECT_THAT(line("HS1217"), HasSubstr("provider=here"));
  EXPECT_GE(here.alone_until, began + Seconds(300)) << "nor does a proof ask it anything";
  const auto calls = here.calls.size();
  rounds("fp", Seconds(280));
  EXPECT_EQ(here.calls.size(), calls) << "it is left alone";
  EXPECT_EQ(here.serves(key()), primary);
  rounds("fp", Seconds(30));
  EXPECT_EQ(here.serves(key()), backup);
  EXPECT_EQ(here.serves(key("b.example.com")), backup);
  EXPECT_EQ(logged("HS1217"), 1);
  EXPECT_EQ(logged("HS1218"), 1);
  for (const auto at : tries(here, began)) EXPECT_TRUE(at < 1 || at >= 300) << at;
}

TEST_F(ProviderTest, WhatIsRefusedIsTriedOnceAMinuteAndToldOnce) {
  run({web()});
  rounds("pp", Seconds(10));
  here.on_apply = [](const SwapPlan&) -> std::optional<ApplyResult> {
    return ApplyResult(SwapOutcome::refused, "answers 403");
  };
  here.calls.clear();
  rounds("fp", Seconds(600));
  std::vector<TimePoint> writes;
  for (const auto& c : here.calls) {
    if (c.write) writes.push_back(c.at);
  }
  ASSERT_GE(writes.size(), 8u);
  for (std::size_t i = 1; i < writes.size(); ++i) {
    EXPECT_GE(writes[i] - writes[i - 1], Seconds(60));
    EXPECT_LE(writes[i] - writes[i - 1], Seconds(75));
  }
  EXPECT_EQ(here.serves(key()), primary);
  EXPECT_EQ(logged("HS1213"), 1);
  EXPECT_EQ(service().model().status(), ServiceStatus::trouble);
  here.on_apply = nullptr;
  rounds("fp", Seconds(80));
  EXPECT_EQ(here.serves(key()), backup);
  EXPECT_EQ(logged("HS1214"), 1);
}

TEST_F(ProviderTest, ARefusalThatCannotBeReadBackHammersNobodyEither) {
  run({web()});
  rounds("pp", Seconds(10));
  here.on_apply = [](const SwapPlan&) -> std::optional<ApplyResult> {
    return ApplyResult(SwapOutcome::refused, "answers 403");
  };
  here.on_read = [&](const RecordKey&) -> std::optional<Error> {
    const bool written =
        std::any_of(here.calls.begin(), here.calls.end(), [](const auto& c) { return c.write; });
    if (!written) return std::nullopt;
    return Error{errc::timed_out, "no answer"};
  };
  here.calls.clear();
  rounds("fp", Seconds(600));
  EXPECT_LE(here.calls.size(), 14u);
  EXPECT_EQ(logged("HS1213"), 1);
}

TEST_F(ProviderTest, RefusedReadingsHammerNobodyAndAreOneAlarm) {
  here.on_read = [](const RecordKey&) -> std::optional<Error> {
    return Error{errc::refused, "BADSIG"};
  };
  run({web(), web("b.example.com")});
  const auto began = now;
  rounds("fp", Seconds(600));
  for (const auto* name : {"www.example.com", "b.example.com"}) {
    std::vector<TimePoint> at;
    for (const auto& c : here.calls) {
      if (c.key == key(name) && c.at >= began) at.push_back(c.at);
    }
    ASSERT_GE(at.size(), 8u);
    for (std::size_t i = 1; i < at.size(); ++i) EXPECT_GE(at[i] - at[i - 1], Seconds(60));
  }
  EXPECT_EQ(logged("HS1213"), 1);
  EXPECT_EQ(logged("HS1112"), 0);
  // A reload may bring what was missing: nobody has to wait for it.
  here.on_read = nullptr;
  p->monitor->reconfigure(specs);
  pass(Seconds(1));
  EXPECT_EQ(logged("HS1214"), 1);
}

TEST_F(ProviderTest, UnreadableRecordsAreOneAlarmWithAnEnd) {
  run({web(), web("b.example.com")});
  rounds("pp", Seconds(10));
  here.on_read = [](const RecordKey&) -> std::optional<Error> {
    return Error{errc::timed_out, "no answer"};
  };
  rounds("pp", Seconds(600));
  EXPECT_EQ(logged("HS1112"), 1);
  here.on_read = nullptr;
  rounds("pp", Seconds(120));
  EXPECT_EQ(logged("HS1112"), 1);
  EXPECT_EQ(logged("HS1113"), 1);
}

TEST_F(ProviderTest, ClocksThatDifferAreToldWithTheDifference) {
  run({web()});
  rounds("pp", Seconds(10));
  here.on_apply = [](const SwapPlan&) -> std::optional<ApplyResult> {
    return ApplyResult(SwapOutcome::failed, "BADTIME",
                       Hint{Hurdle::clock, Millis(0), Seconds(-600)});
  };
  rounds("fp", Seconds(60));
  EXPECT_EQ(logged("HS1215"), 1);
  EXPECT_THAT(line("HS1215"), AllOf(HasSubstr("skew=-600s"), HasSubstr("600 s behind")));
  EXPECT_EQ(here.serves(key()), primary);
  here.on_apply = nullptr;
  rounds("fp", Seconds(80));
  EXPECT_EQ(logged("HS1216"), 1);
  EXPECT_EQ(here.serves(key()), backup);
}

TEST_F(ProviderTest, WhatIsSaidToBeDoneAndIsNotIsToldOnceAndTriedWithBackoff) {
  run({web()});
  rounds("pp", Seconds(10));
  here.on_apply = [](const SwapPlan&) -> std::optional<ApplyResult> {
    return ApplyResult(SwapOutcome::applied, "NOERROR");
  };
  here.calls.clear();
  const auto began = now;
  rounds("fp", Seconds(120));
  EXPECT_EQ(logged("HS1219"), 1);
  EXPECT_EQ(here.serves(key()), primary);
  EXPECT_EQ(service().model().record_state(), RecordState::ours) << "no drift";
  EXPECT_NE(service().model().proof_state(), Proof::proved);
  const auto writes =
      std::count_if(here.calls.begin(), here.calls.end(), [](const auto& c) { return c.write; });
  EXPECT_GE(writes, 5);
  EXPECT_LE(writes, 9) << "1, 2, 4, 8 ... seconds apart";
  (void)began;
  here.on_apply = nullptr;
  rounds("fp", Seconds(80));
  EXPECT_EQ(here.serves(key()), backup);
  EXPECT_EQ(here.effective.size(), 1u);
  EXPECT_EQ(logged("HS1220"), 1);
}

TEST_F(ProviderTest, AGenerationTakenWithoutItsRecordIsTheSame) {
  run({web()});
  rounds("pp", Seconds(10));
  int times = 0;
  here.on_apply = [&](const SwapPlan& plan) -> std::optional<ApplyResult> {
    if (++times > 2) return std::nullopt;
    here.records[plan.key].generation = plan.generation;
    return ApplyResult(SwapOutcome::applied, "NOERROR");
  };
  rounds("fp", Seconds(20));
  EXPECT_EQ(here.serves(key()), backup);
  EXPECT_EQ(here.records[key()].generation, 4u);
  EXPECT_EQ(logged("HS1219"), 1);
  EXPECT_EQ(logged("HS1110"), 0) << "no drift";
  EXPECT_TRUE(disk.load().open_intents.empty());
}

TEST_F(ProviderTest, APlanThatHasGoneStaleIsNotWritten) {
  here.can.late_effects = false;
  run({web()});
  rounds("pp", Seconds(10));
  here.on_apply = [](const SwapPlan&) -> std::optional<ApplyResult> {
    return ApplyResult(SwapOutcome::failed, "SERVFAIL");
  };
  round("fp");
  pass(Seconds(21));
  here.on_apply = nullptr;
  pass(Seconds(120));  // and no round tells anything
  EXPECT_EQ(here.serves(key()), primary);
  EXPECT_TRUE(disk.load().open_intents.empty());
  rounds("fp", Seconds(10));
  EXPECT_EQ(here.serves(key()), backup);
}

TEST_F(ProviderTest, WhatMayBeUnderWayIsFencedOffWhenNobodyWantsItAnyMore) {
  run({web()});
  rounds("pp", Seconds(10));
  std::optional<SwapPlan> late;
  here.on_apply = [&](const SwapPlan& plan) -> std::optional<ApplyResult> {
    if (late) return std::nullopt;
    late = plan;
    return ApplyResult(SwapOutcome::unknown, "no answer");
  };
  round("fp");
  pass(Millis(500));
  ASSERT_TRUE(late);
  round("pp");
  pass(Seconds(10));
  ASSERT_EQ(here.effective.size(), 1u);
  EXPECT_EQ(here.effective.front().want.values.front(), primary);
  EXPECT_EQ(here.effective.front().generation, late->generation + 1);
  EXPECT_FALSE(here.obey(*late)) << "the late packet finds another generation";
  EXPECT_EQ(service().story()->state, "fenced");
  EXPECT_TRUE(disk.load().open_intents.empty());
  EXPECT_EQ(disk.intents[late->op].fence, late->generation + 1);
  rounds("fp", Seconds(10));
  EXPECT_EQ(here.serves(key()), backup) << "and life goes on";
  EXPECT_EQ(service().model().proof_state(), Proof::proved);
}

TEST_F(ProviderTest, KilledWithTheFenceInTheJournalTheNextStartGoesOnWithIt) {
  run({web()});
  rounds("pp", Seconds(10));
  std::optional<SwapPlan> swap, fence;
  here.on_apply = [&](const SwapPlan& plan) -> std::optional<ApplyResult> {
    (plan.op.ends_with("-fence") ? fence : swap) = plan;
    return ApplyResult(SwapOutcome::unknown, "no answer");
  };
  round("fp");
  pass(Millis(500));
  round("pp");
  for (int i = 0; i < 50 && !fence; ++i) pass(Millis(100));
  ASSERT_TRUE(fence);
  here.on_apply = nullptr;
  p.reset();
  run({web()});
  rounds("fp", Seconds(10));
  EXPECT_TRUE(here.effective.front().op.ends_with("-fence"))
      << "the swap that was given up is not taken up again";
  EXPECT_EQ(disk.intents[swap->op].phase, "abandoned");
  EXPECT_EQ(here.effective.size(), 2u);
  EXPECT_EQ(here.serves(key()), backup) << "by a swap of its own";
}

TEST_F(ProviderTest, AfterARestartASwapThatMayHaveLeftWaitsForAFreshRound) {
  for (const bool wanted : {true, false}) {
    SCOPED_TRACE(wanted);
    p.reset();
    disk = {};
    here.records.clear();
    here.effective.clear();
    here.on_apply = nullptr;
    run({web()});
    rounds("pp", Seconds(10));
    std::optional<SwapPlan> lost;
    here.on_apply = [&](const SwapPlan& plan) -> std::optional<ApplyResult> {
      lost = plan;
      return ApplyResult(SwapOutcome::unknown, "no answer");
    };
    round("fp");
    pass(Millis(300));
    ASSERT_TRUE(lost);
    here.on_apply = nullptr;
    p.reset();
    run({web()});
    here.calls.clear();
    pass(Seconds(60));
    for (const auto& c : here.calls) EXPECT_FALSE(c.write) << "nothing was seen yet";
    rounds(wanted ? "fp" : "pp", Seconds(10));
    ASSERT_EQ(here.effective.size(), 1u);
    const auto& done = here.effective.front();
    EXPECT_EQ(done.op, wanted ? lost->op : lost->op + "-fence");
    EXPECT_EQ(done.expect_generation, lost->expect_generation) << "from the journal";
    EXPECT_EQ(here.serves(key()), wanted ? backup : primary);
    EXPECT_TRUE(disk.load().open_intents.empty());
  }
}

TEST_F(ProviderTest, WhereNoFenceCanBeTheRecordIsWatched) {
  here.can.compare_and_set = false;
  here.can.write_life = Seconds(90);
  run({web()});
  rounds("pp", Seconds(10));
  std::optional<SwapPlan> late;
  here.on_apply = [&](const SwapPlan& plan) -> std::optional<ApplyResult> {
    if (late) return std::nullopt;
    late = plan;
    return ApplyResult(SwapOutcome::unknown, "hangs");
  };
  round("fp");
  pass(Millis(500));
  rounds("pp", Seconds(60));
  EXPECT_FALSE(disk.load().open_intents.empty()) << "its life is not over";
  here.obey(*late);  // it comes late
  rounds("pp", Seconds(80));
  EXPECT_TRUE(disk.load().open_intents.empty());
  EXPECT_EQ(disk.intents[late->op].phase, "proved") << "it was done after all";
  EXPECT_EQ(here.serves(key()), primary) << "and is put back";
}

TEST_F(ProviderTest, WhatIsNoRecordSetIsShownAsDriftUntilItIsPutRight) {
  for (const auto on_drift : {OnDrift::hold, OnDrift::enforce}) {
    p.reset();
    disk = {};
    here.records.clear();
    here.on_read = nullptr;
    auto spec = web();
    spec.on_drift = on_drift;
    run({spec});
    rounds("pp", Seconds(10));
    here.on_read = [](const RecordKey&) -> std::optional<Error> {
      return Error{errc::conflict, "www.example.com has an A and an AAAA"};
    };
    here.calls.clear();
    rounds("fp", Seconds(90));
    EXPECT_THAT(service().model().foreign(), HasSubstr("an A and an AAAA"));
    EXPECT_EQ(service().model().status(), ServiceStatus::trouble);
    EXPECT_EQ(logged("HS1110"), 1);
    EXPECT_EQ(logged("HS1112"), 0);
    for (const auto& c : here.calls) EXPECT_FALSE(c.write);
    here.on_read = nullptr;
    rounds("fp", Seconds(90));
    EXPECT_EQ(logged("HS1111"), 1);
    EXPECT_EQ(here.serves(key()), backup);
  }
}

TEST_F(ProviderTest, DriftIsHeldOrEnforced) {
  for (const auto on_drift : {OnDrift::hold, OnDrift::enforce}) {
    p.reset();
    disk = {};
    here.records.clear();
    auto spec = web();
    spec.on_drift = on_drift;
    run({spec});
    rounds("pp", Seconds(10));
    here.records[key()].set = RecordSet{RecordType::a, 60, {"203.0.113.9"}};
    rounds("pp", Seconds(90));
    EXPECT_EQ(here.serves(key()), on_drift == OnDrift::hold ? "203.0.113.9" : primary);
    EXPECT_EQ(logged("HS1110"), 1);
  }
}

TEST_F(ProviderTest, AProviderThatKeepsATtlOfItsOwnIsAskedForOursOnce) {
  const auto clamped = [this] {
    here.on_apply = [this](const SwapPlan& plan) -> std::optional<ApplyResult> {
      auto kept = plan;
      kept.want.ttl = 300;
      here.obey(kept);
      return ApplyResult(SwapOutcome::applied, "NOERROR");
    };
  };
  clamped();
  here.records[key()] = {RecordSet{RecordType::a, 60, {primary}}, 1, "", 1};
  run({web()});
  rounds("pp", Seconds(600));
  ASSERT_EQ(here.effective.size(), 1u);
  EXPECT_THAT(line("HS1206"), HasSubstr("did not take our TTL of 5"));
  // Nor after a restart.
  p.reset();
  clamped();
  run({web()});
  rounds("pp", Seconds(200));
  EXPECT_EQ(here.effective.size(), 1u);
  // Another TTL is wanted, or somebody else has changed it: once more.
  auto longer = web();
  longer.ttl = 4;
  p->monitor->reconfigure({longer});
  rounds("pp", Seconds(200));
  EXPECT_EQ(here.effective.size(), 2u);
  here.records[key()].set->ttl = 900;
  rounds("pp", Seconds(200));
  EXPECT_EQ(here.effective.size(), 3u);
}

TEST_F(ProviderTest, AnotherTtlWrittenWhileWeWereDownIsWanted) {
  run({web()});
  rounds("pp", Seconds(20));
  const auto before = here.effective.size();
  p.reset();
  auto other = web();
  other.ttl = 3;
  run({other});
  rounds("pp", Seconds(20));
  EXPECT_EQ(here.effective.size(), before + 1);
  EXPECT_EQ(here.records[key()].set->ttl, 3u);
}

TEST_F(ProviderTest, AnAlarmEndsWithTheWishThatMetIt) {
  for (const bool ignored : {false, true}) {
    SCOPED_TRACE(ignored);
    p.reset();
    disk = {};
    here.records.clear();
    here.on_apply = nullptr;
    here.can.compare_and_set = false;  // no fence: nothing goes through any more
    run({web()});
    rounds("pp", Seconds(10));
    here.on_apply = [&](const SwapPlan&) -> std::optional<ApplyResult> {
      return ApplyResult(ignored ? SwapOutcome::applied : SwapOutcome::refused, "answers 403");
    };
    round("fp");
    pass(Millis(500));
    EXPECT_EQ(logged(ignored ? "HS1219" : "HS1213"), 1);
    rounds("pp", Seconds(180));
    EXPECT_TRUE(disk.load().open_intents.empty());
    EXPECT_EQ(logged(ignored ? "HS1220" : "HS1214"), 1);
    EXPECT_THAT(line(ignored ? "HS1220" : "HS1214"), HasSubstr("nobody wants any more"));
  }
}

TEST_F(ProviderTest, AThrottleIsOverWhenItTakesCallsAgain) {
  run({web(), web("b.example.com")});
  rounds("pp", Seconds(10));
  here.takes = Millis(50);
  int writes = 0;
  here.on_apply = [&](const SwapPlan&) -> std::optional<ApplyResult> {
    if (++writes > 1) return std::nullopt;  // under way when the other one was sent away
    return ApplyResult(SwapOutcome::failed, "answers 429",
                       Hint{Hurdle::throttled, Seconds(60), Seconds(0)});
  };
  for (std::uint32_t id = 1; id <= 2; ++id) p->round("fp", id);
  pass(Seconds(5));
  ASSERT_EQ(writes, 2);
  EXPECT_EQ(logged("HS1217"), 1);
  EXPECT_EQ(logged("HS1218"), 0);
  here.on_read = [](const RecordKey&) -> std::optional<Error> {
    return Error{errc::timed_out, "no answer"};
  };
  rounds("fp", Seconds(80));
  EXPECT_EQ(logged("HS1218"), 0) << "silence says nothing";
  here.on_read = nullptr;
  rounds("fp", Seconds(80));
  EXPECT_EQ(logged("HS1218"), 1);
  EXPECT_EQ(here.serves(key()), backup);
  EXPECT_EQ(here.serves(key("b.example.com")), backup);
}

TEST_F(ProviderTest, ALookUnderWayDoesNotBlameTheNextProvider) {
  run({web()});
  there.records[key()] = {RecordSet{RecordType::a, 5, {primary}}, 1, "", 1};
  rounds("pp", Seconds(50));
  here.takes = Seconds(3);
  here.on_read = [](const RecordKey&) -> std::optional<Error> {
    return Error{errc::refused, "BADSIG"};
  };
  const auto calls = here.calls.size();
  for (int i = 0; i < 30 && here.calls.size() == calls; ++i) {
    pass(Seconds(5));
    round("pp");
  }
  ASSERT_GT(here.calls.size(), calls);
  auto moved = web();
  moved.provider = "there";
  p->monitor->reconfigure({moved});
  pass(Seconds(5));
  round("fp");
  pass(Seconds(1));
  EXPECT_EQ(there.serves(key()), backup) << "nothing holds it";
  EXPECT_EQ(logged("HS1213"), 0);
}

TEST_F(ProviderTest, TheHistoryTellsWhichRunWroteIt) {
  for (const bool before : {true, false}) {
    SCOPED_TRACE(before);
    p.reset();
    disk = {};
    here.records.clear();
    here.on_apply = nullptr;
    run({web()});
    rounds("pp", Seconds(10));
    here.on_apply = [&](const SwapPlan& plan) -> std::optional<ApplyResult> {
      if (before) here.obey(plan);
      return ApplyResult(SwapOutcome::unknown, "no answer");
    };
    here.takes = Millis(100);
    round("fp");
    pass(Millis(200));
    here.on_apply = nullptr;
    here.takes = Millis(1);
    p.reset();
    run({web()});
    rounds("fp", Seconds(20));
    EXPECT_EQ(here.serves(key()), backup);
    EXPECT_THAT(line("HS1204"), HasSubstr("finished after a restart"));
    EXPECT_EQ(line("HS1204").find("it had been written") != std::string::npos, before);
  }
}

class MoveTest : public ProviderTest {
 protected:
  // The primary is down, and nobody knows what became of the write.
  void stick(ServiceSpec spec = web()) {
    there.records[spec.key] = {RecordSet{RecordType::a, 5, {primary}}, 1, "", 1};
    run({spec});
    rounds("pp", Seconds(10));
    here.on_apply = [this](const SwapPlan& plan) -> std::optional<ApplyResult> {
      late = plan;
      here.on_read = [](const RecordKey&) -> std::optional<Error> {
        return Error{errc::timed_out, "no answer"};
      };
      return ApplyResult(SwapOutcome::unknown, "no answer");
    };
    round("fp");
    pass(Seconds(40));
    EXPECT_TRUE(late);
    EXPECT_TRUE(service().model().swap_under_way());
  }
  void reload(std::vector<Shared<ServiceSpec>> services) {
    specs = std::move(services);
    p->monitor->reconfigure(specs);
    p->settle();
  }
  static ServiceSpec at(const std::string& provider) {
    auto spec = web();
    spec.provider = provider;
    return spec;
  }
  std::string waiting_for() {
    const auto view = explain_view(service(), {now, wall}, Surroundings{}, std::nullopt);
    return std::string(view.at("waiting_for").as_string());
  }
  // A round of every service that there is.
  void all(const std::string& verdicts, Seconds time) {
    for (const auto end = now + time; now < end; pass(Seconds(10))) {
      for (std::uint32_t id = 1; id <= 5; ++id) p->round(verdicts, id);
    }
  }

  std::optional<SwapPlan> late;
};

TEST_F(MoveTest, ADeadProviderIsLeftWithoutWaitingForIt) {
  stick();
  EXPECT_THAT(waiting_for(), AllOf(HasSubstr("no answer"), HasSubstr("goes on at")));
  reload({at("there")});
  all("fp", Seconds(10));
  EXPECT_EQ(there.serves(key()), backup);
  EXPECT_EQ(logged("HS1221"), 1);
  EXPECT_THAT(line("HS1221"), HasSubstr("may still take effect at the provider that is left"));
  EXPECT_TRUE(disk.load().open_intents.empty());
  EXPECT_EQ(disk.intents[late->op].phase, "abandoned");
  const auto calls = here.calls.size();
  all("fp", Seconds(120));
  EXPECT_EQ(here.calls.size(), calls);
  EXPECT_EQ(there.effective.size(), 1u);
}

TEST_F(MoveTest, AProviderThatAnswersIsFencedBeforeItIsLeft) {
  stick();
  here.on_apply = nullptr;
  here.on_read = nullptr;
  reload({at("there")});
  all("fp", Seconds(10));
  ASSERT_EQ(here.effective.size(), 1u);
  EXPECT_TRUE(here.effective.front().op.ends_with("-fence"));
  EXPECT_EQ(logged("HS1221"), 0);
  EXPECT_EQ(there.serves(key()), backup);
}

TEST_F(MoveTest, AReloadDuringTheWriteDoesNotSkipTheFence) {
  there.records[web().key] = {RecordSet{RecordType::a, 5, {primary}}, 1, "", 1};
  run({web()});
  rounds("pp", Seconds(10));
  specs = {at("there")};
  here.on_apply = [this](const SwapPlan& plan) -> std::optional<ApplyResult> {
    if (plan.op.ends_with("-fence")) return std::nullopt;
    p->monitor->reconfigure(specs);
    return ApplyResult(SwapOutcome::unknown, "no answer");
  };
  round("fp");
  all("fp", Seconds(10));
  ASSERT_EQ(here.effective.size(), 1u);
  EXPECT_TRUE(here.effective.front().op.ends_with("-fence"));
  EXPECT_EQ(logged("HS1221"), 0);
  EXPECT_EQ(there.serves(key()), backup);
}

TEST_F(MoveTest, NothingIsSaidToWorkAgainBecauseItWasLeft) {
  stick();
  reload({at("there")});
  all("fp", Seconds(10));
  EXPECT_THAT(line("HS1113"), HasSubstr("nobody asks it any more"));
}

TEST_F(MoveTest, WhoCanBeReadAndTakesNoFenceIsLeftToo) {
  stick();
  here.on_apply = [](const SwapPlan&) -> std::optional<ApplyResult> {
    return ApplyResult(SwapOutcome::refused, "answers 403");
  };
  here.on_read = nullptr;
  reload({at("there")});
  all("fp", Seconds(10));
  EXPECT_EQ(there.serves(key()), backup);
  EXPECT_EQ(logged("HS1221"), 1);
  EXPECT_EQ(disk.intents[late->op].fence, late->generation + 1) << "it may still win";
}

TEST_F(MoveTest, AThrottledProviderIsLeftAtOnce) {
  there.records[key()] = {RecordSet{RecordType::a, 5, {primary}}, 1, "", 1};
  run({web()});
  rounds("pp", Seconds(10));
  here.on_apply = [](const SwapPlan&) -> std::optional<ApplyResult> {
    return ApplyResult(SwapOutcome::failed, "answers 429",
                       Hint{Hurdle::throttled, Seconds(600), Seconds(0)});
  };
  rounds("fp", Seconds(10));
  EXPECT_THAT(waiting_for(), HasSubstr("asks to be left alone until 2026-01-31T12:1"));
  EXPECT_EQ(service().story()->steps.back().step, "waits");
  EXPECT_EQ(logged("HS1211"), 1);
  auto said = p->monitor->command("www.example.com", {CommandKind::recover, "", "ops", {}});
  ASSERT_TRUE(said);
  EXPECT_THAT(*said, HasSubstr("when the swap under way has come to its end"));
  reload({at("there")});
  all("fp", Seconds(20));
  EXPECT_EQ(logged("HS1221"), 1);
  EXPECT_TRUE(disk.load().open_intents.empty());
  EXPECT_GT(there.calls.size(), 0u);
}

TEST_F(MoveTest, AReadingThatWaitsForAThrottleIsGivenUpToo) {
  here.on_read = [](const RecordKey&) -> std::optional<Error> {
    return Error{errc::unavailable, "answers 429",
                 Hint{Hurdle::throttled, Seconds(600), Seconds(0)}};
  };
  there.records[key()] = {RecordSet{RecordType::a, 5, {primary}}, 1, "", 1};
  run({web()});
  pass(Seconds(10));
  EXPECT_THAT(waiting_for(), HasSubstr("asks to be left alone until"));
  reload({at("there")});
  all("fp", Seconds(10));
  EXPECT_EQ(there.serves(key()), backup);
}

TEST_F(MoveTest, RemovedAndAddedAgainItDoesNotWaitForItsPredecessor) {
  auto other = web("other.example.com");
  other.provider = "there";
  there.records[other.key] = {RecordSet{RecordType::a, 5, {primary}}, 1, "", 1};
  stick();
  reload({other});
  pass(Seconds(5));
  EXPECT_EQ(logged("HS1221"), 1) << "told although the service is gone";
  reload({at("there"), other});
  all("fp", Seconds(10));
  EXPECT_EQ(there.serves(key()), backup);
  EXPECT_TRUE(disk.load().open_intents.empty());
}

// The same name server under another address: the late packet can land.
TEST_F(MoveTest, WhatIsLeftBehindInTheSameZoneIsOverWithTheNextWrite) {
  for (const bool readded : {false, true}) {
    SCOPED_TRACE(readded);
    p.reset();
    disk = {};
    late.reset();
    here.records.clear();
    here.effective.clear();
    here.on_read = nullptr;
    here.on_apply = nullptr;
    stick();
    here.on_apply = nullptr;
    ScriptedServer same;
    same.records = here.records;
    ScriptedProvider corrected(same, *p, now);
    p->replaced = &corrected;
    if (readded) {
      reload({});
      pass(Seconds(5));
    }
    reload({at("here")});
    all("pp", Seconds(20));
    ASSERT_EQ(same.effective.size(), 1u) << "a write, though nothing else asks for one";
    EXPECT_EQ(same.effective.front().want.values.front(), primary);
    EXPECT_GT(same.effective.front().generation, late->generation);
    EXPECT_FALSE(same.obey(*late));
    all("pp", Seconds(120));
    EXPECT_EQ(same.effective.size(), 1u) << "one";
    p->replaced = nullptr;
    p.reset();
  }
}

TEST_F(MoveTest, AfterARestartWithAnotherProviderWhatWasSentIsLeftBehind) {
  stick();
  p.reset();
  run({at("there")});
  all("fp", Seconds(10));
  EXPECT_EQ(there.serves(key()), backup);
  EXPECT_EQ(logged("HS1221"), 1);
  EXPECT_THAT(line("HS1221"), HasSubstr("it was sent to the provider here"));
  EXPECT_EQ(logged("HS1207"), 0);
  EXPECT_TRUE(disk.load().open_intents.empty());
}

TEST_F(MoveTest, AJournalEntryThatCannotBeReadIsToldOf) {
  stick();
  p.reset();
  disk.intents[late->op].to_rr = "{";
  here.on_read = nullptr;
  here.on_apply = nullptr;
  run({web()});
  all("fp", Seconds(10));
  EXPECT_EQ(logged("HS1221"), 1);
  EXPECT_THAT(line("HS1221"), HasSubstr("cannot be read"));
  EXPECT_EQ(here.serves(key()), backup);
  EXPECT_GT(here.effective.front().generation, late->generation);
}

TEST_F(MoveTest, AnOperatorsWordDoesNotShortenTheLifeOfAWrite) {
  here.can.compare_and_set = false;
  here.can.write_life = Seconds(90);
  run({web()});
  rounds("pp", Seconds(10));
  here.on_apply = [this](const SwapPlan& plan) -> std::optional<ApplyResult> {
    if (late) return std::nullopt;
    late = plan;
    return ApplyResult(SwapOutcome::unknown, "hangs");
  };
  round("fp");
  pass(Millis(500));
  rounds("pp", Seconds(20));
  ASSERT_TRUE(p->monitor->command("www.example.com", {CommandKind::recover, "", "ops", {}}));
  rounds("pp", Seconds(40));
  EXPECT_FALSE(disk.load().open_intents.empty()) << "its life is not over";
  rounds("pp", Seconds(60));
  EXPECT_TRUE(disk.load().open_intents.empty());
}

}  // namespace
}  // namespace hotswapd
