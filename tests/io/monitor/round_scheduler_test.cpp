// The scheduler with probers that do as they are told: verdicts, retries, skipped slots, replacing,
// the cap, stopping.
#include "monitor/round_scheduler.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>

namespace hotswapd {
namespace {

// What the probers of one address do; shared with the test's thread.
struct Orders {
  std::vector<Verdict> verdicts{Verdict::pass};  // in turn, the last one for ever
  FailureClass failure = FailureClass::connect;  // with Verdict::fail
  std::atomic<bool> hold{false};                 // stay in flight until it is false
  std::atomic<Millis> lasts{Millis(0)};          // and for so long
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  std::atomic<int> runs{0};
  std::atomic<int> stopped{0};
};

class ObedientProber final : public Prober {
 public:
  ObedientProber(asio::io_context& context, std::shared_ptr<Orders> orders)
      : timer_(context), orders_(std::move(orders)) {}

  awaitable<ProbeResult> run(TimePoint) override {
    ProbeResult result;
    const int now_running = ++orders_->running;
    if (now_running > orders_->most) orders_->most = now_running;
    const auto turn = static_cast<std::size_t>(orders_->runs++);
    const TimePoint until = Clock::now() + orders_->lasts.load();
    while (orders_->hold || Clock::now() < until) {
      timer_.expires_after(Millis(1));
      static_cast<void>(co_await timer_.async_wait(nothrow));
      const auto state = co_await asio::this_coro::cancellation_state;
      if (state.cancelled() != asio::cancellation_type::none) {
        --orders_->running;
        ++orders_->stopped;
        result.failure = FailureClass::local;
        result.reason = "stopped";
        co_return result;
      }
    }
    --orders_->running;
    result.verdict = orders_->verdicts[std::min(turn, orders_->verdicts.size() - 1)];
    if (result.verdict == Verdict::fail) result.failure = orders_->failure;
    if (result.verdict == Verdict::inconclusive) result.failure = FailureClass::local;
    result.reason = "turn " + std::to_string(turn);
    co_return result;
  }

 private:
  asio::steady_timer timer_;
  std::shared_ptr<Orders> orders_;
};

// As long as it lives, this process may have so many.
class Descriptors {
 public:
  explicit Descriptors(rlim_t count) {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    set(count);
  }
  ~Descriptors() { set(before_.rlim_cur); }
  Descriptors(const Descriptors&) = delete;
  Descriptors& operator=(const Descriptors&) = delete;
  void set(rlim_t count) {
    rlimit limit = before_;
    limit.rlim_cur = count;
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  }

 private:
  rlimit before_{};
};

class RoundSchedulerTest : public ::testing::Test {
 protected:
  void SetUp() override { begin(1); }

  void begin(std::size_t shards) {
    scheduler_.reset();
    shards_.clear();
    std::vector<Shard*> list;
    for (std::size_t i = 0; i < shards; ++i) {
      shards_.push_back(
          std::make_unique<Shard>("shard", [](const std::string& task, const std::string& what) {
            ADD_FAILURE() << task << ": " << what;
          }));
      list.push_back(shards_.back().get());
    }
    scheduler_ = std::make_unique<RoundScheduler>(
        list,
        [this](asio::io_context& context, const TargetSpec& target) -> std::unique_ptr<Prober> {
          return std::make_unique<ObedientProber>(context, orders(target.address));
        },
        [this](std::vector<RoundResult> rounds) {
          const std::lock_guard lock(mutex_);
          std::move(rounds.begin(), rounds.end(), std::back_inserter(rounds_));
          arrived_.notify_all();
        });
    for (auto& shard : shards_) shard->start();
  }

  void stop() {
    for (auto& shard : shards_) shard->stop();
  }

  void TearDown() override {
    stop();
    scheduler_.reset();
  }

  std::shared_ptr<Orders> orders(const std::string& address) {
    const std::lock_guard lock(mutex_);
    auto& place = orders_[address];
    if (!place) place = std::make_shared<Orders>();
    return place;
  }

  // The first `count` rounds; fewer when they do not come in time.
  std::vector<RoundResult> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(arrived_.wait_for(lock, Seconds(20), [&] { return rounds_.size() >= count; }));
    return rounds_;
  }

  template <class Condition>
  static bool eventually(Condition condition) {
    const TimePoint until = Clock::now() + Seconds(20);
    while (!condition()) {
      if (Clock::now() > until) return false;
      std::this_thread::sleep_for(Millis(1));
    }
    return true;
  }

  static RoundSpec spec(std::uint32_t id, std::vector<std::string> addresses, int retries = 0,
                        Millis interval = Millis(3'600'000)) {
    RoundSpec made;
    made.service = ServiceId{id};
    made.epoch = 1;
    made.grid_key = "example.com/" + std::to_string(id);
    made.interval = made.recheck = interval;
    for (auto& address : addresses) {
      if (address.empty()) {
        made.targets.emplace_back();
        continue;
      }
      TargetSpec target;
      target.address = std::move(address);
      target.monitor.retries = retries;
      target.monitor.timeout = Millis(1000);
      made.targets.emplace_back(std::move(target));
    }
    return made;
  }

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<RoundResult> rounds_;
  std::map<std::string, std::shared_ptr<Orders>> orders_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::unique_ptr<RoundScheduler> scheduler_;
};

TEST_F(RoundSchedulerTest, AttemptsAndVerdicts) {
  using enum Verdict;
  struct Row {
    std::vector<Verdict> orders;
    int retries;
    Verdict verdict;
    std::size_t attempts;
  };
  const Row rows[] = {
      {{pass}, 2, pass, 1},
      {{fail, pass}, 2, pass, 2},
      {{fail, fail, fail}, 2, fail, 3},
      {{fail}, 0, fail, 1},
      {{fail, inconclusive, fail}, 2, inconclusive, 3},
      {{inconclusive, inconclusive}, 1, inconclusive, 2},
      {{inconclusive, pass}, 1, pass, 2},
  };
  std::uint32_t id = 0;
  for (const auto& row : rows) {
    const std::string address = "a" + std::to_string(++id);
    orders(address)->verdicts = row.orders;
    scheduler_->upsert(spec(id, {address}, row.retries), FirstRound::at_once);
  }
  const auto rounds = wait_for(std::size(rows));
  ASSERT_EQ(rounds.size(), std::size(rows));
  for (const auto& round : rounds) {
    const auto& row = rows[round.service.value - 1];
    ASSERT_EQ(round.targets.size(), 1u);
    const auto& target = *round.targets[0];
    EXPECT_EQ(target.verdict, row.verdict) << round.service.value;
    EXPECT_EQ(target.attempts.size(), row.attempts) << round.service.value;
    EXPECT_EQ(round.epoch, 1u);
    EXPECT_EQ(round.number, 1u);
    EXPECT_EQ(round.skipped, 0u);
    EXPECT_LE(round.started, round.finished);
  }
  const auto figures = scheduler_->figures();
  EXPECT_EQ(figures.rounds, std::size(rows));
  EXPECT_EQ(figures.attempts, 14u);
  EXPECT_EQ(figures.in_flight, 0u);
}

TEST_F(RoundSchedulerTest, TargetsAreProbedSideBySide) {
  // Each stays in flight until both have been seen in flight.
  orders("p")->hold = true;
  orders("b")->hold = true;
  orders("b")->verdicts = {Verdict::fail};
  scheduler_->upsert(spec(1, {"p", "", "b"}), FirstRound::at_once);
  EXPECT_TRUE(eventually([&] { return orders("p")->running == 1 && orders("b")->running == 1; }));
  EXPECT_EQ(scheduler_->figures().in_flight, 2u);
  orders("p")->hold = false;
  orders("b")->hold = false;
  const auto rounds = wait_for(1);
  ASSERT_EQ(rounds[0].targets.size(), 3u);
  EXPECT_EQ(rounds[0].targets[0]->verdict, Verdict::pass);
  EXPECT_FALSE(rounds[0].targets[1]);
  EXPECT_EQ(rounds[0].targets[2]->verdict, Verdict::fail);
}

TEST_F(RoundSchedulerTest, SlotsDuringALongRoundAreSkippedAndCounted) {
  orders("a")->hold = true;
  scheduler_->upsert(spec(1, {"a"}, 0, Millis(20)), FirstRound::at_once);
  EXPECT_TRUE(eventually([&] { return scheduler_->figures().skipped_slots >= 3; }));
  EXPECT_EQ(orders("a")->runs, 1);  // never two rounds of one service at a time
  orders("a")->hold = false;
  const auto rounds = wait_for(3);
  EXPECT_EQ(rounds[0].skipped, 0u);
  EXPECT_GE(rounds[1].skipped, 3u);
  EXPECT_EQ(rounds[0].number, 1u);
  EXPECT_EQ(rounds[1].number, 2u);
  EXPECT_EQ(orders("a")->most, 1);
}

TEST_F(RoundSchedulerTest, AReplacedServiceEndsItsRoundUnreported) {
  orders("old")->hold = true;
  scheduler_->upsert(spec(1, {"old"}), FirstRound::at_once);
  EXPECT_TRUE(eventually([&] { return orders("old")->running == 1; }));
  auto next = spec(1, {"new"});
  next.epoch = 2;
  scheduler_->upsert(std::move(next), FirstRound::at_once);
  const auto rounds = wait_for(1);
  EXPECT_EQ(rounds[0].epoch, 2u);
  EXPECT_EQ(rounds[0].number, 2u);
  EXPECT_TRUE(eventually([&] { return orders("old")->stopped == 1; }));
  EXPECT_TRUE(eventually([&] { return scheduler_->figures().in_flight == 0; }));
  const std::lock_guard lock(mutex_);
  EXPECT_EQ(rounds_.size(), 1u);
}

TEST_F(RoundSchedulerTest, ARemovedServiceIsProbedNoMore) {
  orders("a")->hold = true;
  scheduler_->upsert(spec(1, {"a"}, 5, Millis(20)), FirstRound::at_once);
  EXPECT_TRUE(eventually([&] { return orders("a")->running == 1; }));
  scheduler_->remove(ServiceId{1});
  EXPECT_TRUE(eventually([&] { return orders("a")->stopped == 1; }));
  orders("a")->hold = false;
  // Another service's rounds show that time goes on.
  scheduler_->upsert(spec(2, {"b"}, 0, Millis(20)), FirstRound::at_once);
  for (const auto& round : wait_for(10)) EXPECT_EQ(round.service, ServiceId{2});
  EXPECT_EQ(orders("a")->runs, 1);
  scheduler_->run_now(ServiceId{1});
  scheduler_->set_pending(ServiceId{1}, true);
}

TEST_F(RoundSchedulerTest, RunNowIsARoundBesidesTheGrid) {
  scheduler_->upsert(spec(1, {"a"}), FirstRound::on_grid);
  scheduler_->run_now(ServiceId{1});
  wait_for(1);
  orders("a")->hold = true;
  scheduler_->run_now(ServiceId{1});
  EXPECT_TRUE(eventually([&] { return orders("a")->running == 1; }));
  scheduler_->run_now(ServiceId{1});  // one is in flight
  scheduler_->upsert(spec(2, {"b"}), FirstRound::at_once);
  EXPECT_TRUE(eventually([&] { return orders("b")->runs == 1; }));  // so that was heard
  orders("a")->hold = false;
  wait_for(3);
  EXPECT_EQ(orders("a")->runs, 2);
}

TEST_F(RoundSchedulerTest, PendingRoundsComeFaster) {
  auto slow = spec(1, {"a"});
  slow.recheck = Millis(10);
  scheduler_->upsert(std::move(slow), FirstRound::at_once);
  wait_for(1);
  scheduler_->set_pending(ServiceId{1}, true);
  const auto rounds = wait_for(5);
  EXPECT_EQ(rounds[4].number, 5u);
}

TEST_F(RoundSchedulerTest, AServiceWithNothingToProbeStillHasRounds) {
  scheduler_->upsert(spec(1, {""}), FirstRound::at_once);
  const auto rounds = wait_for(1);
  ASSERT_EQ(rounds[0].targets.size(), 1u);
  EXPECT_FALSE(rounds[0].targets[0]);
}

TEST_F(RoundSchedulerTest, ACrowdOverSeveralShardsBeginsAtOnceAndCompletely) {
  stop();
  begin(3);
  constexpr std::uint32_t count = 1500;
  constexpr Millis month = Seconds(30 * 86'400);  // so that nobody's slot comes meanwhile
  for (std::uint32_t id = 1; id <= count; ++id)
    scheduler_->upsert(spec(id, {"a", "b"}, 0, month), FirstRound::at_once);
  const auto rounds = wait_for(count);
  std::map<std::uint32_t, int> seen;
  for (const auto& round : rounds) ++seen[round.service.value];
  EXPECT_EQ(seen.size(), count);
  EXPECT_EQ(scheduler_->figures().attempts, 2u * count);
}

TEST_F(RoundSchedulerTest, AboveTheCapRoundsWaitAndAllAreRun) {
  stop();
  const Descriptors few(200);  // less than twice the reserve: half of it is for probes
  begin(1);
  constexpr std::uint32_t count = 400;
  const std::array<std::string, 8> addresses = {"a", "b", "c", "d", "e", "f", "g", "h"};
  const auto sum = [&](auto member) {
    int total = 0;
    for (const auto& address : addresses) total += (*orders(address)).*member;
    return total;
  };
  for (const auto& address : addresses) orders(address)->hold = true;
  for (std::uint32_t id = 1; id <= count; ++id)
    scheduler_->upsert(spec(id, {addresses[id % addresses.size()]}), FirstRound::at_once);
  EXPECT_TRUE(eventually([&] { return sum(&Orders::running) == 100; }));
  // Some that wait are replaced or removed: they are not run for nothing.
  auto replaced = spec(count, {"other"});
  replaced.epoch = 2;
  scheduler_->upsert(std::move(replaced), FirstRound::at_once);
  scheduler_->remove(ServiceId{count - 1});
  EXPECT_EQ(scheduler_->figures().in_flight, 100u);
  for (const auto& address : addresses) orders(address)->hold = false;
  const auto rounds = wait_for(count - 1);
  EXPECT_EQ(sum(&Orders::runs), static_cast<int>(count) - 2);
  EXPECT_EQ(orders("other")->runs, 1);
  EXPECT_EQ(scheduler_->figures().in_flight, 0u);
}

TEST_F(RoundSchedulerTest, OneAddressThatIsSilentLeavesRoomForTheOthers) {
  stop();
  const Descriptors few(200);
  begin(1);
  orders("silent")->hold = true;
  constexpr std::uint32_t silent = 300;
  for (std::uint32_t id = 1; id <= silent; ++id)
    scheduler_->upsert(spec(id, {"silent"}), FirstRound::at_once);
  EXPECT_TRUE(eventually([&] { return orders("silent")->running == 25; }));
  for (std::uint32_t id = 1; id <= 50; ++id)
    scheduler_->upsert(spec(silent + id, {"live"}), FirstRound::at_once);
  EXPECT_EQ(wait_for(50).size(), 50u);
  EXPECT_EQ(orders("silent")->running, 25);
  orders("silent")->hold = false;
  EXPECT_EQ(wait_for(50 + silent).size(), 50u + silent);
}

TEST_F(RoundSchedulerTest, ARoundWhoseTurnDoesNotComeInItsIntervalIsSaidToBeOurTrouble) {
  stop();
  const Descriptors few(32);  // 16 attempts
  begin(1);
  orders("a")->hold = true;
  for (std::uint32_t id = 1; id <= 16; ++id)
    scheduler_->upsert(spec(id, {"a"}), FirstRound::at_once);
  EXPECT_TRUE(eventually([&] { return orders("a")->running == 16; }));
  scheduler_->upsert(spec(17, {"b"}, 0, Millis(200)), FirstRound::at_once);
  const auto rounds = wait_for(2);
  for (const auto& round : rounds) {
    EXPECT_EQ(round.service, ServiceId{17});
    EXPECT_EQ(round.targets[0]->verdict, Verdict::inconclusive);
    EXPECT_EQ(round.targets[0]->attempts[0].failure, FailureClass::local);
  }
  EXPECT_EQ(orders("b")->runs, 0);
  orders("a")->hold = false;
  EXPECT_TRUE(eventually([&] { return orders("b")->runs > 0; }));
}

TEST_F(RoundSchedulerTest, TheLimitOfDescriptorsIsFollowedUpAndDown) {
  stop();
  Descriptors limit(200);
  begin(1);
  const std::array<std::string, 4> addresses = {"a", "b", "c", "d"};
  const auto running = [&] {
    int total = 0;
    for (const auto& address : addresses) total += orders(address)->running;
    return total;
  };
  // The most that were seen while many attempts came and went.
  const auto most_running = [&] {
    const auto from = scheduler_->figures().attempts;
    int most = 0;
    EXPECT_TRUE(eventually([&] {
      most = std::max(most, running());
      return scheduler_->figures().attempts >= from + 600;
    }));
    return most;
  };
  for (const auto& address : addresses) orders(address)->lasts = Millis(150);
  for (std::uint32_t id = 1; id <= 300; ++id)
    scheduler_->upsert(spec(id, {addresses[id % addresses.size()]}, 0, Millis(200)),
                       FirstRound::at_once);
  EXPECT_LE(most_running(), 100);
  limit.set(800);
  EXPECT_TRUE(eventually([&] { return running() > 150; }));
  limit.set(200);
  EXPECT_TRUE(eventually([&] { return most_running() <= 100; }));
}

TEST_F(RoundSchedulerTest, TheTargetsBesidesAFullAddressAreProbedInTheirSlots) {
  stop();
  const Descriptors few(200);  // 100 attempts, 25 at one address
  begin(1);
  orders("silent")->hold = true;
  for (std::uint32_t id = 1; id <= 25; ++id)
    scheduler_->upsert(spec(id, {"silent"}), FirstRound::at_once);
  EXPECT_TRUE(eventually([&] { return orders("silent")->running == 25; }));
  constexpr std::uint32_t both = 100;
  scheduler_->upsert(spec(both, {"live", "silent"}, 0, Millis(200)), FirstRound::at_once);
  const auto rounds = wait_for(3);
  for (const auto& round : rounds) {
    EXPECT_EQ(round.service, ServiceId{both});
    EXPECT_EQ(round.targets[0]->verdict, Verdict::pass);
    EXPECT_EQ(round.targets[1]->verdict, Verdict::inconclusive);
    EXPECT_EQ(round.targets[1]->attempts[0].failure, FailureClass::local);
  }
  EXPECT_EQ(orders("silent")->running, 25);
  // It has kept its place: when there is room, both are probed again.
  orders("silent")->hold = false;
  EXPECT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex_);
    return std::any_of(rounds_.begin(), rounds_.end(), [](const RoundResult& round) {
      return round.service == ServiceId{both} && round.targets[1]->verdict == Verdict::pass;
    });
  }));
  EXPECT_TRUE(eventually([&] { return scheduler_->figures().in_flight == 0; }));
}

TEST_F(RoundSchedulerTest, WhoeverWasSilentLeavesAQuarterOfTheRoomToTheOthers) {
  stop();
  const Descriptors few(200);  // 100 attempts
  begin(1);
  const std::array<std::string, 8> addresses = {"a", "b", "c", "d", "e", "f", "g", "h"};
  const auto running = [&] {
    int total = 0;
    for (const auto& address : addresses) total += orders(address)->running;
    return total;
  };
  for (const auto& address : addresses) {
    orders(address)->verdicts = {Verdict::fail};
    orders(address)->failure = FailureClass::timeout;
  }
  constexpr std::uint32_t silent = 400;
  for (std::uint32_t id = 1; id <= silent; ++id)
    scheduler_->upsert(spec(id, {addresses[id % addresses.size()]}, 0, Millis(200)),
                       FirstRound::at_once);
  wait_for(silent);  // each is known by now
  for (const auto& address : addresses) orders(address)->hold = true;
  EXPECT_TRUE(eventually([&] { return running() == 75; }));
  scheduler_->upsert(spec(1'000, {"live"}, 0, Millis(100)), FirstRound::at_once);
  EXPECT_TRUE(eventually([&] { return orders("live")->runs >= 10; }));
  EXPECT_EQ(running(), 75);
  const std::lock_guard lock(mutex_);
  for (const auto& round : rounds_) {
    if (round.service != ServiceId{1'000}) continue;
    EXPECT_EQ(round.targets[0]->verdict, Verdict::pass);
  }
}

TEST_F(RoundSchedulerTest, WhoeverFallsSilentLeavesThatQuarterFromTheSecondAttemptOn) {
  stop();
  const Descriptors few(200);  // 100 attempts
  begin(1);
  const std::array<std::string, 6> addresses = {"a", "b", "c", "d", "e", "f"};
  const auto running = [&] {
    int total = 0;
    for (const auto& address : addresses) total += orders(address)->running;
    return total;
  };
  for (const auto& address : addresses) {
    orders(address)->verdicts = {Verdict::fail};
    orders(address)->failure = FailureClass::timeout;
    orders(address)->hold = true;
  }
  constexpr std::uint32_t silent = 90;
  for (std::uint32_t id = 1; id <= silent; ++id)
    scheduler_->upsert(spec(id, {addresses[id % addresses.size()]}, 1, Millis(300)),
                       FirstRound::at_once);
  EXPECT_TRUE(eventually([&] { return running() == 90; }));
  for (const auto& address : addresses) {
    orders(address)->lasts = Millis(600'000);
    orders(address)->hold = false;
  }
  EXPECT_TRUE(eventually([&] { return running() == 75; }));
  scheduler_->upsert(spec(1'000, {"live"}, 0, Millis(100)), FirstRound::at_once);
  EXPECT_TRUE(eventually([&] { return orders("live")->runs >= 10; }));
  EXPECT_EQ(running(), 75);
  // Those whose second attempt found no room within an interval: nobody's fault but ours.
  std::size_t unfinished = 0;
  const std::lock_guard lock(mutex_);
  for (const auto& round : rounds_) {
    const auto& target = *round.targets[0];
    if (round.service == ServiceId{1'000}) {
      EXPECT_EQ(target.verdict, Verdict::pass);
    } else if (target.attempts.size() == 2) {
      EXPECT_EQ(target.verdict, Verdict::inconclusive);
      EXPECT_TRUE(target.attempts[1].reason.starts_with("not begun within its interval"));
      ++unfinished;
    }
  }
  EXPECT_EQ(unfinished, 15u);
}

// Its two retries wait for room: the first for more than half an interval, the second for what that
// left of it.
TEST_F(RoundSchedulerTest, AllAttemptsOfARoundWaitForRoomNoLongerThanOneInterval) {
  stop();
  const Descriptors few(200);  // 100 attempts, 75 of them silent ones
  begin(1);
  const std::array<std::string, 6> addresses = {"a", "b", "c", "d", "e", "f"};
  const auto runs = [&] {
    int total = 0;
    for (const auto& address : addresses) total += orders(address)->runs;
    return total;
  };
  const auto silent = [&](const std::string& address) {
    orders(address)->verdicts = {Verdict::fail};
    orders(address)->failure = FailureClass::timeout;
    return orders(address);
  };
  for (const auto& address : addresses) silent(address)->hold = true;
  for (std::uint32_t id = 1; id <= 75; ++id)
    scheduler_->upsert(spec(id, {addresses[id % addresses.size()]}, 1, Millis(600'000)),
                       FirstRound::at_once);
  ASSERT_TRUE(eventually([&] { return runs() == 75; }));
  for (const auto& address : addresses) {
    orders(address)->lasts = Millis(600'000);
    orders(address)->hold = false;
  }
  ASSERT_TRUE(eventually([&] { return runs() == 150; })) << "each makes its second attempt";

  constexpr Millis interval{2'000};
  constexpr Millis first_wait{1'200};
  silent("patient");
  scheduler_->upsert(spec(100, {"patient"}, 2, interval), FirstRound::at_once);
  ASSERT_TRUE(eventually([&] { return orders("patient")->runs == 1; }));
  const TimePoint waits_since = Clock::now();
  // Who stands behind it in the queue takes what it gives back after its second attempt.
  silent("next");
  scheduler_->upsert(spec(101, {"next"}, 1, Millis(600'000)), FirstRound::at_once);
  ASSERT_TRUE(eventually([&] { return orders("next")->runs == 1; }));
  orders("next")->lasts = Millis(600'000);
  ASSERT_TRUE(eventually([&] { return Clock::now() >= waits_since + first_wait; }));
  EXPECT_EQ(orders("patient")->runs, 1);
  scheduler_->remove(ServiceId{1});  // makes room for one

  const auto round = wait_for(1).front();
  ASSERT_EQ(round.service, ServiceId{100});
  const auto& attempts = round.targets[0]->attempts;
  ASSERT_EQ(attempts.size(), 3u);
  EXPECT_EQ(attempts[1].reason, "turn 1");
  EXPECT_TRUE(attempts[2].reason.starts_with("not begun within its interval"));
  EXPECT_GE(round.finished - round.started, interval);
  EXPECT_LT(round.finished - round.started, interval + first_wait / 2);
}

TEST_F(RoundSchedulerTest, WhoeverWantsManyPlacesAtOnceGetsThemAmongTheSilent) {
  stop();
  const Descriptors few(200);  // 100 attempts
  begin(1);
  const std::array<std::string, 8> addresses = {"a", "b", "c", "d", "e", "f", "g", "h"};
  for (const auto& address : addresses) {
    orders(address)->verdicts = {Verdict::fail};
    orders(address)->failure = FailureClass::timeout;
    orders(address)->lasts = Millis(50);
  }
  constexpr std::uint32_t silent = 400;
  for (std::uint32_t id = 1; id <= silent; ++id)
    scheduler_->upsert(spec(id, {addresses[id % addresses.size()]}, 0, Millis(100)),
                       FirstRound::at_once);
  wait_for(2 * silent);  // each is known by now, and they want more than there is
  std::vector<std::string> many;
  for (int i = 0; i < 40; ++i) many.push_back("live" + std::to_string(i % 4));
  scheduler_->upsert(spec(1'000, many, 0, Millis(100)), FirstRound::at_once);
  EXPECT_TRUE(eventually([&] { return orders("live0")->runs >= 50; }));
}

TEST_F(RoundSchedulerTest, HoweverBusyTheOthersAreASilentOneComesToItsVerdict) {
  stop();
  const Descriptors few(200);  // 100 attempts
  begin(1);
  const std::array<std::string, 5> addresses = {"a", "b", "c", "d", "e"};
  for (const auto& address : addresses) orders(address)->hold = true;
  constexpr std::uint32_t busy = 98;
  for (std::uint32_t id = 1; id <= busy; ++id)
    scheduler_->upsert(spec(id, {addresses[id % addresses.size()]}), FirstRound::at_once);
  EXPECT_TRUE(eventually([&] { return scheduler_->figures().in_flight == busy; }));
  orders("silent")->verdicts = {Verdict::fail};
  orders("silent")->failure = FailureClass::timeout;
  scheduler_->upsert(spec(1'000, {"silent"}, 1, Millis(100)), FirstRound::at_once);
  for (const auto& round : wait_for(3)) {
    EXPECT_EQ(round.service, ServiceId{1'000});
    EXPECT_EQ(round.targets[0]->verdict, Verdict::fail);
    EXPECT_EQ(round.targets[0]->attempts.size(), 2u);
  }
  for (const auto& address : addresses) orders(address)->hold = false;
}

TEST_F(RoundSchedulerTest, WhatOthersWaitForBeginsHoweverManyAreInFlight) {
  stop();
  const Descriptors few(32);
  begin(1);
  orders("a")->hold = true;
  for (std::uint32_t id = 1; id <= 16; ++id)
    scheduler_->upsert(spec(id, {"a"}), FirstRound::at_once);
  EXPECT_TRUE(eventually([&] { return orders("a")->running == 16; }));
  for (std::uint32_t id = 17; id <= 40; ++id)
    scheduler_->upsert(spec(id, {"b"}), FirstRound::at_once);
  auto witness = spec(100, {"witness"});
  witness.waits_for_no_one = true;
  scheduler_->upsert(std::move(witness), FirstRound::at_once);
  const auto rounds = wait_for(1);
  EXPECT_EQ(rounds[0].service, ServiceId{100});
  EXPECT_EQ(rounds[0].targets[0]->verdict, Verdict::pass);
  orders("a")->hold = false;
  EXPECT_EQ(wait_for(41).size(), 41u);
}

TEST_F(RoundSchedulerTest, WhatOthersWaitForIsHandedOverAtOnce) {
  auto witness = spec(1, {"witness"});
  witness.waits_for_no_one = true;
  scheduler_->upsert(std::move(witness), FirstRound::at_once);
  wait_for(1);
  constexpr std::size_t times = 40;
  const TimePoint began = Clock::now();
  for (std::size_t i = 0; i < times; ++i) {
    scheduler_->run_now(ServiceId{1});
    wait_for(2 + i);
  }
  // One after the other, each would wait for the next tenth of a second if it were routine.
  EXPECT_LT(Clock::now() - began, times * Millis(50));
}

TEST_F(RoundSchedulerTest, StoppingEndsWhatIsInFlightAndReportsNothing) {
  orders("a")->hold = true;
  for (std::uint32_t id = 1; id <= 20; ++id)
    scheduler_->upsert(spec(id, {"a"}, 3), FirstRound::at_once);
  EXPECT_TRUE(eventually([&] { return orders("a")->running == 20; }));
  stop();
  EXPECT_EQ(orders("a")->stopped, 20);
  EXPECT_EQ(orders("a")->runs, 20);
  const std::lock_guard lock(mutex_);
  EXPECT_TRUE(rounds_.empty());
}

}  // namespace
}  // namespace hotswapd
