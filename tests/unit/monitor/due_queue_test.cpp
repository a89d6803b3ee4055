// The due-queue in virtual time: no drift, an even spread, and slots that are skipped and counted.
#include "monitor/due_queue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace hotswapd {
namespace {

const TimePoint start{Seconds(86'400) + Millis(123)};

std::string key_of(unsigned i) {
  return "example.com/www" + std::to_string(i) + ".example.com";
}

// Wakes as the driver does, `delay` late each time, until `until`.
template <class Visit>
void run(DueQueue& queue, TimePoint until, Clock::duration delay, Visit visit) {
  while (const auto next = queue.next()) {
    if (*next > until) return;
    const TimePoint now = *next + delay;
    while (const auto due = queue.pop(now)) visit(*due, now);
  }
}

TEST(DueQueue, NoDriftOverThreeDaysHoweverLateEachRoundBegins) {
  for (const Millis interval : {Millis(1000), Millis(1234), Millis(60'000)}) {
    DueQueue queue;
    queue.upsert(ServiceId{1}, key_of(1), interval, interval, false, start);
    TimePoint first{};
    std::int64_t rounds = 0;
    run(queue, start + Seconds(3 * 86'400), Millis(9),
        [&](const DueQueue::Due& due, TimePoint now) {
          if (rounds == 0) first = due.slot;
          ASSERT_EQ(due.slot, first + rounds * interval);
          ASSERT_GE(now, due.slot);
          ASSERT_LE(now - due.slot, Millis(109));
          ASSERT_EQ(due.skipped, 0u);
          ++rounds;
        });
    EXPECT_GE(rounds, Seconds(3 * 86'400) / interval - 1);
    EXPECT_EQ(queue.skipped(), 0u);
  }
}

TEST(DueQueue, WakeUpsFallOnTheGrid) {
  DueQueue queue;
  for (unsigned i = 0; i < 100; ++i)
    queue.upsert(ServiceId{i}, key_of(i), Millis(1000), Millis(1000), false, start);
  std::set<TimePoint> fine;
  run(queue, start + Seconds(3), {},
      [&](const DueQueue::Due&, TimePoint now) { fine.insert(now); });
  for (const auto at : fine) EXPECT_EQ(at.time_since_epoch() % Millis(10), Clock::duration::zero());
  DueQueue slow;
  for (unsigned i = 0; i < 1000; ++i)
    slow.upsert(ServiceId{i}, key_of(i), Millis(5000), Millis(5000), false, start);
  std::set<TimePoint> coarse;
  run(slow, start + Seconds(10), {},
      [&](const DueQueue::Due&, TimePoint now) { coarse.insert(now); });
  for (const auto at : coarse)
    EXPECT_EQ(at.time_since_epoch() % Millis(100), Clock::duration::zero());
  EXPECT_LE(coarse.size(), 101u);
}

TEST(DueQueue, TheSpreadOverTheIntervalIsEven) {
  DueQueue queue;
  constexpr unsigned services = 30'000;
  for (unsigned i = 0; i < services; ++i)
    queue.upsert(ServiceId{i}, key_of(i), Millis(60'000), Millis(60'000), false, start);
  std::map<std::int64_t, unsigned> seconds;
  std::map<unsigned, unsigned> times;
  run(queue, start + Seconds(60), {}, [&](const DueQueue::Due& due, TimePoint) {
    ++seconds[(due.slot - start) / Seconds(1)];
    ++times[due.service.value];
  });
  unsigned fullest = 0;
  for (const auto& [second, count] : seconds) fullest = std::max(fullest, count);
  // 500 a second in the mean; three standard deviations of a perfect hash are 13 %.
  EXPECT_LT(fullest, 580u);
  EXPECT_GT(times.size(), services - 600u);
}

TEST(DueQueue, TheSlotDependsOnTheNameAlone) {
  const auto first_slot = [](TimePoint now, unsigned others) {
    DueQueue queue;
    for (unsigned i = 0; i < others; ++i)
      queue.upsert(ServiceId{100 + i}, key_of(100 + i), Millis(10'000), Millis(10'000), false, now);
    queue.upsert(ServiceId{7}, "example.com/www.example.com", Millis(10'000), Millis(10'000), false,
                 now);
    TimePoint slot{};
    run(queue, now + Seconds(10), {}, [&](const DueQueue::Due& due, TimePoint) {
      if (due.service.value == 7) slot = due.slot;
    });
    return slot.time_since_epoch() % Seconds(10);
  };
  EXPECT_EQ(first_slot(start, 0), first_slot(start + Millis(4321), 50));
}

TEST(DueQueue, AtOnceIsDueNowAndTheGridFollows) {
  DueQueue queue;
  queue.upsert(ServiceId{1}, key_of(1), Millis(60'000), Millis(60'000), true, start);
  EXPECT_EQ(queue.next(), start);
  const auto first = queue.pop(start);
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->at_once);
  EXPECT_FALSE(queue.pop(start));
  DueQueue grid;
  grid.upsert(ServiceId{1}, key_of(1), Millis(60'000), Millis(60'000), false, start);
  EXPECT_EQ(queue.next(), grid.next());
}

TEST(DueQueue, AFirstRoundWaitsAsLongAsItMustAndIsNotSkipped) {
  DueQueue queue;
  queue.upsert(ServiceId{1}, key_of(1), Millis(1000), Millis(1000), true, start);
  const auto first = queue.pop(start + Seconds(30));
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->at_once);
}

TEST(DueQueue, AfterASuspensionSlotsAreSkippedCountedAndNothingBunches) {
  DueQueue queue;
  constexpr unsigned services = 6000;
  for (unsigned i = 0; i < services; ++i)
    queue.upsert(ServiceId{i}, key_of(i), Millis(10'000), Millis(10'000), false, start);
  std::map<unsigned, TimePoint> last;
  run(queue, start + Seconds(20), {},
      [&](const DueQueue::Due& due, TimePoint) { last[due.service.value] = due.slot; });
  ASSERT_EQ(last.size(), services);
  // Five minutes in which nothing ran.
  const TimePoint back = start + Seconds(320);
  unsigned at_once = 0;
  std::map<unsigned, std::uint64_t> skipped;
  const auto note = [&](const DueQueue::Due& due, TimePoint) {
    skipped[due.service.value] = due.skipped;
    EXPECT_EQ(due.slot,
              last[due.service.value] + (static_cast<std::int64_t>(due.skipped) + 1) * Seconds(10));
  };
  while (const auto due = queue.pop(back)) {
    note(*due, back);
    ++at_once;
  }
  // The first slot that was missed is minutes old for everyone: nobody starts now.
  EXPECT_EQ(at_once, 0u);
  std::map<std::int64_t, unsigned> seconds;
  run(queue, back + Seconds(10), {}, [&](const DueQueue::Due& due, TimePoint now) {
    note(due, now);
    ++seconds[(now - back) / Seconds(1)];
  });
  EXPECT_EQ(skipped.size(), services);
  for (const auto& [service, count] : skipped) EXPECT_TRUE(count == 29 || count == 30) << count;
  for (const auto& [second, count] : seconds) EXPECT_LT(count, 780u);  // 600 in the mean
}

TEST(DueQueue, ALittleLatenessIsMadeGoodFor) {
  DueQueue queue;
  queue.upsert(ServiceId{1}, key_of(1), Millis(1000), Millis(1000), false, start);
  const TimePoint slot = *queue.next();
  const auto due = queue.pop(slot + Millis(490));
  ASSERT_TRUE(due);
  EXPECT_EQ(due->slot, slot);
  EXPECT_EQ(*queue.next(), slot + Millis(1000));
  EXPECT_FALSE(queue.pop(slot + Millis(1000) + Millis(510)));
  EXPECT_EQ(queue.skipped(), 1u);
  EXPECT_EQ(*queue.next(), slot + Millis(2000));
}

TEST(DueQueue, PendingShortensTheIntervalAndTheGridReturns) {
  DueQueue queue;
  queue.upsert(ServiceId{1}, key_of(1), Millis(60'000), Millis(5000), false, start);
  const TimePoint slot = *queue.next();
  ASSERT_TRUE(queue.pop(slot));
  queue.set_pending(ServiceId{1}, true, slot + Millis(200));
  for (int i = 1; i <= 3; ++i) {
    const auto next = queue.next();
    ASSERT_TRUE(next);
    EXPECT_GE(*next, slot + i * Seconds(5));
    EXPECT_LT(*next, slot + i * Seconds(5) + Millis(100));
    ASSERT_TRUE(queue.pop(*next));
  }
  queue.set_pending(ServiceId{1}, false, slot + Seconds(16));
  EXPECT_EQ(queue.next(), slot + Seconds(60));
}

TEST(DueQueue, PendingSetLateIsDueAtOnceButNotBefore) {
  DueQueue queue;
  queue.upsert(ServiceId{1}, key_of(1), Millis(60'000), Millis(5000), false, start);
  const TimePoint slot = *queue.next();
  ASSERT_TRUE(queue.pop(slot));
  queue.set_pending(ServiceId{1}, true, slot + Seconds(20));
  EXPECT_EQ(queue.next(), slot + Seconds(20));
  ASSERT_TRUE(queue.pop(slot + Seconds(20)));
  EXPECT_EQ(queue.next(), slot + Seconds(25));
}

TEST(DueQueue, RemovedServicesAreNotDue) {
  DueQueue queue;
  for (unsigned i = 0; i < 10; ++i)
    queue.upsert(ServiceId{i}, key_of(i), Millis(1000), Millis(1000), true, start);
  for (unsigned i = 0; i < 10; i += 2) queue.remove(ServiceId{i});
  std::set<unsigned> seen;
  while (const auto due = queue.pop(start)) seen.insert(due->service.value);
  EXPECT_EQ(seen, (std::set<unsigned>{1, 3, 5, 7, 9}));
  for (unsigned i = 1; i < 10; i += 2) queue.remove(ServiceId{i});
  EXPECT_FALSE(queue.next());
  queue.set_pending(ServiceId{1}, true, start);
  EXPECT_FALSE(queue.next());
}

TEST(DueQueue, AnyMixOfChangesKeepsEveryServiceAtItsRate) {
  std::mt19937 random(11);
  DueQueue queue;
  std::map<unsigned, TimePoint> last;
  for (unsigned i = 0; i < 50; ++i) {
    queue.upsert(ServiceId{i}, key_of(i), Millis(10'000), Millis(2000), true, start);
    last[i] = start;
  }
  TimePoint now = start;
  for (int step = 0; step < 20'000; ++step) {
    now += Millis(random() % 40);
    while (const auto due = queue.pop(now)) {
      ASSERT_LE(due->slot, now);
      ASSERT_LE(now - last[due->service.value], Millis(10'000) + Millis(150));
      last[due->service.value] = now;
    }
    const unsigned service = static_cast<unsigned>(random() % 50);
    switch (random() % 20) {
      case 0:
        queue.set_pending(ServiceId{service}, true, now);
        break;
      case 1:
        queue.set_pending(ServiceId{service}, false, now);
        break;
      case 2:
        queue.upsert(ServiceId{service}, key_of(service), Millis(10'000), Millis(2000),
                     random() % 2 == 0, now);
        last[service] = now;
        break;
      default:
        break;
    }
    const auto next = queue.next();
    ASSERT_TRUE(next);
    ASSERT_GT(*next, now - Millis(1));
  }
  EXPECT_EQ(queue.size(), 50u);
}

}  // namespace
}  // namespace hotswapd
