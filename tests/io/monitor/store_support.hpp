// What the tests of the store share: a directory of their own, rows to write, and waiting for an
// answer.
#pragma once

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "monitor/state_store.hpp"

namespace hotswapd::test {

// A fresh directory, removed with all that is in it.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline constexpr WallTime noon{std::chrono::hours(24 * 20'000 + 12)};
WallTime wall_now();

RecordKey key(int number);
StateRow state(int number, std::uint64_t generation = 1);
IntentRow intent(const std::string& op, int service);
TransitionRow transition(int service, const std::string& kind, WallTime at,
                         const std::string& detail = "{}");
OutboxRow outbox(std::int64_t id, const std::string& event, int service);
RecordRow record(int number, std::vector<std::string> values);

Fallible<void> commit(StateStore& store, Batch batch);  // waits for the answer, at most 20 s
std::unique_ptr<StateStore> open_ok(
    const std::string& dir);  // nullptr and a failed expectation on an error
std::vector<TransitionRow> history(StateStore& store, int service, std::size_t limit);
std::vector<IntentRow> intents(StateStore& store, int service, std::size_t limit);

template <class Condition>
bool eventually(Condition condition, Millis limit = Millis(10'000)) {
  const TimePoint end = Clock::now() + limit;
  while (!condition()) {
    if (Clock::now() >= end) return false;
    std::this_thread::sleep_for(Millis(2));
  }
  return true;
}

}  // namespace hotswapd::test
