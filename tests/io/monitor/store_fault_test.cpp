// A disk that fails, fills up or hangs: nothing acknowledged is lost, nothing refused exists, and
// it works again after.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <set>

#include "monitor/sqlite.hpp"
#include "monitor/store_open.hpp"
#include "tests/io/monitor/faulty_vfs.hpp"
#include "tests/io/monitor/store_support.hpp"

namespace hotswapd {
namespace {

using namespace test;

StoreOptions quick() {
  StoreOptions options;
  options.retry = Millis(10);
  return options;
}

Batch one_state(int number, std::uint64_t generation = 1) {
  Batch batch;
  batch.states = {state(number, generation)};
  return batch;
}

std::set<std::string> stored_services(const std::string& dir) {
  std::set<std::string> out;
  auto store = open_ok(dir);
  if (!store) return out;
  for (const auto& row : store->take_loaded().states) out.insert(row.service.fqdn);
  return out;
}

TEST(StoreFault, AFailedFsyncMeansTheBatchDoesNotExistAlsoAfterReopening) {
  const TempDir dir;
  FaultyVfs disk;
  auto opened = open_state_store(dir.path(), noon, quick());
  ASSERT_TRUE(opened);
  auto& store = **opened;
  ASSERT_TRUE(commit(store, one_state(1)));
  // Its frames reach the WAL whole; only the fsync fails. Reopening at once would bring the batch
  // back.
  Batch lost = one_state(2);
  lost.intents = {intent("op-lost", 1)};
  disk.fail_sync(true);
  const auto refused = commit(store, lost);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unavailable);
  EXPECT_TRUE(store.health().failing);
  EXPECT_NE(store.health().why, "");
  EXPECT_FALSE(commit(store, one_state(3))) << "still ill";
  disk.fail_sync(false);
  ASSERT_TRUE(eventually([&] { return !store.health().failing; }));
  Batch next = one_state(4);
  next.intents = {
      intent("op-next", 1)};  // refused if op-lost were there: one open intent a service
  const auto accepted = commit(store, next);
  ASSERT_TRUE(accepted) << accepted.error().text;
  opened = Error{};
  EXPECT_EQ(stored_services(dir.path()), (std::set<std::string>{key(1).fqdn, key(4).fqdn}));
}

TEST(StoreFault, AFailedWriteIsGotOver) {
  const TempDir dir;
  FaultyVfs disk;
  auto opened = open_state_store(dir.path(), noon, quick());
  ASSERT_TRUE(opened);
  auto& store = **opened;
  ASSERT_TRUE(commit(store, one_state(1)));
  disk.fail_write(true);
  EXPECT_FALSE(commit(store, one_state(2)));
  // Opening and reading work all the time; the store must not think itself well for that.
  EXPECT_FALSE(eventually([&] { return !store.health().failing; }, Millis(150)));
  disk.fail_write(false);
  ASSERT_TRUE(eventually([&] { return !store.health().failing; }));
  EXPECT_TRUE(commit(store, one_state(3)));
  opened = Error{};
  EXPECT_EQ(stored_services(dir.path()), (std::set<std::string>{key(1).fqdn, key(3).fqdn}));
}

TEST(StoreFault, ASlowDiskShowsInHealthAndBlocksNobody) {
  const TempDir dir;
  FaultyVfs disk;
  auto opened = open_state_store(dir.path(), noon, quick());
  ASSERT_TRUE(opened);
  auto& store = **opened;
  disk.sync_takes(Millis(300));
  std::atomic<int> done{0};
  const auto begin = Clock::now();
  for (int i = 0; i < 50; ++i)
    store.commit(one_state(i), [&done](const Fallible<void>& result) { done += result ? 1 : 0; });
  EXPECT_LT(Clock::now() - begin, Millis(200)) << "commit() only queues";
  EXPECT_TRUE(eventually([&] { return store.health().oldest >= Millis(100); }));
  EXPECT_GT(store.health().queued, 0u);
  ASSERT_TRUE(eventually([&] { return done == 50; }));
  EXPECT_EQ(store.health().oldest, Millis(0));
  disk.sync_takes(Millis(0));
}

TEST(StoreFault, TheQueueIsBoundedAndCounts) {
  const TempDir dir;
  FaultyVfs disk;
  StoreOptions options = quick();
  options.queue_limit = 10;
  auto opened = open_state_store(dir.path(), noon, options);
  ASSERT_TRUE(opened);
  auto& store = **opened;
  disk.sync_takes(Millis(200));
  std::atomic<int> good{0};
  std::atomic<int> refused{0};
  for (int i = 0; i < 100; ++i) {
    store.commit(one_state(i), [&](const Fallible<void>& result) { ++(result ? good : refused); });
  }
  EXPECT_GE(refused, 70);
  EXPECT_EQ(store.health().dropped, static_cast<std::uint64_t>(refused));
  ASSERT_TRUE(eventually([&] { return good + refused == 100; }));
  disk.sync_takes(Millis(0));
}

TEST(StoreFault, ClosingDoesNotWaitForADiskThatHangs) {
  const TempDir dir;
  FaultyVfs disk;
  auto opened = open_state_store(dir.path(), noon, quick());
  ASSERT_TRUE(opened);
  const int before = disk.syncs();
  disk.sync_takes(Millis(1500));
  std::vector<errc> answers;
  for (int i = 0; i < 3; ++i) {
    (*opened)->commit(one_state(i), [&answers](const Fallible<void>& result) {
      answers.push_back(result ? errc::internal : result.error().code);
    });
    ASSERT_TRUE(eventually([&] { return i > 0 || disk.syncs() > before; }));
  }
  const auto begin = Clock::now();
  (*opened)->close(begin + Millis(50));
  EXPECT_LT(Clock::now() - begin, Millis(1000));
  EXPECT_EQ(answers, (std::vector<errc>{errc::unknown_fate, errc::unavailable, errc::unavailable}));
  disk.sync_takes(Millis(0));
  opened = Error{};
  // The thread that hung lets go of the lock in the end; the VFS must outlive it.
  ASSERT_TRUE(eventually([&] { return StateStore::open(dir.path(), noon).has_value(); }));
}

TEST(StoreFault, ALockedFileDelaysAndThenWorks) {
  const TempDir dir;
  auto opened = open_state_store(dir.path(), noon, quick());
  ASSERT_TRUE(opened);
  auto& store = **opened;
  ASSERT_TRUE(commit(store, one_state(1)));
  sqlite::Database other;
  ASSERT_EQ(other.open(dir / "state.db"), SQLITE_OK);
  ASSERT_EQ(other.exec("PRAGMA busy_timeout=5000; BEGIN EXCLUSIVE"), SQLITE_OK);
  const auto refused = commit(store, one_state(2));  // after the busy time-out of 2 s
  ASSERT_FALSE(refused);
  EXPECT_TRUE(store.health().failing);
  ASSERT_EQ(other.exec("ROLLBACK"), SQLITE_OK);
  EXPECT_TRUE(commit(store, one_state(3)));
  EXPECT_FALSE(store.health().failing);
}

// Without root, too: what a full disk says, and the reserve, which is given up once and made again.
TEST(StoreFault, NoRoomSpendsTheReserveAndMakesItAgain) {
  const TempDir dir;
  FaultyVfs disk;
  auto opened = open_state_store(dir.path(), noon, quick());
  ASSERT_TRUE(opened);
  auto& store = **opened;
  ASSERT_TRUE(commit(store, one_state(1)));
  ASSERT_TRUE(std::filesystem::exists(dir / "reserve"));
  disk.full(true);
  const auto refused = commit(store, one_state(2));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unavailable);
  EXPECT_TRUE(store.health().failing);
  disk.full(false);
  EXPECT_TRUE(commit(store, one_state(3)));
  EXPECT_FALSE(store.health().failing);
  EXPECT_TRUE(eventually([&] { return !store.health().reserve_missing; }));
  EXPECT_TRUE(std::filesystem::exists(dir / "reserve"));
  opened = Error{};
  EXPECT_EQ(stored_services(dir.path()), (std::set<std::string>{key(1).fqdn, key(3).fqdn}));
}

// A tmpfs of our own in a mount namespace of our own; exit 77 when the kernel does not let us.
int on_a_full_disk(const std::string& where) {
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("tmpfs", where.c_str(), "tmpfs", 0, "size=24m") != 0) {
    return 77;
  }
  const auto complain = [](const std::string& what) {
    std::cerr << what << '\n';
    return 1;
  };
  std::set<std::string> acknowledged;
  int number = 0;
  StoreOptions options = quick();
  options.reserve_bytes = 2 << 20;
  {
    auto opened = open_state_store(where, noon, options);
    if (!opened) return complain(opened.error().text);
    auto& store = **opened;
    if (!commit(store, one_state(0))) return complain("the first commit");
    acknowledged.insert(key(0).fqdn);
    // Somebody else fills the disk.
    const std::string hog = where + "/hog";
    const int fd = ::open(hog.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const std::string block(4096, 'x');
    while (::write(fd, block.data(), block.size()) > 0) {
    }
    ::close(fd);
    // The WAL needs room: the reserve is given up, commits go on until that is eaten up too.
    bool spent = false;
    bool history_refused = false;
    bool refused = false;
    while (number < 100'000 && !refused) {
      Batch batch;
      ++number;
      batch.states = {state(number)};
      batch.states[0].detail.assign(20'000, 'd');
      const auto result = commit(store, batch);
      if (result) acknowledged.insert(key(number).fqdn);
      refused = !result;
      spent = spent || (result && store.health().reserve_missing);
      if (spent && !history_refused) {
        Batch history;
        history.transitions = {transition(1, "health", noon)};
        const auto told = commit(store, history);
        if (told) return complain("history was written into the reserve");
        history_refused = true;
      }
    }
    if (!spent) return complain("the reserve was not used");
    if (!refused) return complain("the disk never filled");
    if (!store.health().failing || store.health().why.empty()) return complain("health is silent");
    if (store.health().dropped == 0) return complain("the dropped history was not counted");
    // A start on the full disk, nothing left in reserve: it must not be taken for damage.
    std::filesystem::remove(hog);
    if (!eventually([&] { return !store.health().reserve_missing; }))
      return complain("the reserve was not made again");
    if (!commit(store, one_state(++number))) return complain("no commit after there was room");
    acknowledged.insert(key(number).fqdn);
    if (store.health().failing) return complain("still failing: " + store.health().why);
    // Full again, and now a start in this state.
    const int again = ::open(hog.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    opened = Error{};
    while (::write(again, block.data(), block.size()) > 0) {
    }
    ::close(again);
  }
  auto reopened = open_state_store(where, noon, options);
  if (!reopened) return complain("start on a full disk: " + reopened.error().text);
  const StoredState found = (*reopened)->take_loaded();
  if (!found.set_aside.empty()) return complain("set aside: " + found.set_aside_why);
  if (found.states.size() != acknowledged.size()) {
    return complain("found " + std::to_string(found.states.size()) + " of " +
                    std::to_string(acknowledged.size()));
  }
  for (const auto& row : found.states) {
    if (!acknowledged.contains(row.service.fqdn))
      return complain("not acknowledged: " + row.service.fqdn);
  }
  if (!commit(**reopened, one_state(++number)))
    return complain("no commit from the reserve after the start");
  return 0;
}

TEST(StoreFault, AFullDiskUsesTheReserveAndLosesNothing) {
  const TempDir dir;
  // A child process: a mount namespace is a process's, and this one has one thread yet when it is
  // made.
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(on_a_full_disk(dir.path()));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  if (WEXITSTATUS(status) == 77)
    GTEST_SKIP() << "needs root and mount namespaces for a small tmpfs";
  EXPECT_EQ(WEXITSTATUS(status), 0) << "see above";
}

}  // namespace
}  // namespace hotswapd
