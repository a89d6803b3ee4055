// A start on a disk that refuses writes: what was stored is loaded, nothing is accepted, and it
// heals.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>

#include "monitor/store_open.hpp"
#include "tests/io/monitor/faulty_vfs.hpp"
#include "tests/io/monitor/store_support.hpp"

namespace hotswapd {
namespace {

using namespace test;
namespace fs = std::filesystem;

StoreOptions quick() {
  StoreOptions options;
  options.retry = options.reopen = Millis(10);
  options.reserve_bytes = 1 << 16;
  return options;
}

std::unique_ptr<StateStore> open_quick(const std::string& dir) {
  auto opened = open_state_store(dir, noon, quick());
  EXPECT_TRUE(opened) << opened.error().text;
  return opened ? std::move(*opened) : nullptr;
}

Batch one_of_each(int number, std::int64_t id) {
  Batch batch;
  batch.states = {state(number)};
  batch.intents = {intent("op-" + std::to_string(number), number)};
  batch.records = {record(number, {"192.0.2.1"})};
  batch.outbox = {outbox(id, "event-" + std::to_string(number), number)};
  batch.transitions = {transition(number, "swap", noon)};
  return batch;
}

void fill(const std::string& dir, int number) {
  auto store = open_ok(dir);
  ASSERT_TRUE(commit(*store, one_of_each(number, store->next_outbox_id())));
}

// The directory as kill -9 leaves it: what was committed is in the -wal only.
void copy_killed(const std::string& from, const std::string& to, bool with_shm) {
  for (const std::string name : {"lock", "state.db", "state.db-wal", "state.db-shm"}) {
    if (name != "state.db-shm" || with_shm) fs::copy_file(from + "/" + name, to + "/" + name);
  }
}

std::set<std::string> services(const StoredState& found) {
  std::set<std::string> out;
  for (const auto& row : found.states) out.insert(row.service.fqdn);
  return out;
}

std::set<std::string> stored_services(const std::string& dir) {
  auto store = open_ok(dir);
  return store ? services(store->take_loaded()) : std::set<std::string>();
}

// Refused, with a sentence, before commit() returns.
std::string refusal(StateStore& store, const Batch& batch) {
  std::string text;
  const auto caller = std::this_thread::get_id();
  store.commit(batch, [&](const Fallible<void>& result) {
    EXPECT_FALSE(result);
    EXPECT_EQ(std::this_thread::get_id(), caller);
    if (!result) {
      EXPECT_EQ(result.error().code, errc::unavailable);
      text = result.error().text;
    }
  });
  return text;
}

void expect_whole(const StoredState& found) {
  EXPECT_FALSE(found.doubtful) << found.set_aside_why;
  EXPECT_EQ(found.states.size(), 1u);
  EXPECT_EQ(found.open_intents.size(), 1u);
  EXPECT_EQ(found.outbox.size(), 1u);
  EXPECT_EQ(found.records.size(), 1u);
  EXPECT_EQ(found.recent_swaps.size(), 1u);
}

TEST(StoreIll, AFailingDiskIsReadRefusesAndHeals) {
  const TempDir dir;
  fill(dir.path(), 1);
  FaultyVfs disk;
  disk.fail_write(true);
  auto store = open_quick(dir.path());
  ASSERT_TRUE(store);
  expect_whole(store->take_loaded());
  EXPECT_TRUE(store->health().failing);
  EXPECT_NE(store->health().why, "");
  EXPECT_NE(refusal(*store, one_of_each(2, store->next_outbox_id())).find("state.db"),
            std::string::npos);
  EXPECT_EQ(history(*store, 1, 10).size(), 1u);
  EXPECT_EQ(intents(*store, 1, 10).size(), 1u);
  EXPECT_FALSE(eventually([&] { return !store->health().failing; }, Millis(100)));
  const auto ill_id = store->next_outbox_id();
  disk.fail_write(false);
  ASSERT_TRUE(eventually([&] { return !store->health().failing; }));
  EXPECT_EQ(store->health().why, "");
  const auto id = store->next_outbox_id();
  EXPECT_GT(id, ill_id);
  const auto accepted = commit(*store, one_of_each(3, id));
  ASSERT_TRUE(accepted) << accepted.error().text;
  EXPECT_EQ(history(*store, 3, 10).size(), 1u);
  store.reset();
  auto again = open_ok(dir.path());
  EXPECT_EQ(services(again->take_loaded()), (std::set<std::string>{key(1).fqdn, key(3).fqdn}));
  EXPECT_GT(again->next_outbox_id(), id);
}

TEST(StoreIll, AFullDiskAtTheStartIsReadRefusesAndHeals) {
  const TempDir dir;
  fill(dir.path(), 1);
  FaultyVfs disk;
  disk.full(true);
  auto store = open_quick(dir.path());
  ASSERT_TRUE(store);
  expect_whole(store->take_loaded());
  EXPECT_TRUE(store->health().failing);
  EXPECT_TRUE(store->health().reserve_missing);
  EXPECT_NE(refusal(*store, one_of_each(2, 1)), "");
  disk.full(false);
  ASSERT_TRUE(eventually([&] { return !store->health().failing; }));
  EXPECT_TRUE(eventually([&] { return !store->health().reserve_missing; }));
  EXPECT_TRUE(commit(*store, one_of_each(2, store->next_outbox_id())));
}

// What the last run committed may be in the -wal alone, with or without the index beside it.
TEST(StoreIll, TheWriteAheadLogIsReadToo) {
  for (const bool with_shm : {true, false}) {
    const TempDir first;
    const TempDir dir;
    auto running = open_ok(first.path());
    ASSERT_TRUE(commit(*running, one_of_each(1, running->next_outbox_id())));
    copy_killed(first.path(), dir.path(), with_shm);
    const auto size = fs::file_size(dir / "state.db");
    FaultyVfs disk;
    disk.fail_write(true);
    auto store = open_quick(dir.path());
    ASSERT_TRUE(store);
    expect_whole(store->take_loaded());
    EXPECT_EQ(fs::file_size(dir / "state.db"), size);
    disk.fail_write(false);
    ASSERT_TRUE(eventually([&] { return !store->health().failing; }));
    EXPECT_TRUE(commit(*store, one_of_each(2, store->next_outbox_id())));
    store.reset();
    EXPECT_EQ(stored_services(dir.path()).size(), 2u);
  }
}

TEST(StoreIll, AnUnreadableFileIsDoubtfulAndSetAsideWhenItHeals) {
  const TempDir dir;
  fill(dir.path(), 1);
  FaultyVfs disk;
  disk.fail_read(true);
  disk.fail_write(true);
  auto store = open_quick(dir.path());
  ASSERT_TRUE(store);
  const StoredState found = store->take_loaded();
  EXPECT_TRUE(found.doubtful);
  EXPECT_EQ(found.set_aside, "");
  EXPECT_NE(found.set_aside_why.find("can't be read"), std::string::npos) << found.set_aside_why;
  EXPECT_TRUE(found.states.empty());
  EXPECT_NE(refusal(*store, one_of_each(1, 1)), "");
  EXPECT_EQ(store->health().set_aside, "");
  disk.fail_read(false);
  disk.fail_write(false);
  ASSERT_TRUE(eventually([&] { return !store->health().failing; }));
  const std::string aside = store->health().set_aside;
  EXPECT_TRUE(fs::exists(aside)) << aside;
  // The open intent of the file that was not loaded would refuse this one for ever.
  const auto accepted = commit(*store, one_of_each(1, store->next_outbox_id()));
  EXPECT_TRUE(accepted) << accepted.error().text;
}

TEST(StoreIll, AnUnusualPathIsReadAsItIsWritten) {
  const TempDir dir;
  const std::string odd = dir / "100%41?x=y#z";
  fill(odd, 1);
  FaultyVfs disk;
  disk.fail_write(true);
  auto store = open_quick(odd);
  ASSERT_TRUE(store);
  expect_whole(store->take_loaded());
}

TEST(StoreIll, NumbersDoNotComeAgainInTheNextStartThatReadsTheSame) {
  const TempDir dir;
  fill(dir.path(), 1);
  FaultyVfs disk;
  disk.fail_write(true);
  std::set<std::int64_t> seen;
  for (int start = 0; start < 5; ++start) {
    auto opened = open_state_store(dir.path(), noon + Millis(start), quick());
    ASSERT_TRUE(opened);
    EXPECT_TRUE(seen.insert((*opened)->next_outbox_id()).second);
  }
}

TEST(StoreIll, WhatIsNoDirectoryIsAnErrorStill) {
  const TempDir dir;
  std::ofstream(dir / "file").close();
  const auto opened = StateStore::open(dir / "file", noon);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, errc::refused);
}

// Runs it in a child with mounts of its own: /DIR is a small tmpfs. 77: the kernel does not let us.
template <class Work>
void on_a_disk_of_its_own(const TempDir& dir, Work work) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", dir.path().c_str(), "tmpfs", 0, "size=24m") != 0) {
      ::_exit(77);
    }
    work();
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "needs root and mount namespaces";
  EXPECT_EQ(WEXITSTATUS(status), 0) << "see above";
}

void remount(const TempDir& dir, unsigned long flags) {
  ASSERT_EQ(::mount(nullptr, dir.path().c_str(), nullptr, MS_REMOUNT | flags, nullptr), 0);
}

TEST(StoreIll, AReadOnlyDiskIsReadLockedAndHeals) {
  const TempDir dir;
  on_a_disk_of_its_own(dir, [&] {
    fill(dir.path(), 1);
    remount(dir, MS_RDONLY);
    auto store = open_quick(dir.path());
    ASSERT_TRUE(store);
    expect_whole(store->take_loaded());
    const std::string why = refusal(*store, one_of_each(2, 1));
    EXPECT_NE(why.find("Read-only file system"), std::string::npos) << why;
    EXPECT_FALSE(store->health().reserve_missing);
    const auto second = StateStore::open(dir.path(), noon);
    ASSERT_FALSE(second) << "the lock file of an earlier run is locked without writing";
    EXPECT_EQ(second.error().code, errc::refused);
    remount(dir, 0);
    ASSERT_TRUE(eventually([&] { return !store->health().failing; }));
    EXPECT_TRUE(commit(*store, one_of_each(2, store->next_outbox_id())));
    store.reset();
    EXPECT_EQ(stored_services(dir.path()).size(), 2u);
  });
}

TEST(StoreIll, AnEmptyReadOnlyDiskGivesAnEmptyStoreThatHealsAndLocks) {
  const TempDir dir;
  on_a_disk_of_its_own(dir, [&] {
    remount(dir, MS_RDONLY);
    auto store = open_quick(dir.path());
    ASSERT_TRUE(store);
    const StoredState found = store->take_loaded();
    EXPECT_FALSE(found.doubtful);
    EXPECT_TRUE(found.states.empty());
    EXPECT_NE(refusal(*store, one_of_each(1, 1)), "");
    EXPECT_FALSE(StateStore::open(dir / "below", noon)) << "a directory that can't be made";
    remount(dir, 0);
    ASSERT_TRUE(eventually([&] { return !store->health().failing; }));
    EXPECT_TRUE(commit(*store, one_of_each(1, store->next_outbox_id())));
    EXPECT_FALSE(StateStore::open(dir.path(), noon)) << "locked now";
  });
}

TEST(StoreIll, ADamagedFileOnAReadOnlyDiskIsSetAsideLater) {
  const TempDir dir;
  on_a_disk_of_its_own(dir, [&] {
    std::ofstream(dir / "state.db") << std::string(20'000, 'x');
    remount(dir, MS_RDONLY);
    auto store = open_quick(dir.path());
    ASSERT_TRUE(store);
    const StoredState found = store->take_loaded();
    EXPECT_TRUE(found.doubtful);
    EXPECT_EQ(found.set_aside, "");
    EXPECT_NE(found.set_aside_why, "");
    remount(dir, 0);
    ASSERT_TRUE(eventually([&] { return !store->health().failing; }));
    EXPECT_TRUE(fs::exists(store->health().set_aside));
  });
}

// Without a lock file there is no lock: another daemon, to which the disk is not read-only, may
// come first.
TEST(StoreIll, WhatAnotherDaemonWroteMeanwhileIsNotWrittenOver) {
  const TempDir dir;
  on_a_disk_of_its_own(dir, [&] {
    const std::string real = dir / "real";
    const std::string view = dir / "view";
    fill(real, 1);
    fs::remove(real + "/lock");
    fs::create_directory(view);
    ASSERT_EQ(::mount(real.c_str(), view.c_str(), nullptr, MS_BIND, nullptr), 0);
    const unsigned long bound = MS_REMOUNT | MS_BIND;
    ASSERT_EQ(::mount(nullptr, view.c_str(), nullptr, bound | MS_RDONLY, nullptr), 0);
    auto store = open_quick(view);
    ASSERT_TRUE(store);
    expect_whole(store->take_loaded());
    auto other = open_ok(real);
    ASSERT_TRUE(commit(*other, one_of_each(2, other->next_outbox_id())));
    ASSERT_EQ(::mount(nullptr, view.c_str(), nullptr, bound, nullptr), 0);
    ASSERT_TRUE(
        eventually([&] { return store->health().why.find("is in use by") != std::string::npos; }));
    other.reset();
    ASSERT_TRUE(eventually(
        [&] { return store->health().why.find("another daemon") != std::string::npos; }));
    EXPECT_TRUE(store->health().failing);
    EXPECT_NE(refusal(*store, one_of_each(3, 1)), "");
  });
}

TEST(StoreIll, ForbiddenIsAnErrorStill) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to be somebody else";
  const TempDir dir;
  fill(dir.path(), 1);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(2);
    const auto opened = StateStore::open(dir.path(), noon);
    ::_exit(!opened && opened.error().code == errc::refused ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

// A disk that takes its time longer than open() waits, which is what hanging is.
StoreOptions impatient() {
  StoreOptions options = quick();
  options.open_may_take = Millis(20);
  return options;
}

TEST(IllStore, ADiskThatHangsAtTheStartIsReadAndNotWaitedFor) {
  TempDir temp;
  fill(temp.path(), 1);
  FaultyVfs disk;
  disk.sync_takes(Millis(500));
  const TimePoint began = Clock::now();
  auto opened = open_state_store(temp.path(), noon, impatient());
  ASSERT_TRUE(opened) << opened.error().text;
  auto& store = **opened;
  EXPECT_LT(Clock::now() - began, Millis(400));
  const auto found = store.take_loaded();
  EXPECT_FALSE(found.doubtful);
  EXPECT_EQ(found.states.size(), 1u);
  EXPECT_EQ(found.records.size(), 1u);
  EXPECT_EQ(found.open_intents.size(), 1u);
  ASSERT_EQ(found.outbox.size(), 1u);
  const auto id = store.next_outbox_id();
  EXPECT_GT(id, found.outbox.front().id);
  EXPECT_TRUE(store.health().failing);
  EXPECT_NE(store.health().why.find("has not answered"), std::string::npos);
  const auto refused = commit(store, one_of_each(2, id));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unavailable);

  disk.sync_takes(Millis(0));
  ASSERT_TRUE(eventually([&store] { return !store.health().failing; }));
  EXPECT_TRUE(commit(store, one_of_each(3, store.next_outbox_id())));
  opened->reset();
  const auto later = open_ok(temp.path());
  ASSERT_NE(later, nullptr);
  EXPECT_EQ(services(later->take_loaded()), (std::set<std::string>{key(1).fqdn, key(3).fqdn}));
  EXPECT_GT(later->next_outbox_id(), id);
}

TEST(IllStore, ADamagedFileOnADiskThatHangsIsSetAsideWhenItAnswers) {
  TempDir temp;
  std::ofstream(temp / "state.db") << std::string(8192, 'x');
  FaultyVfs disk;
  disk.sync_takes(Millis(300));
  auto opened = open_state_store(temp.path(), noon, impatient());
  ASSERT_TRUE(opened) << opened.error().text;
  auto& store = **opened;
  EXPECT_TRUE(store.take_loaded().doubtful);
  disk.sync_takes(Millis(0));
  ASSERT_TRUE(eventually([&store] { return !store.health().failing; }));
  EXPECT_TRUE(fs::exists(store.health().set_aside)) << store.health().set_aside;
  EXPECT_TRUE(commit(store, one_of_each(1, store.next_outbox_id())));
  opened->reset();
  EXPECT_EQ(open_ok(temp.path())->take_loaded().states.size(), 1u) << "only the old file went";
}

TEST(IllStore, AStoreThatHangsAtTheStartCanBeClosed) {
  TempDir temp;
  fill(temp.path(), 1);
  FaultyVfs disk;
  disk.sync_takes(Millis(2'000));
  const int before = disk.syncs();
  auto opened = open_state_store(temp.path(), noon, impatient());
  ASSERT_TRUE(opened) << opened.error().text;
  ASSERT_TRUE(eventually([&] { return disk.syncs() > before; }));
  disk.sync_takes(Millis(0));
  const TimePoint began = Clock::now();
  (*opened)->close(began + Millis(50));
  EXPECT_LT(Clock::now() - began, Millis(1'000));
  // The thread that was left behind lets go of the lock when it has come back.
  opened->reset();
  EXPECT_TRUE(eventually([&] { return open_state_store(temp.path(), noon, quick()).has_value(); }));
}

}  // namespace
}  // namespace hotswapd
