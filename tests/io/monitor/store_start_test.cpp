// What start-up does with a file that it should not trust, and with one of an older schema.
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "monitor/sqlite.hpp"
#include "monitor/store_files.hpp"
#include "monitor/store_open.hpp"
#include "monitor/store_schema.hpp"
#include "tests/io/monitor/store_support.hpp"

namespace hotswapd {
namespace {

using namespace test;

void fill(const std::string& dir, int services) {
  auto store = open_ok(dir);
  Batch batch;
  for (int i = 0; i < services; ++i) batch.states.push_back(state(i));
  ASSERT_TRUE(commit(*store, batch));
}

void run_sql(const std::string& file, const char* sql) {
  sqlite::Database db;
  ASSERT_EQ(db.open(file), SQLITE_OK);
  ASSERT_EQ(db.exec(sql), SQLITE_OK) << db.error();
}

// The store starts empty, works, and says where the old file went.
StoredState expect_set_aside(const TempDir& dir, const std::string& word) {
  auto store = open_ok(dir.path());
  if (!store) return {};
  StoredState found = store->take_loaded();
  EXPECT_TRUE(found.states.empty());
  EXPECT_EQ(found.set_aside.rfind(dir / ("state.db." + word + "-2024"), 0), 0u) << found.set_aside;
  EXPECT_TRUE(std::filesystem::exists(found.set_aside));
  EXPECT_NE(found.set_aside_why, "");
  Batch batch;
  batch.states = {state(1)};
  EXPECT_TRUE(commit(*store, batch));
  store.reset();
  store = open_ok(dir.path());
  const StoredState again = store->take_loaded();
  EXPECT_EQ(again.set_aside, "");
  EXPECT_EQ(again.states.size(), 1u);
  return found;
}

TEST(StoreStart, DamagedPagesAreSetAside) {
  const TempDir dir;
  fill(dir.path(), 2000);
  {
    std::fstream file(dir / "state.db", std::ios::in | std::ios::out | std::ios::binary);
    const auto size = std::filesystem::file_size(dir / "state.db");
    const std::string garbage(4096, '\x5a');
    for (std::uintmax_t page = 5; page < size / 4096; page += 3) {
      file.seekp(static_cast<std::streamoff>(page * 4096));
      file.write(garbage.data(), static_cast<std::streamsize>(garbage.size()));
    }
  }
  expect_set_aside(dir, "damaged");
}

TEST(StoreStart, AFileThatIsNoDatabaseIsSetAside) {
  const TempDir dir;
  std::ofstream(dir / "state.db") << std::string(20'000, 'x');
  expect_set_aside(dir, "damaged");
}

TEST(StoreStart, ATruncatedFileIsSetAside) {
  const TempDir dir;
  fill(dir.path(), 2000);
  std::filesystem::resize_file(dir / "state.db", 4096 * 6 + 100);
  expect_set_aside(dir, "damaged");
}

TEST(StoreStart, AnEmptyFileIsANewOne) {
  const TempDir dir;
  std::ofstream(dir / "state.db").close();
  auto store = open_ok(dir.path());
  EXPECT_EQ(store->take_loaded().set_aside, "");
}

TEST(StoreStart, ANewerSchemaIsSetAsideWhole) {
  const TempDir dir;
  fill(dir.path(), 3);
  run_sql(dir / "state.db", "PRAGMA user_version=2");
  const StoredState found = expect_set_aside(dir, "newer-schema");
  EXPECT_NE(found.set_aside_why.find("schema 2"), std::string::npos) << found.set_aside_why;
  sqlite::Database old;
  std::int64_t rows = 0;
  ASSERT_EQ(old.open(found.set_aside), SQLITE_OK);
  EXPECT_EQ(old.query_integer("SELECT count(*) FROM state", rows), SQLITE_OK);
  EXPECT_EQ(rows, 3);
}

TEST(StoreStart, AnotherProgramsDatabaseIsSetAside) {
  const TempDir dir;
  run_sql(dir / "state.db", "CREATE TABLE notes(text TEXT)");
  expect_set_aside(dir, "foreign");
}

TEST(StoreStart, SetAsideTwiceInOneSecondKeepsBoth) {
  const TempDir dir;
  std::ofstream(dir / "state.db") << std::string(20'000, 'x');
  const auto first = open_ok(dir.path())->take_loaded().set_aside;
  std::ofstream(dir / "state.db") << std::string(20'000, 'y');
  const auto second = open_ok(dir.path())->take_loaded().set_aside;
  EXPECT_NE(first, second);
  EXPECT_TRUE(std::filesystem::exists(first));
  EXPECT_TRUE(std::filesystem::exists(second));
}

TEST(StoreStart, OutboxNumbersRiseAlsoOverADamagedFile) {
  const TempDir dir;
  const auto before = open_ok(dir.path())->next_outbox_id();
  std::ofstream(dir / "state.db") << std::string(20'000, 'x');
  auto opened = StateStore::open(dir.path(), noon + Seconds(5));
  ASSERT_TRUE(opened);
  EXPECT_GT((*opened)->next_outbox_id(), before);
}

TEST(StoreStart, AMissingParentDirectoryIsAnError) {
  const TempDir dir;
  const auto opened = StateStore::open(dir / "no/where", noon);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().text.find("no/where"), std::string::npos);
  EXPECT_TRUE(open_ok(dir / "made"));
}

TEST(StoreStart, AnUpgradeCopiesFirstAndRunsTheMissingStepsOnly) {
  const TempDir dir;
  const std::string path = dir / "a.db";
  constexpr std::array steps = {Migration{1, "CREATE TABLE one(x INTEGER) STRICT"},
                                Migration{2, "ALTER TABLE one ADD COLUMN y TEXT"},
                                Migration{3, "CREATE TABLE three(z TEXT) STRICT"}};
  sqlite::Database db;
  ASSERT_EQ(db.open(path), SQLITE_OK);
  ASSERT_TRUE(migrate(db, std::span(steps).first(1), 0, path, noon));
  ASSERT_EQ(db.exec("INSERT INTO one VALUES(42)"), SQLITE_OK);
  const auto upgraded = migrate(db, steps, 1, path, noon);
  ASSERT_TRUE(upgraded) << upgraded.error().text;
  std::int64_t value = 0;
  EXPECT_EQ(db.query_integer("PRAGMA user_version", value), SQLITE_OK);
  EXPECT_EQ(value, 3);
  EXPECT_EQ(db.exec("SELECT y FROM one; SELECT z FROM three"), SQLITE_OK);
  sqlite::Database copy;
  ASSERT_EQ(copy.open(path + ".v1-" + file_stamp(noon)), SQLITE_OK);
  EXPECT_EQ(copy.query_integer("SELECT x FROM one", value), SQLITE_OK) << copy.error();
  EXPECT_EQ(value, 42);
  EXPECT_EQ(copy.query_integer("PRAGMA user_version", value), SQLITE_OK);
  EXPECT_EQ(value, 1);
}

TEST(StoreStart, AnUpgradeThatFailsChangesNothing) {
  const TempDir dir;
  const std::string path = dir / "a.db";
  constexpr std::array steps = {Migration{1, "CREATE TABLE one(x INTEGER) STRICT"},
                                Migration{2, "CREATE TABLE two(x INTEGER) STRICT"},
                                Migration{3, "NO SUCH THING"}};
  sqlite::Database db;
  ASSERT_EQ(db.open(path), SQLITE_OK);
  ASSERT_TRUE(migrate(db, std::span(steps).first(1), 0, path, noon));
  const auto upgraded = migrate(db, steps, 1, path, noon);
  ASSERT_FALSE(upgraded);
  std::int64_t value = 0;
  EXPECT_EQ(db.query_integer("PRAGMA user_version", value), SQLITE_OK);
  EXPECT_EQ(value, 1);
  EXPECT_NE(db.exec("SELECT * FROM two"), SQLITE_OK);
  EXPECT_FALSE(db.in_transaction());
}

}  // namespace
}  // namespace hotswapd
