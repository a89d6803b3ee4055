// The provider `embedded` as the decision loop uses it: order, deadlines, a slow and a broken disk,
// the proof.
#include "dns/embedded.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <deque>
#include <utility>

#include "dns/dns_server.hpp"
#include "net/task_group.hpp"

namespace hotswapd {
namespace {

using namespace std::chrono_literals;

const RecordKey www{"example.com", "www.example.com"};
const RecordKey other{"example.com", "other.example.com"};

RecordSet a(const std::string& value) {
  return {RecordType::a, 30, {value}};
}

// Keeps what it is given until it is told what the disk says.
class FakeJournal : public RecordJournal {
 public:
  void save(StoredRecord record, std::function<void(Fallible<void>)> done) override {
    if (at_once) {
      kept.push_back(std::move(record));
      done({});
      return;
    }
    waiting.emplace_back(std::move(record), std::move(done));
  }
  void finish(Fallible<void> how = {}) {
    auto [record, done] = std::move(waiting.front());
    waiting.pop_front();
    if (how) kept.push_back(record);
    done(std::move(how));
  }

  bool at_once = true;
  std::deque<std::pair<StoredRecord, std::function<void(Fallible<void>)>>> waiting;
  std::vector<StoredRecord> kept;
};

class EmbeddedTest : public testing::Test {
 protected:
  EmbeddedTest() {
    EmbeddedZones::Config config;
    config.zones = {{"example.com", {{"ns1.example.net", {}}}, "h@example.com"}};
    config.names = {{www, a("192.0.2.10")}, {other, a("192.0.2.20")}};
    EXPECT_TRUE(zones_->configure(config));
    make({});
  }

  void make(std::vector<DnsEndpoint> listen) {
    provider_ = std::make_unique<EmbeddedProvider>(context_.get_executor(), zones_, journal_,
                                                   std::move(listen));
  }

  static SwapPlan plan(const RecordKey& key, const std::string& from,
                       std::optional<std::uint64_t> seen, const std::string& to,
                       std::uint64_t generation) {
    SwapPlan out;
    out.key = key;
    out.expect = a(from);
    out.expect_generation = seen;
    out.want = a(to);
    out.generation = generation;
    out.op = "op" + std::to_string(generation);
    return out;
  }

  void spawn_apply(SwapPlan p, Millis time = 10s) {
    const auto work = [](EmbeddedProvider* provider, SwapPlan plan_, TimePoint deadline,
                         std::vector<ApplyResult>* to) -> awaitable<void> {
      auto result = co_await provider->apply(std::move(plan_), deadline);
      to->push_back(std::move(result));
    };
    tasks_.spawn("apply", work(provider_.get(), std::move(p), Clock::now() + time, &results_));
  }

  void spawn_read(const RecordKey& key, Millis time = 10s) {
    const auto work = [](EmbeddedProvider* provider, RecordKey k, TimePoint deadline,
                         std::vector<Fallible<LiveRecord>>* to) -> awaitable<void> {
      auto result = co_await provider->read(std::move(k), deadline);
      to->push_back(std::move(result));
    };
    tasks_.spawn("read", work(provider_.get(), key, Clock::now() + time, &reads_));
  }

  // Everything that can run without the clock or the disk.
  void settle() {
    context_.restart();
    context_.poll();
  }
  // Until nothing is left to do, timers included.
  void finish() {
    context_.restart();
    context_.run();
  }

  asio::io_context context_{1};
  FakeJournal journal_;
  std::shared_ptr<EmbeddedZones> zones_ = std::make_shared<EmbeddedZones>();
  std::unique_ptr<EmbeddedProvider> provider_;
  std::vector<ApplyResult> results_;
  std::vector<Fallible<LiveRecord>> reads_;
  TaskGroup tasks_{context_.get_executor(),
                   [](const auto& task, const auto& what) { FAIL() << task << ": " << what; }};
};

TEST_F(EmbeddedTest, SaysWhatItCanDo) {
  const auto can = provider_->capabilities();
  EXPECT_TRUE(can.compare_and_set);
  EXPECT_TRUE(can.atomic_type_change);
  EXPECT_TRUE(can.keeps_generation);
  EXPECT_FALSE(can.late_effects);
}

TEST_F(EmbeddedTest, AppliesAndReadsBack) {
  spawn_apply(plan(www, "192.0.2.10", std::nullopt, "198.51.100.1", 1));
  finish();
  ASSERT_EQ(results_.size(), 1U);
  EXPECT_EQ(results_[0].outcome, SwapOutcome::applied) << results_[0].detail;
  EXPECT_EQ(results_[0].detail, "now A 198.51.100.1 ttl 30, generation 1, zone serial 2");
  spawn_read(www);
  finish();
  ASSERT_TRUE(reads_[0]);
  EXPECT_EQ(reads_[0]->generation, 1U);
  EXPECT_EQ(reads_[0]->set->values[0], "198.51.100.1");
  EXPECT_EQ(journal_.kept.size(), 1U);
  spawn_apply(plan(www, "192.0.2.10", std::nullopt, "198.51.100.1", 1));
  finish();
  EXPECT_EQ(results_[1].outcome, SwapOutcome::already);
  EXPECT_EQ(journal_.kept.size(), 1U) << "nothing is written twice";
}

TEST_F(EmbeddedTest, OneNameInOrderOthersNotDelayed) {
  journal_.at_once = false;
  spawn_apply(plan(www, "192.0.2.10", std::nullopt, "198.51.100.1", 1));
  spawn_apply(plan(www, "198.51.100.1", 1, "192.0.2.10", 2));
  spawn_apply(plan(other, "192.0.2.20", std::nullopt, "198.51.100.2", 1));
  settle();
  ASSERT_EQ(journal_.waiting.size(), 2U) << "the first of www and the one of other";
  EXPECT_EQ(journal_.waiting[0].first.key, www);
  EXPECT_EQ(journal_.waiting[1].first.key, other);
  journal_.finish();
  settle();
  ASSERT_EQ(results_.size(), 1U);
  EXPECT_EQ(results_[0].outcome, SwapOutcome::applied);
  ASSERT_EQ(journal_.waiting.size(), 2U);
  EXPECT_EQ(journal_.waiting[1].first.generation, 2U)
      << "the second of www saw the first one's value";
  journal_.finish();
  journal_.finish();
  finish();
  ASSERT_EQ(results_.size(), 3U);
  for (const auto& result : results_)
    EXPECT_EQ(result.outcome, SwapOutcome::applied) << result.detail;
}

TEST_F(EmbeddedTest, ARefusingDiskIsAFailureAndNothingIsAnswered) {
  journal_.at_once = false;
  const auto version = zones_->snapshots().version();
  spawn_apply(plan(www, "192.0.2.10", std::nullopt, "198.51.100.1", 1));
  settle();
  journal_.finish(Error{errc::unavailable, "the disk is full"});
  finish();
  EXPECT_EQ(results_[0].outcome, SwapOutcome::failed);
  EXPECT_NE(results_[0].detail.find("the disk is full"), std::string::npos);
  EXPECT_EQ(zones_->snapshots().version(), version);
  journal_.at_once = true;
  spawn_apply(plan(www, "192.0.2.10", std::nullopt, "198.51.100.1", 1));
  finish();
  EXPECT_EQ(results_[1].outcome, SwapOutcome::applied) << "a failure certainly left no trace";
}

TEST_F(EmbeddedTest, ASlowDiskGivesUnknownAndTheReadBackWaitsForIt) {
  journal_.at_once = false;
  spawn_apply(plan(www, "192.0.2.10", std::nullopt, "198.51.100.1", 1), 20ms);
  finish();
  ASSERT_EQ(results_.size(), 1U);
  EXPECT_EQ(results_[0].outcome, SwapOutcome::unknown);
  spawn_read(www, 20ms);
  finish();
  ASSERT_FALSE(reads_[0]) << "what is there is open";
  EXPECT_EQ(reads_[0].error().code, errc::unavailable);
  spawn_apply(plan(www, "192.0.2.10", std::nullopt, "203.0.113.1", 2), 20ms);
  finish();
  EXPECT_EQ(results_[1].outcome, SwapOutcome::failed) << "never begun";
  spawn_read(other);
  spawn_read(www);
  settle();
  ASSERT_EQ(reads_.size(), 2U) << "other names are read at once";
  journal_.finish();
  finish();
  ASSERT_EQ(reads_.size(), 3U);
  EXPECT_EQ(reads_[2]->generation, 1U) << "the late write counts, and the read-back is final";
}

TEST_F(EmbeddedTest, AWriteUnderWayOutlivesTheProvider) {
  journal_.at_once = false;
  spawn_apply(plan(www, "192.0.2.10", std::nullopt, "198.51.100.1", 1), 10ms);
  finish();
  provider_.reset();
  journal_.finish();
  EXPECT_EQ(zones_->read(www)->generation, 1U);
}

TEST_F(EmbeddedTest, StopsAtOnceWhenToldTo) {
  journal_.at_once = false;
  spawn_apply(plan(www, "192.0.2.10", std::nullopt, "198.51.100.1", 1), 1h);
  settle();
  tasks_.request_stop();
  finish();
  ASSERT_EQ(results_.size(), 1U);
  EXPECT_EQ(results_[0].outcome, SwapOutcome::unknown);
}

TEST_F(EmbeddedTest, ProvesOnItsOwnSocketsAndNowhereElse) {
  const auto prove = [this](const RecordSet& set) {
    std::vector<ServerEvidence> out;
    const auto work = [](EmbeddedProvider* provider, RecordSet want,
                         std::vector<ServerEvidence>* to) -> awaitable<void> {
      *to = co_await provider->prove(www, std::move(want), Clock::now() + 8s);
    };
    tasks_.spawn("prove", work(provider_.get(), set, &out));
    finish();
    return out;
  };
  auto none = prove(a("192.0.2.10"));
  ASSERT_EQ(none.size(), 1U);
  EXPECT_FALSE(none[0].proved);
  EXPECT_NE(none[0].detail.find("dns_listen"), std::string::npos);

  DnsServerOptions options;
  options.listen = {"0.0.0.0:0", "[::]:0"};
  auto server = DnsServer::start(options, zones_->snapshots());
  ASSERT_TRUE(server);
  make((*server)->endpoints());
  const auto evidence = prove(a("192.0.2.10"));
  ASSERT_EQ(evidence.size(), 2U);
  EXPECT_TRUE(evidence[0].proved) << evidence[0].detail;
  EXPECT_TRUE(evidence[1].proved) << evidence[1].detail;
  EXPECT_EQ(evidence[0].server.substr(0, 10), "127.0.0.1:");
  EXPECT_EQ(evidence[1].server.substr(0, 6), "[::1]:");
  spawn_apply(plan(www, "192.0.2.10", std::nullopt, "198.51.100.1", 1));
  finish();
  EXPECT_FALSE(prove(a("192.0.2.10"))[0].proved);
  EXPECT_TRUE(prove(a("198.51.100.1"))[0].proved);
  EXPECT_EQ(prove(a("198.51.100.1"))[0].serial, 2U);
}

}  // namespace
}  // namespace hotswapd
