#include "monitor/state_store.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "monitor/store_database.hpp"
#include "monitor/store_open.hpp"

namespace hotswapd {
namespace {

using CommitDone = std::function<void(Fallible<void>)>;
using HistoryDone = std::function<void(Fallible<std::vector<TransitionRow>>)>;
using IntentsDone = std::function<void(Fallible<std::vector<IntentRow>>)>;

const Error queue_full{errc::unavailable,
                       "the state store's queue is full: the disk does not keep up"};
const Error closed{errc::unavailable, "the state store is closed"};
const Error no_answer{errc::unknown_fate,
                      "the state store was closed while the disk did not answer"};
const Error history_dropped{errc::unavailable,
                            "the disk is full: history is dropped, what is left is for swaps"};

Error refused_while_ill(const std::string& why) {
  return {errc::unavailable, "the disk has refused writes since the start: " + why};
}

constexpr Millis grace{200};
constexpr const char* hangs = "the disk has not answered since the start";

// One request; which of the callbacks is set says what it asks for.
struct Request {
  TimePoint since;
  Batch batch;
  CommitDone commit;
  RecordKey service;
  std::size_t limit = 0;
  HistoryDone history;
  IntentsDone intents;

  void fail(const Error& error) {
    if (commit) commit(error);
    if (history) history(error);
    if (intents) intents(error);
  }
};

bool history_only(const Batch& batch) {
  return batch.states.empty() && batch.intents.empty() && batch.outbox.empty() &&
         batch.records.empty() && batch.forget_states.empty() && batch.delivered.empty();
}

// Shared by the store and its thread: a thread that hangs in the disk may outlive the store (see
// close()).
class Writer {
 public:
  Writer(std::string dir, DirectoryLock lock, std::unique_ptr<StoreDatabase> database, WallTime now,
         StoreOptions options)
      : dir_(std::move(dir)),
        lock_(std::move(lock)),
        database_(std::move(database)),
        reading_(database_->read_first(now)),
        options_(options),
        opened_wall_(now) {}

  void run();
  Fallible<StoredState> opened();  // waits for run() to open the file, but not for long
  void submit(Request request);
  StoreHealth health() const;
  std::int64_t next_id() { return next_id_.fetch_add(1, std::memory_order_relaxed); }
  bool close(TimePoint deadline);  // false: the thread hangs; its requests were answered here

 private:
  using Lock = std::unique_lock<std::mutex>;

  bool open();
  void work();
  void end();
  void take();
  void perform();
  std::vector<Request> finish();
  std::vector<Fallible<void>> commit(const std::vector<Batch>& batches);
  void try_recovery();
  void heal();
  WallTime wall(TimePoint now) const;
  void upkeep(bool idle);
  void publish_health();
  void publish();  // under the mutex

  // The writer thread's own.
  const std::string dir_;
  DirectoryLock lock_;
  std::unique_ptr<StoreDatabase> database_;
  StoreReading reading_;  // anybody's, and nobody's when the file is open
  const StoreOptions options_;
  const WallTime opened_wall_;
  const TimePoint opened_at_ = Clock::now();
  TimePoint next_upkeep_ = Clock::now();
  TimePoint next_retention_ = Clock::now();
  TimePoint next_recovery_{};
  std::uint64_t history_drops_ = 0;

  std::atomic<std::int64_t> next_id_{0};

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable ended_cv_;
  std::condition_variable opened_cv_;
  // Under the mutex. `current_` is what the thread is working on: only close() may take it away.
  std::deque<Request> queue_;
  std::vector<Request> current_;
  StoreHealth health_;
  std::optional<Fallible<StoredState>> opened_;
  bool late_ = false;  // opened() has gone on without the file
  bool reading_only_ = false;
  bool closing_ = false;
  bool abandoned_ = false;
  bool ended_ = false;
  TimePoint deadline_{};
};

void Writer::submit(Request request) {
  std::optional<Error> refusal;
  {
    const std::lock_guard held(mutex_);
    if (closing_) {
      refusal = closed;
    } else if (reading_only_ && request.commit) {
      refusal = refused_while_ill(health_.why);
    } else if (queue_.size() >= options_.queue_limit) {
      refusal = queue_full;
      ++health_.dropped;
    } else {
      request.since = Clock::now();
      queue_.push_back(std::move(request));
    }
  }
  if (refusal) return request.fail(*refusal);
  wake_.notify_one();
}

StoreHealth Writer::health() const {
  const std::lock_guard held(mutex_);
  StoreHealth out = health_;
  out.queued = queue_.size() + current_.size();
  const Request* head = nullptr;
  if (!queue_.empty()) head = &queue_.front();
  if (!current_.empty()) head = &current_.front();
  if (head != nullptr) out.oldest = std::chrono::duration_cast<Millis>(Clock::now() - head->since);
  return out;
}

// A run of commits makes one group; a read goes alone, after what was asked before it.
void Writer::take() {
  while (!queue_.empty() && current_.size() < options_.group_limit) {
    const bool commit = static_cast<bool>(queue_.front().commit);
    if (!commit && !current_.empty()) return;
    current_.push_back(std::move(queue_.front()));
    queue_.pop_front();
    if (!commit) return;
  }
}

// Opens the file for writing, which may take for ever. False when there is nothing to go on with.
bool Writer::open() {
  if (lock_.held()) lock_.sign();
  StoredState state;
  const auto started = database_->start(opened_wall_, state, lock_.held() ? &reading_ : nullptr);
  const bool refused = !started && started.error().code != errc::unavailable;
  if (!started && !refused)
    database_->start_reading(started.error(), lock_.held(), opened_wall_, state);
  if (!started) next_recovery_ = opened_at_ + options_.reopen;
  {
    const Lock held(mutex_);
    if (!late_) {
      publish();
      next_id_ = database_->first_outbox_id();
      opened_ = refused ? Fallible<StoredState>(started.error()) : std::move(state);
      opened_cv_.notify_all();
      return !refused;
    }
  }
  database_->start_late(reading_, state);
  if (started) {
    heal();
  } else {
    database_->not_healed(started.error());
  }
  publish_health();
  return true;
}

Fallible<StoredState> Writer::opened() {
  Lock held(mutex_);
  opened_cv_.wait_for(held, options_.open_may_take, [this] { return opened_.has_value(); });
  if (opened_) return std::move(*opened_);
  late_ = true;
  next_id_ = reading_.first_outbox_id(opened_wall_);
  reading_only_ = true;
  health_.failing = true;
  health_.why = hangs;
  return reading_.as_found();
}

void Writer::run() {
  const bool go_on = open();
  reading_ = {};  // whoever wanted it has it: it is as large as the file
  if (go_on) work();
  end();
}

void Writer::work() {
  Lock held(mutex_);
  while (true) {
    const TimePoint until = std::min(next_upkeep_, next_retention_);
    wake_.wait_until(held, until, [this] { return !queue_.empty() || closing_; });
    if (abandoned_) break;
    if (closing_ && (queue_.empty() || Clock::now() >= deadline_)) break;
    const bool idle = queue_.empty();
    take();
    held.unlock();
    if (!idle) perform();
    upkeep(idle);
    publish_health();
    held.lock();
  }
}

void Writer::end() {
  Lock held(mutex_);
  std::deque<Request> rest = std::move(queue_);
  queue_.clear();
  const bool silent = abandoned_;
  held.unlock();
  for (auto& request : rest) {
    if (!silent) request.fail(closed);
  }
  database_.reset();
  held.lock();
  ended_ = true;
  ended_cv_.notify_all();
}

// Works on copies: close() may take current_ away while the disk hangs.
void Writer::perform() {
  std::vector<Batch> batches;
  RecordKey service;
  std::size_t limit = 0;
  bool is_commit = false;
  bool is_history = false;
  {
    const std::lock_guard held(mutex_);
    if (current_.empty()) return;
    for (auto& request : current_) batches.push_back(std::move(request.batch));
    service = current_.front().service;
    limit = current_.front().limit;
    is_commit = static_cast<bool>(current_.front().commit);
    is_history = static_cast<bool>(current_.front().history);
  }
  if (!database_->usable()) try_recovery();
  if (is_commit) {
    auto results = commit(batches);
    auto requests = finish();
    for (std::size_t i = 0; i < requests.size(); ++i) requests[i].commit(std::move(results[i]));
  } else if (is_history) {
    auto rows = database_->history(service, limit);
    for (auto& request : finish()) request.history(std::move(rows));
  } else {
    auto rows = database_->intents(service, limit);
    for (auto& request : finish()) request.intents(std::move(rows));
  }
}

// Takes the requests back for their answers; none when close() has answered them.
std::vector<Request> Writer::finish() {
  publish_health();
  const std::lock_guard held(mutex_);
  return std::exchange(current_, {});
}

std::vector<Fallible<void>> Writer::commit(const std::vector<Batch>& batches) {
  database_->outbox_ids_used_to(next_id_.load(std::memory_order_relaxed));
  const bool scarce = !database_->reserve().there();
  std::vector<const Batch*> group;
  for (const auto& batch : batches) {
    if (!(scarce && history_only(batch))) group.push_back(&batch);
  }
  auto results = group.empty() ? std::vector<Fallible<void>>() : database_->commit(group);
  if (group.size() == batches.size()) return results;
  history_drops_ += batches.size() - group.size();
  std::vector<Fallible<void>> all;
  auto next = results.begin();
  for (const auto& batch : batches) {
    all.push_back(scarce && history_only(batch) ? Fallible<void>(history_dropped)
                                                : std::move(*next++));
  }
  return all;
}

void Writer::try_recovery() {
  const TimePoint now = Clock::now();
  if (now < next_recovery_) return;
  if (!database_->reading_only()) {
    database_->recover();
    next_recovery_ = Clock::now() + options_.retry;
    return;
  }
  heal();
  // An attempt may check all of a large file: it must not become all that the disk does.
  const TimePoint end = Clock::now();
  next_recovery_ = end + std::max<Clock::duration>(options_.reopen, 4 * (end - now));
}

void Writer::heal() {
  if (!lock_.held()) {
    auto lock = DirectoryLock::take(dir_);
    if (!lock) return database_->not_healed(lock.error());
    lock_ = std::move(*lock);
  }
  if (!lock_.held()) return;
  database_->outbox_ids_used_to(next_id_.load(std::memory_order_relaxed));
  database_->heal(wall(Clock::now()));
}

// The wall clock as it was at the start, carried on: a jump of it must not delete a year of
// history.
WallTime Writer::wall(TimePoint now) const {
  return opened_wall_ + std::chrono::duration_cast<Millis>(now - opened_at_);
}

void Writer::upkeep(bool idle) {
  const TimePoint now = Clock::now();
  if (now >= next_upkeep_) {
    if (!database_->usable()) try_recovery();
    if (database_->usable()) database_->reserve().ensure();
    next_upkeep_ = Clock::now() + options_.retry;
  }
  if (!idle || now < next_retention_) return;
  const bool more = database_->delete_slice(options_.retention, wall(now));
  if (!more) next_retention_ = Clock::now() + options_.retention_every;
}

void Writer::publish_health() {
  const std::lock_guard held(mutex_);
  publish();
}

void Writer::publish() {
  health_.failing = !database_->usable() || !database_->why().empty();
  health_.why = database_->why();
  reading_only_ = database_->reading_only();
  const Reserve& reserve = database_->reserve();
  health_.reserve_missing = reading_only_ ? reserve.given_up() : !reserve.there();
  health_.set_aside = database_->set_aside_late();
  health_.dropped += std::exchange(history_drops_, 0);
}

bool Writer::close(TimePoint deadline) {
  std::vector<Request> unanswered;
  std::deque<Request> unsaved;
  {
    Lock held(mutex_);
    closing_ = true;
    deadline_ = deadline;
    wake_.notify_one();
    if (ended_cv_.wait_until(held, deadline, [this] { return ended_; })) return true;
    // A transaction that is nearly done is worth a moment more than its answer "unknown".
    if (ended_cv_.wait_for(held, grace, [this] { return ended_; })) return true;
    abandoned_ = true;
    unanswered = std::exchange(current_, {});
    unsaved = std::exchange(queue_, {});
  }
  for (auto& request : unanswered) request.fail(no_answer);
  for (auto& request : unsaved) request.fail(closed);
  return false;
}

class SqliteStore final : public StateStore {
 public:
  explicit SqliteStore(std::shared_ptr<Writer> writer)
      : writer_(std::move(writer)), thread_([w = writer_] { w->run(); }) {}

  ~SqliteStore() override { close(Clock::now() + Seconds(2)); }

  Fallible<void> opened() {
    auto state = writer_->opened();
    if (!state) return state.error();
    loaded_ = std::move(*state);
    return {};
  }
  StoredState take_loaded() override { return std::exchange(loaded_, {}); }

  void commit(Batch batch, CommitDone done) override {
    Request request;
    request.batch = std::move(batch);
    // The callback tells what a request is: there must be one.
    request.commit = done ? std::move(done) : [](const Fallible<void>&) {};
    writer_->submit(std::move(request));
  }

  void history(RecordKey service, std::size_t limit, HistoryDone done) override {
    Request request;
    request.service = std::move(service);
    request.limit = limit;
    request.history = std::move(done);
    writer_->submit(std::move(request));
  }

  void intents(RecordKey service, std::size_t limit, IntentsDone done) override {
    Request request;
    request.service = std::move(service);
    request.limit = limit;
    request.intents = std::move(done);
    writer_->submit(std::move(request));
  }

  std::int64_t next_outbox_id() override { return writer_->next_id(); }
  StoreHealth health() const override { return writer_->health(); }

  void close(TimePoint deadline) override {
    if (!thread_.joinable()) return;
    if (writer_->close(deadline)) {
      thread_.join();
    } else {
      thread_.detach();  // hangs in the disk; it holds the Writer alive and calls nobody any more
    }
  }

 private:
  std::shared_ptr<Writer> writer_;
  StoredState loaded_;
  std::thread thread_;
};

}  // namespace

bool Batch::empty() const {
  return history_only(*this) && transitions.empty();
}

Fallible<std::unique_ptr<StateStore>> open_state_store(const std::string& dir, WallTime now,
                                                       const StoreOptions& options) {
  auto lock = DirectoryLock::take(dir);
  if (!lock) return lock.error();
  auto database = std::make_unique<StoreDatabase>(dir, options.reserve_bytes);
  auto store = std::make_unique<SqliteStore>(
      std::make_shared<Writer>(dir, std::move(*lock), std::move(database), now, options));
  if (const auto opened = store->opened(); !opened) return opened.error();
  return std::unique_ptr<StateStore>(std::move(store));
}

Fallible<std::unique_ptr<StateStore>> StateStore::open(const std::string& dir, WallTime now) {
  return open_state_store(dir, now, StoreOptions{});
}

}  // namespace hotswapd
