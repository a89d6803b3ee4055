// kill -9 of a writing process at random moments: what was acknowledged is there, whole, once, and
// the file is sound.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <random>
#include <set>

#include "monitor/sqlite.hpp"
#include "tests/io/monitor/store_support.hpp"

namespace hotswapd {
namespace {

using namespace test;

struct Ending {
  long last = 0;   // acknowledged last, 0: none
  int status = 0;  // as waitpid() gives it
};

// Reads the child's acknowledgements until `pause` has passed, kills it, and reads what it had
// written before.
Ending write_and_kill(const std::string& dir, long begin, Micros pause) {
  Ending run;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
  const std::string first = std::to_string(begin);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::execl(STORE_KILL_CHILD, STORE_KILL_CHILD, dir.c_str(), first.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  std::string text;
  std::string buffer(65536, '\0');
  const auto take = [&] {
    const ssize_t got = ::read(ends[0], buffer.data(), buffer.size());
    if (got > 0) text.append(buffer, 0, static_cast<std::size_t>(got));
    return got > 0;
  };
  if (take()) {  // it works: now the moment is random
    const TimePoint end = Clock::now() + pause;
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    while (Clock::now() < end) take();
    ::fcntl(ends[0], F_SETFL, 0);
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, &run.status, 0);
  while (take()) {
  }
  ::close(ends[0]);
  const auto end = text.rfind('\n');
  if (end != std::string::npos) {
    const auto before = end == 0 ? std::string::npos : text.rfind('\n', end - 1);
    run.last = std::stol(text.substr(before == std::string::npos ? 0 : before + 1));
  }
  return run;
}

TEST(StoreKill, FiftyKillsLoseNothingAcknowledged) {
  const TempDir dir;
  const unsigned seed = std::random_device{}();
  std::cout << "seed " << seed << '\n';
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> micros(0, 40'000);
  long next = 1;
  long acknowledged = 0;
  for (int round = 0; round < 50; ++round) {
    const Ending run = write_and_kill(dir.path(), next, Micros(micros(random)));
    ASSERT_TRUE(WIFSIGNALED(run.status)) << "the writer ended by itself in round " << round;
    ASSERT_GT(run.last, 0);
    acknowledged = run.last;

    sqlite::Database db;  // as anybody would look at it: recovers the WAL
    ASSERT_EQ(db.open(dir / "state.db"), SQLITE_OK);
    std::string report;
    ASSERT_EQ(db.query_text("PRAGMA integrity_check", report), SQLITE_OK) << db.error();
    ASSERT_EQ(report, "ok");
    std::int64_t stored = 0;
    std::int64_t rows = 0;
    std::int64_t messages = 0;
    ASSERT_EQ(db.query_integer("SELECT gen FROM state", stored), SQLITE_OK);
    ASSERT_EQ(db.query_integer("SELECT count(DISTINCT detail) FROM transition", rows), SQLITE_OK);
    ASSERT_EQ(db.query_integer("SELECT count(*) FROM outbox", messages), SQLITE_OK);
    ASSERT_GE(stored, acknowledged) << "an acknowledged batch is lost";
    ASSERT_EQ(rows, stored) << "1 .. n, each of them";
    ASSERT_EQ(messages, stored) << "a batch is all or nothing";
    next = static_cast<long>(stored) + 1;
  }
  auto store = open_ok(dir.path());
  const auto found = store->take_loaded();
  EXPECT_EQ(found.set_aside, "");
  std::set<std::int64_t> ids;
  for (const auto& row : found.outbox) ids.insert(row.id);
  EXPECT_EQ(ids.size(), found.outbox.size());
  std::cout << found.outbox.size() << " batches over 50 kills\n";
}

}  // namespace
}  // namespace hotswapd
