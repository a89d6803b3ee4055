#include "tests/io/monitor/store_support.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace hotswapd::test {

TempDir::TempDir() {
  std::string pattern = (std::filesystem::temp_directory_path() / "hotswapd-store-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) std::abort();
  path_ = pattern;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

WallTime wall_now() {
  return std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now());
}

RecordKey key(int number) {
  return {"example.com", "s" + std::to_string(number) + ".example.com"};
}

StateRow state(int number, std::uint64_t generation) {
  StateRow row;
  row.service = key(number);
  row.generation = generation;
  row.active = "primary";
  row.status = "ok";
  row.detail = R"({"streak":0})";
  row.updated = noon;
  return row;
}

IntentRow intent(const std::string& op, int service) {
  IntentRow row;
  row.op = op;
  row.service = key(service);
  row.generation = 7;
  row.phase = "prepared";
  row.from_rr = "[]";
  row.to_rr = "[]";
  row.reason = "primary down";
  row.evidence = "{}";
  row.opened = noon;
  return row;
}

TransitionRow transition(int service, const std::string& kind, WallTime at,
                         const std::string& detail) {
  TransitionRow row;
  row.service = key(service);
  row.at = at;
  row.kind = kind;
  row.detail = detail;
  return row;
}

OutboxRow outbox(std::int64_t id, const std::string& event, int service) {
  OutboxRow row;
  row.id = id;
  row.event = event;
  row.service = key(service);
  row.sink = "syslog:udp:192.0.2.9:514";
  row.body = std::string("<27>text\0with a NUL", 19);
  row.due = noon;
  row.tries = 2;
  row.expires = noon + std::chrono::hours(24);
  return row;
}

RecordRow record(int number, std::vector<std::string> values) {
  RecordRow row;
  row.key = key(number);
  row.set.type = RecordType::a;
  row.set.ttl = 30;
  row.set.values = std::move(values);
  row.generation = 0xffff'ffff'ffff'fff0u;
  row.op = "op-1";
  row.zone_serial = 4'000'000'000u;
  return row;
}

Fallible<void> commit(StateStore& store, Batch batch) {
  auto promise = std::make_shared<std::promise<Fallible<void>>>();
  auto answer = promise->get_future();
  store.commit(std::move(batch),
               [promise](const Fallible<void>& result) { promise->set_value(result); });
  if (answer.wait_for(Seconds(20)) != std::future_status::ready)
    return Error{errc::timed_out, "no answer in 20 s"};
  return answer.get();
}

std::unique_ptr<StateStore> open_ok(const std::string& dir) {
  auto opened = StateStore::open(dir, noon);
  EXPECT_TRUE(opened.has_value()) << opened.error().text;
  return opened ? std::move(*opened) : nullptr;
}

std::vector<TransitionRow> history(StateStore& store, int service, std::size_t limit) {
  auto promise = std::make_shared<std::promise<Fallible<std::vector<TransitionRow>>>>();
  auto answer = promise->get_future();
  store.history(key(service), limit, [promise](auto rows) { promise->set_value(std::move(rows)); });
  if (answer.wait_for(Seconds(20)) != std::future_status::ready) return {};
  auto rows = answer.get();
  EXPECT_TRUE(rows.has_value());
  return rows ? *rows : std::vector<TransitionRow>();
}

std::vector<IntentRow> intents(StateStore& store, int service, std::size_t limit) {
  auto promise = std::make_shared<std::promise<Fallible<std::vector<IntentRow>>>>();
  auto answer = promise->get_future();
  store.intents(key(service), limit, [promise](auto rows) { promise->set_value(std::move(rows)); });
  if (answer.wait_for(Seconds(20)) != std::future_status::ready) return {};
  auto rows = answer.get();
  EXPECT_TRUE(rows.has_value());
  return rows ? *rows : std::vector<IntentRow>();
}

}  // namespace hotswapd::test
