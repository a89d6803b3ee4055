// Order, readiness, retries, expiry and the bound of one sink's queue, in virtual time.
#include "notifiers/outbox_queue.hpp"

#include <gtest/gtest.h>

#include <random>

namespace hotswapd {
namespace {

using namespace std::chrono_literals;
using Drop = OutboxQueue::Drop;
using Step = OutboxQueue::Step;

constexpr TimePoint start{1000h};
constexpr TimePoint later = start + 24h;

// Delivers all that can go now; the bodies in their order.
std::vector<std::string> drain(OutboxQueue& queue, TimePoint now = start) {
  std::vector<std::string> out;
  for (auto next = queue.next(now); next.step == Step::deliver; next = queue.next(now)) {
    out.push_back(next.body);
    queue.delivered();
  }
  return out;
}

using Bodies = std::vector<std::string>;

TEST(OutboxQueue, DeliversInTheOrderGiven) {
  OutboxQueue queue;
  queue.push(1, "a", "1", later, true);
  queue.push(0, "b", "2", later, true);
  queue.push(0, "a", "3", later, true);
  queue.push(2, "b", "4", later, true);
  EXPECT_EQ(drain(queue), (Bodies{"1", "2", "3", "4"}));
  EXPECT_EQ(queue.size(), 0u);
  EXPECT_EQ(queue.next(start).step, Step::idle);
}

TEST(OutboxQueue, AnUncommittedMessageHoldsItsServiceBackAndNoOther) {
  OutboxQueue queue;
  queue.push(1, "a", "a1", later, false);
  queue.push(0, "a", "a2", later, true);
  queue.push(2, "a", "a3", later, false);
  queue.push(0, "b", "b1", later, true);
  EXPECT_EQ(drain(queue), Bodies{"b1"});
  EXPECT_TRUE(queue.mark_ready(2)) << "the acknowledgement of a later one changes nothing";
  EXPECT_EQ(drain(queue), Bodies{});
  EXPECT_TRUE(queue.mark_ready(1));
  EXPECT_EQ(drain(queue), (Bodies{"a1", "a2", "a3"}));
  EXPECT_FALSE(queue.mark_ready(1));
}

TEST(OutboxQueue, ARemovedMessageFreesWhatWaitedBehindIt) {
  OutboxQueue queue;
  queue.push(1, "a", "a1", later, false);
  queue.push(0, "a", "a2", later, true);
  EXPECT_TRUE(queue.remove(1));
  EXPECT_FALSE(queue.remove(1));
  EXPECT_EQ(drain(queue), Bodies{"a2"});
  EXPECT_TRUE(queue.take_dropped().empty());
}

TEST(OutboxQueue, AFailureIsRetriedWithDoublingPausesUpToTheLongest) {
  OutboxQueue queue;
  queue.push(1, "a", "a1", later, true);
  TimePoint now = start;
  const Seconds pauses[] = {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s};
  for (const auto pause : pauses) {
    ASSERT_EQ(queue.next(now).step, Step::deliver);
    queue.failed(now, 0.0);
    const auto waiting = queue.next(now);
    ASSERT_EQ(waiting.step, Step::wait);
    EXPECT_EQ(waiting.until - now, pause);
    EXPECT_EQ(queue.next(waiting.until - 1ms).step, Step::wait);
    now = waiting.until;
  }
  ASSERT_EQ(queue.next(now).step, Step::deliver);
  EXPECT_EQ(queue.delivered(), 1);
  queue.push(2, "a", "a2", later, true);
  ASSERT_EQ(queue.next(now).step, Step::deliver);
  queue.failed(now, 0.999);
  const auto again = queue.next(now).until - now;
  EXPECT_GE(again, 1s) << "a success starts the count anew";
  EXPECT_LE(again, 1250ms) << "jitter is at most a quarter";
}

TEST(OutboxQueue, OrderHoldsOverAFailure) {
  OutboxQueue queue;
  queue.push(1, "a", "a1", later, true);
  queue.push(0, "a", "a2", later, true);
  ASSERT_EQ(queue.next(start).body, "a1");
  queue.failed(start, 0);
  queue.push(3, "a", "a3", later, true);
  EXPECT_EQ(drain(queue, start + 2s), (Bodies{"a1", "a2", "a3"}));
}

TEST(OutboxQueue, AMessageThatTheSinkCannotStandDoesNotHoldUpOthers) {
  OutboxQueue queue;
  queue.push(1, "bad", "bad", later, true);
  queue.push(2, "good", "g1", later, true);
  queue.push(3, "good", "g2", later, true);
  ASSERT_EQ(queue.next(start).body, "bad");
  queue.failed(start, 0);
  TimePoint now = start + 1s;
  ASSERT_EQ(queue.next(now).body, "g1");
  queue.delivered();
  ASSERT_EQ(queue.next(now).body, "g2");
  queue.delivered();
  ASSERT_EQ(queue.next(now).body, "bad");
  queue.refused();
  const auto dropped = queue.take_dropped();
  ASSERT_EQ(dropped.size(), 1u);
  EXPECT_EQ(dropped[0].id, 1);
  EXPECT_EQ(dropped[0].why, Drop::refused);
}

TEST(OutboxQueue, HurryEndsThePause) {
  OutboxQueue queue;
  queue.push(1, "a", "a1", later, true);
  ASSERT_EQ(queue.next(start).step, Step::deliver);
  queue.failed(start, 0);
  EXPECT_EQ(queue.next(start).step, Step::wait);
  queue.hurry();
  EXPECT_EQ(queue.next(start).step, Step::deliver);
}

TEST(OutboxQueue, ExpiredMessagesAreDroppedAndTheNextGoes) {
  OutboxQueue queue;
  queue.push(1, "a", "old", start + 1h, true);
  queue.push(0, "a", "old too", start + 1h, true);
  queue.push(2, "a", "fresh", start + 3h, true);
  EXPECT_EQ(drain(queue, start + 2h), Bodies{"fresh"});
  const auto dropped = queue.take_dropped();
  ASSERT_EQ(dropped.size(), 2u);
  EXPECT_EQ(dropped[0].id, 1);
  EXPECT_EQ(dropped[0].why, Drop::expired);
  EXPECT_EQ(dropped[1].id, 0);
}

TEST(OutboxQueue, BeyondTheBoundTheOldestEphemeralGoesFirstThenTheOldestDurable) {
  OutboxLimits limits;
  limits.messages = 4;
  OutboxQueue queue(limits);
  queue.push(1, "a", "d1", later, true);
  queue.push(0, "a", "e1", later, true);
  queue.push(0, "b", "e2", later, true);
  queue.push(2, "b", "d2", later, false);
  queue.push(3, "c", "d3", later, true);
  auto dropped = queue.take_dropped();
  ASSERT_EQ(dropped.size(), 1u);
  EXPECT_EQ(dropped[0].id, 0);
  EXPECT_EQ(dropped[0].why, Drop::overflow);
  queue.push(4, "c", "d4", later, true);
  queue.push(5, "c", "d5", later, true);
  dropped = queue.take_dropped();
  ASSERT_EQ(dropped.size(), 2u);
  EXPECT_EQ(dropped[0].id, 0);
  EXPECT_EQ(dropped[1].id, 1);
  queue.push(6, "c", "d6", later, true);
  dropped = queue.take_dropped();
  ASSERT_EQ(dropped.size(), 1u);
  EXPECT_EQ(dropped[0].id, 2);
  EXPECT_FALSE(dropped[0].ready);
  EXPECT_EQ(queue.size(), 4u);
  EXPECT_EQ(drain(queue), (Bodies{"d3", "d4", "d5", "d6"}));
}

TEST(OutboxQueue, ALowerBoundDropsNothingByItselfAndAHigherOneMakesRoom) {
  OutboxLimits limits;
  limits.messages = 3;
  OutboxQueue queue(limits);
  for (int i = 1; i <= 3; ++i) queue.push(i, "a", std::to_string(i), later, true);
  queue.set_limit(2);
  EXPECT_TRUE(queue.take_dropped().empty());
  queue.push(4, "a", "4", later, true);
  EXPECT_EQ(queue.take_dropped().size(), 1u);
  EXPECT_EQ(queue.size(), 3u);
  queue.set_limit(5);
  queue.push(5, "a", "5", later, true);
  queue.push(6, "a", "6", later, true);
  EXPECT_TRUE(queue.take_dropped().empty());
  EXPECT_EQ(drain(queue), (Bodies{"2", "3", "4", "5", "6"}));
}

TEST(OutboxQueue, WhatIsOnItsWayIsNeverDropped) {
  OutboxLimits limits;
  limits.messages = 2;
  OutboxQueue queue(limits);
  queue.push(1, "a", "a1", later, true);
  ASSERT_EQ(queue.next(start).body, "a1");
  EXPECT_FALSE(queue.remove(1));
  for (int i = 2; i < 10; ++i) queue.push(i, "a", std::to_string(i), later, true);
  EXPECT_EQ(queue.delivered(), 1);
  EXPECT_EQ(drain(queue), Bodies{"9"});
  EXPECT_EQ(queue.take_dropped().size(), 7u);
}

// Any mixture of events: within a service the order of what is delivered is the order in which it
// was given, nothing is delivered twice or before it is ready, and everything is accounted for.
TEST(OutboxQueue, OrderAndAccountsHoldForAnySequence) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    OutboxLimits limits;
    limits.messages = 30;
    OutboxQueue queue(limits);
    TimePoint now = start;
    std::map<std::string, int> last;
    std::set<std::int64_t> unready;
    std::size_t given = 0;
    std::size_t gone = 0;
    int number = 0;
    for (int step = 0; step < 2000; ++step) {
      switch (random() % 6) {
        case 0:
        case 1: {
          const std::string service(1, static_cast<char>('a' + random() % 4));
          ++number;
          ++given;
          const bool durable = random() % 2 == 0;
          if (durable) unready.insert(number);
          queue.push(durable ? number : 0, service, service + std::to_string(number), now + 1min,
                     false);
          break;
        }
        case 2:
          if (!unready.empty()) {
            queue.mark_ready(*unready.begin());
            unready.erase(unready.begin());
          }
          break;
        case 3:
          if (!unready.empty() && random() % 4 == 0) {
            if (queue.remove(*unready.rbegin())) ++gone;
            unready.erase(std::prev(unready.end()));
          }
          break;
        default: {
          const auto next = queue.next(now);
          if (next.step == Step::wait) now = next.until;
          if (next.step != Step::deliver) break;
          const std::string service = next.body.substr(0, 1);
          const int which = std::stoi(next.body.substr(1));
          ASSERT_FALSE(unready.contains(which)) << "seed " << seed;
          if (random() % 3 == 0) {
            queue.failed(now, 0.5);
          } else {
            ASSERT_GT(which, last[service]) << "seed " << seed;
            last[service] = which;
            queue.delivered();
            ++gone;
          }
        }
      }
      gone += queue.take_dropped().size();
      ASSERT_EQ(queue.size(), given - gone) << "seed " << seed;
      ASSERT_LE(queue.size(), limits.messages);
    }
  }
}

}  // namespace
}  // namespace hotswapd
