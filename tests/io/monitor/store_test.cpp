// The store as its users see it: what was acknowledged is there at the next start, and one rule
// broken harms nobody else.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <iostream>

#include "monitor/sqlite.hpp"
#include "monitor/store_open.hpp"
#include "monitor/store_schema.hpp"
#include "tests/io/monitor/store_support.hpp"

namespace hotswapd {
namespace {

using namespace test;

std::string pragma(const std::string& file, const char* sql) {
  sqlite::Database db;
  std::string out;
  if (db.open(file) != SQLITE_OK || db.query_text(sql, out) != SQLITE_OK) return db.error();
  return out;
}

TEST(StateStore, EverythingComesBackAfterReopening) {
  const TempDir dir;
  auto store = open_ok(dir.path());
  ASSERT_TRUE(store);
  const auto id = store->next_outbox_id();
  Batch batch;
  batch.states = {state(1, 0xffff'ffff'ffff'ffffu), state(2)};
  batch.intents = {intent("op-1", 1)};
  batch.intents[0].fence = 12;
  batch.transitions = {transition(1, "swap", noon),
                       transition(1, "swap", noon - std::chrono::hours(2)),
                       transition(2, "health", noon)};
  batch.outbox = {outbox(id, "event-1", 1)};
  batch.records = {record(1, {"192.0.2.1", "192.0.2.2"}), record(2, {})};
  ASSERT_TRUE(commit(*store, batch));
  store.reset();

  store = open_ok(dir.path());
  ASSERT_TRUE(store);
  const StoredState found = store->take_loaded();
  EXPECT_EQ(found.set_aside, "");
  ASSERT_EQ(found.states.size(), 2u);
  EXPECT_EQ(found.states[0].service, key(1));
  EXPECT_EQ(found.states[0].generation, 0xffff'ffff'ffff'ffffu);
  EXPECT_EQ(found.states[0].active, "primary");
  EXPECT_EQ(found.states[0].status, "ok");
  EXPECT_EQ(found.states[0].detail, R"({"streak":0})");
  EXPECT_EQ(found.states[0].updated, noon);
  ASSERT_EQ(found.open_intents.size(), 1u);
  EXPECT_EQ(found.open_intents[0].op, "op-1");
  EXPECT_EQ(found.open_intents[0].fence, std::optional<std::uint64_t>(12));
  EXPECT_EQ(found.open_intents[0].reason, "primary down");
  EXPECT_FALSE(found.open_intents[0].closed);
  ASSERT_EQ(found.outbox.size(), 1u);
  EXPECT_EQ(found.outbox[0].id, id);
  EXPECT_EQ(found.outbox[0].body, outbox(id, "event-1", 1).body);
  EXPECT_EQ(found.outbox[0].tries, 2);
  EXPECT_EQ(found.outbox[0].expires, noon + std::chrono::hours(24));
  ASSERT_EQ(found.records.size(), 2u);
  EXPECT_EQ(found.records[0].key, key(1));
  EXPECT_EQ(found.records[0].set.values, (std::vector<std::string>{"192.0.2.1", "192.0.2.2"}));
  EXPECT_EQ(found.records[0].generation, 0xffff'ffff'ffff'fff0u);
  EXPECT_EQ(found.records[0].zone_serial, 4'000'000'000u);
  EXPECT_TRUE(found.records[1].set.values.empty());
  ASSERT_EQ(found.recent_swaps.size(), 1u);
  EXPECT_EQ(found.recent_swaps[0].at, noon);
  EXPECT_GT(store->next_outbox_id(), id);
  EXPECT_TRUE(store->take_loaded().states.empty()) << "given out once";
}

TEST(StateStore, ReplacesForgetsAndDeletes) {
  const TempDir dir;
  auto store = open_ok(dir.path());
  Batch first;
  first.states = {state(1, 1), state(2, 1)};
  first.records = {record(1, {"192.0.2.1"}), record(2, {"192.0.2.2"})};
  const auto a = store->next_outbox_id();
  const auto b = store->next_outbox_id();
  first.outbox = {outbox(a, "event-1", 1), outbox(b, "event-2", 1)};
  ASSERT_TRUE(commit(*store, first));
  Batch second;
  second.states = {state(1, 2)};
  second.records = {record(1, {"192.0.2.9"})};
  second.forget_states = {key(2), key(99)};
  second.delivered = {a, 12345};
  OutboxRow again = outbox(store->next_outbox_id(), "event-2", 1);
  again.body = "not this";
  second.outbox = {again};
  ASSERT_TRUE(commit(*store, second));
  store.reset();

  const StoredState found = open_ok(dir.path())->take_loaded();
  ASSERT_EQ(found.states.size(), 1u);
  EXPECT_EQ(found.states[0].generation, 2u);
  ASSERT_EQ(found.records.size(), 2u);
  EXPECT_EQ(found.records[0].set.values, std::vector<std::string>{"192.0.2.9"});
  ASSERT_EQ(found.outbox.size(), 1u);
  EXPECT_EQ(found.outbox[0].id, b);
  EXPECT_NE(found.outbox[0].body, "not this");
}

TEST(StateStore, RefusesASecondOpenIntentAloneAndKeepsItsNeighbours) {
  const TempDir dir;
  auto store = open_ok(dir.path());
  std::atomic<int> answered{0};
  std::vector<Fallible<void>> results(3);
  const auto put = [&](int at, Batch batch) {
    store->commit(std::move(batch), [&results, &answered, at](const Fallible<void>& result) {
      results[static_cast<std::size_t>(at)] = result;
      ++answered;
    });
  };
  Batch one;
  one.intents = {intent("op-1", 1)};
  Batch two;  // a new service, then the offence: all of it must go
  two.states = {state(50)};
  two.intents = {intent("op-2", 1)};
  Batch three;
  three.states = {state(50, 3), state(2)};
  put(0, one);
  put(1, two);
  put(2, three);
  ASSERT_TRUE(eventually([&] { return answered == 3; }));
  EXPECT_TRUE(results[0]);
  ASSERT_FALSE(results[1]);
  EXPECT_EQ(results[1].error().code, errc::conflict);
  EXPECT_TRUE(results[2]);
  EXPECT_FALSE(store->health().failing) << store->health().why;

  // Closing the one and opening the next may be one batch, in any order.
  Batch handover;
  handover.intents = {intent("op-3", 1), intent("op-1", 1)};
  handover.intents[1].phase = "abandoned";
  handover.intents[1].closed = noon;
  EXPECT_TRUE(commit(*store, handover));
  Batch bad_phase;
  bad_phase.intents = {intent("op-4", 2)};
  bad_phase.intents[0].phase = "hoped";
  EXPECT_FALSE(commit(*store, bad_phase));
  store.reset();

  const StoredState found = open_ok(dir.path())->take_loaded();
  ASSERT_EQ(found.open_intents.size(), 1u);
  EXPECT_EQ(found.open_intents[0].op, "op-3");
  ASSERT_EQ(found.states.size(), 2u);
  EXPECT_EQ(found.states[0].generation, 3u);
}

TEST(StateStore, AnswersInOrderOnOneThread) {
  const TempDir dir;
  auto store = open_ok(dir.path());
  std::vector<int> order;  // the writer thread's until close() returns
  for (int i = 0; i < 3000; ++i) {
    Batch batch;
    batch.states = {state(i % 100, static_cast<std::uint64_t>(i))};
    store->commit(std::move(batch), [&order, i](const Fallible<void>& result) {
      if (result) order.push_back(i);
    });
  }
  store->close(Clock::now() + Seconds(20));
  ASSERT_EQ(order.size(), 3000u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_EQ(commit(*store, Batch{}).error().code, errc::unavailable) << "closed";
}

TEST(StateStore, HistoryAndIntentsAreNewestFirstAndSeeWhatWasAskedBefore) {
  const TempDir dir;
  auto store = open_ok(dir.path());
  for (int i = 0; i < 5; ++i) {
    Batch batch;
    batch.transitions = {transition(1, "swap", noon + Seconds(i), std::to_string(i)),
                         transition(2, "swap", noon)};
    batch.intents = {intent("op-" + std::to_string(i), 1)};
    batch.intents[0].closed = noon + Seconds(i);
    batch.intents[0].phase = "proved";
    batch.intents[0].opened = noon + Seconds(i);
    store->commit(std::move(batch), nullptr);
  }
  const auto rows = history(*store, 1, 3);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].detail, "4");
  EXPECT_EQ(rows[2].detail, "2");
  EXPECT_GT(rows[0].id, rows[1].id);
  EXPECT_EQ(rows[0].service, key(1));
  EXPECT_EQ(history(*store, 77, 3).size(), 0u);
  const auto swaps = intents(*store, 1, 2);
  ASSERT_EQ(swaps.size(), 2u);
  EXPECT_EQ(swaps[0].op, "op-4");
  EXPECT_EQ(swaps[0].closed, std::optional<WallTime>(noon + Seconds(4)));
}

TEST(StateStore, OutboxNumbersNeverRepeatAlsoWhenAllRowsAreGone) {
  const TempDir dir;
  std::int64_t last = 0;
  for (int start = 0; start < 5; ++start) {
    auto store = open_ok(dir.path());
    for (int i = 0; i < 1000; ++i) {
      const auto id = store->next_outbox_id();
      ASSERT_GT(id, last);
      last = id;
    }
  }
}

TEST(StateStore, ASecondInstanceIsRefusedAndToldWho) {
  const TempDir dir;
  auto store = open_ok(dir.path());
  const auto second = StateStore::open(dir.path(), noon);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, errc::refused);
  EXPECT_NE(second.error().text.find("process " + std::to_string(::getpid())), std::string::npos)
      << second.error().text;
  store.reset();
  EXPECT_TRUE(open_ok(dir.path()));
}

TEST(StateStore, FilesArePrivateAndSettingsAsPromised) {
  const TempDir dir;
  auto store = open_ok(dir.path());
  Batch batch;
  batch.states = {state(1)};
  ASSERT_TRUE(commit(*store, batch));
  for (const char* name : {"state.db", "state.db-wal", "state.db-shm", "lock", "reserve"}) {
    struct stat info {};
    ASSERT_EQ(::stat((dir / name).c_str(), &info), 0) << name;
    EXPECT_EQ(info.st_mode & 0777, 0600u) << name;
    if (std::string(name) == "reserve") {
      EXPECT_GE(info.st_blocks * 512, 8 << 20);
    }
  }
  EXPECT_EQ(pragma(dir / "state.db", "PRAGMA journal_mode"), "wal");
  EXPECT_EQ(pragma(dir / "state.db", "PRAGMA application_id"),
            std::to_string(store_application_id));
  EXPECT_EQ(pragma(dir / "state.db", "PRAGMA user_version"), "1");
  EXPECT_EQ(pragma(dir / "state.db",
                   "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND strict = 0 "
                   "AND name NOT LIKE "
                   "'sqlite_%'"),
            "0");
  EXPECT_FALSE(store->health().reserve_missing);
}

TEST(StateStore, RetentionDeletesInSlicesWhileIdle) {
  const TempDir dir;
  StoreOptions options;
  options.retention_every = Millis(5);
  options.retention.slice = 20;
  options.retention.transition_rows = 150;
  auto opened = open_state_store(dir.path(), noon, options);
  ASSERT_TRUE(opened);
  auto& store = **opened;
  Batch batch;
  for (int i = 0; i < 100; ++i)
    batch.transitions.push_back(transition(1, "old", noon - std::chrono::hours(24 * 366)));
  for (int i = 0; i < 200; ++i) batch.transitions.push_back(transition(1, "new", noon));
  batch.intents = {intent("old", 1), intent("open", 2), intent("new", 3)};
  batch.intents[0].opened = noon - std::chrono::hours(24 * 370);
  batch.intents[0].closed = noon - std::chrono::hours(24 * 366);
  batch.intents[1].opened = noon - std::chrono::hours(24 * 800);
  batch.intents[2].closed = noon;
  batch.outbox = {outbox(store.next_outbox_id(), "stale", 1),
                  outbox(store.next_outbox_id(), "fresh", 1)};
  batch.outbox[0].expires = noon - std::chrono::hours(2);
  ASSERT_TRUE(commit(store, batch));
  ASSERT_TRUE(eventually([&] { return history(store, 1, 1000).size() <= 150; }));
  const auto left = history(store, 1, 1000);
  EXPECT_EQ(left.size(), 150u);
  EXPECT_EQ(left.back().kind, "new");
  ASSERT_TRUE(eventually([&] { return intents(store, 1, 10).empty(); }));
  EXPECT_EQ(intents(store, 2, 10).size(), 1u);
  EXPECT_EQ(intents(store, 3, 10).size(), 1u);
  opened = Error{};
  const auto found = open_ok(dir.path())->take_loaded();
  ASSERT_EQ(found.outbox.size(), 1u);
  EXPECT_EQ(found.outbox[0].event, "fresh");
}

TEST(StateStore, TenThousandServicesLoadAndCommitQuickly) {
  const TempDir dir;
  auto store = open_ok(dir.path());
  const auto begin = Clock::now();
  for (int i = 0; i < 10'000; ++i) {
    Batch batch;
    batch.states = {state(i)};
    batch.states[0].detail.assign(300, 'x');
    batch.records = {record(i, {"192.0.2.1"})};
    store->commit(std::move(batch), nullptr);
  }
  store->close(Clock::now() + Seconds(60));
  const auto written = Clock::now();
  store.reset();
  const auto opening = Clock::now();
  store = open_ok(dir.path());
  const auto opened = Clock::now();
  const auto found = store->take_loaded();
  EXPECT_EQ(found.states.size(), 10'000u);
  EXPECT_EQ(found.records.size(), 10'000u);
  const auto ms = [](auto d) { return std::chrono::duration_cast<Millis>(d).count(); };
  std::cout << "10,000 batches committed in " << ms(written - begin) << " ms, opened and loaded in "
            << ms(opened - opening) << " ms\n";
}

}  // namespace
}  // namespace hotswapd
