// Whatever the rounds, commands, restarts and reloads: the promises that no swap may break.
#include <gtest/gtest.h>

#include <random>

#include "service_harness.hpp"

namespace hotswapd {
namespace {

using testing::service_spec;
using testing::ServiceHarness;

struct World {
  ServiceSpec spec;
  std::mt19937 random;

  int pick(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random); }
  bool chance(int percent) { return pick(100) < percent; }
};

ServiceSpec random_spec(World& w) {
  auto spec = service_spec(1 + w.pick(3));
  spec.fall = 1 + w.pick(3);
  spec.recovery_delay = w.pick(4);
  spec.auto_recover = w.chance(80);
  spec.on_all_down = w.chance(20) ? OnAllDown::primary : OnAllDown::hold;
  spec.max_swaps_per_hour = 1 + w.pick(6);
  spec.mode = w.chance(10) ? ServiceMode::observe : ServiceMode::act;
  spec.telling.change([all = w.chance(30)](TellingSpec& telling) {
    telling.syslog.delivery = all ? SyslogDelivery::all : SyslogDelivery::change;
  });
  return spec;
}

// The verdicts of a target flap in spells, as real ones do.
std::string random_round(World& w, std::string before) {
  for (auto& c : before) {
    if (w.chance(75)) continue;
    c = "ppffi"[w.pick(5)];
  }
  return before;
}

class ServiceProperties : public ::testing::TestWithParam<int> {};

TEST_P(ServiceProperties, HoldForAnyHistory) {
  World w{{}, std::mt19937(static_cast<unsigned>(GetParam()))};
  ServiceHarness h(random_spec(w));
  h.read();
  std::string verdicts(1 + h.model.spec().backups.size(), 'p');
  bool fresh = false;  // a decided round of the primary since the start or the operator's last word
  std::uint64_t highest = 0;  // generation
  for (int i = 0; i < 400; ++i) {
    const auto before = h.writes.size();
    const auto told_before = h.events.size();
    if (w.chance(3)) {
      h.restart();
      ASSERT_TRUE(h.restored);
      fresh = false;
      for (auto n = before; n < h.writes.size(); ++n) {
        EXPECT_TRUE(h.writes[n].decision.overrides_drift)
            << "a restart moved traffic: " << h.writes[n].decision.rule;
      }
      EXPECT_EQ(h.events.size(), told_before) << "a restart told something";
    } else if (w.chance(4)) {
      const CommandKind kinds[] = {CommandKind::activate, CommandKind::deactivate,
                                   CommandKind::recover, CommandKind::force_failover};
      const auto duration =
          w.chance(50) ? std::optional<Millis>(Seconds(5 + w.pick(100))) : std::nullopt;
      (void)h.command(kinds[w.pick(4)], duration);
      for (auto n = before; n < h.writes.size(); ++n) fresh = false;
    } else {
      verdicts = random_round(w, verdicts);
      h.round(verdicts);
      if (verdicts[0] != 'i' && h.model.active()) fresh = true;
    }

    for (auto n = before; n < h.writes.size(); ++n) {
      const auto& write = h.writes[n];
      EXPECT_NE(h.model.spec().mode, ServiceMode::observe);
      if (write.decision.overrides_drift) continue;  // an operator's word
      EXPECT_TRUE(fresh) << write.decision.rule;
      if (!write.decision.moves || write.decision.rule == "all-down-primary") continue;
      ASSERT_LT(write.target, write.round.size());
      EXPECT_EQ(write.round[write.target], Verdict::pass)
          << "a swap to a target that is down: " << write.decision.rule;
      EXPECT_NE(write.round[0], Verdict::inconclusive) << "a swap on an undecided round";
    }
    if (h.record.set) {
      const auto value = h.record.set->values.front();
      EXPECT_TRUE(value == h.model.spec().address || value.starts_with("198.51.100.1")) << value;
      EXPECT_GE(h.record.generation.value_or(0), highest);
      highest = h.record.generation.value_or(0);
    }
    int in_hour = 0;
    for (const auto& write : h.writes) {
      if (write.decision.counted && write.at > h.wall - std::chrono::hours(1)) ++in_hour;
    }
    EXPECT_LE(in_hour, h.model.spec().max_swaps_per_hour);
  }
  // Status changes alternate: the same word is never told twice as a change, but for alarms that
  // carry a message.
  std::string last;
  for (const auto& e : h.events) {
    if (e.kind != EventKind::status || !e.change) continue;
    const bool alarm = e.message.find("automatic swaps used") != std::string::npos;
    // The same word again is news when traffic goes elsewhere.
    const auto now = e.state + " " + (e.serving.empty() ? "" : e.serving.front());
    EXPECT_TRUE(now != last || alarm) << e.state << ": " << e.message;
    last = now;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ServiceProperties, ::testing::Range(0, 200));

}  // namespace
}  // namespace hotswapd
