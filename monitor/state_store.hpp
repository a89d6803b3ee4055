// state.db: everything that must survive kill -9, written by one thread so that the loop never
// waits for the disk. Schema, settings and rules: SQLite in WAL with synchronous=FULL; a batch is
// one transaction, all or nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/record.hpp"
#include "core/time.hpp"

namespace hotswapd {

// The state of one service, one row. `active`: "primary" or "backup:N". `detail` is the JSON of
// what else the service needs back (health and streaks, command freshness); only service_model
// reads it.
struct StateRow {
  RecordKey service;
  std::uint64_t generation = 0;
  std::string active;
  std::string status;  // unk ok trouble failover
  std::string detail;
  WallTime updated;
};

// The journal of one swap (S1: at most one open intent a service, kept by a unique index).
struct IntentRow {
  std::string op;
  RecordKey service;
  std::uint64_t generation = 0;
  std::string phase;    // prepared sent applied proved failed abandoned
  std::string from_rr;  // JSON of what was expected
  std::string to_rr;    // JSON of what was wanted
  std::string reason;
  std::string evidence;  // JSON
  std::optional<std::uint64_t> fence;
  WallTime opened;
  std::optional<WallTime> closed;
};

// Something that happened and is kept for a year: `kind` is a stable word, `detail` JSON.
struct TransitionRow {
  std::int64_t id = 0;  // 0 when it is being written: the store numbers it
  RecordKey service;
  WallTime at;
  std::string kind;
  std::string detail;
};

// One message to one sink. `id` is given by the caller and rises (StateStore::next_outbox_id()).
struct OutboxRow {
  std::int64_t id = 0;
  std::string event;  // stable event id; (event, sink) is unique (S18)
  RecordKey service;
  std::string sink;  // "syslog", later "mail", "webhook:NAME"
  std::string body;  // as that sink understands it
  WallTime due;
  int tries = 0;
  WallTime expires;
};

// One record of an embedded zone.
struct RecordRow {
  RecordKey key;
  RecordSet set;
  std::uint64_t generation = 0;
  std::string op;
  std::uint32_t zone_serial = 0;
};

// What becomes durable together.
struct Batch {
  std::vector<StateRow> states;    // inserted or replaced
  std::vector<IntentRow> intents;  // inserted or replaced by op
  std::vector<TransitionRow> transitions;
  std::vector<OutboxRow> outbox;         // inserted; an (event, sink) that is there stays as it is
  std::vector<RecordRow> records;        // inserted or replaced
  std::vector<RecordKey> forget_states;  // services that are gone from the configuration
  std::vector<std::int64_t> delivered;   // outbox rows that are done with
  bool empty() const;
};

// What start-up finds.
struct StoredState {
  std::vector<StateRow> states;
  std::vector<IntentRow> open_intents;
  std::vector<OutboxRow> outbox;  // by id
  std::vector<RecordRow> records;
  std::vector<TransitionRow> recent_swaps;  // kind "swap" of the last hour, for the swap budget
  // What an earlier run knew is lost to this one: damaged, of a newer schema, or unreadable.
  // Nothing may move before it was seen twice. set_aside_why says what was wrong; set_aside is
  // where the file is now, empty when it could not be moved (yet: see StoreHealth).
  bool doubtful = false;
  std::string set_aside;
  std::string set_aside_why;
};

struct StoreHealth {
  bool failing = false;  // the last commit did not go through, or none can since the start
  std::string why;
  bool reserve_missing =
      false;                  // the reserve file is not there: given up to make room, or never made
  std::size_t queued = 0;     // batches waiting
  std::uint64_t dropped = 0;  // batches refused because the queue was full
  Millis oldest{0};           // how long the batch at the head has been waiting
  // A doubtful file that could be set aside only when the disk allowed it, after open(): its path.
  std::string set_aside;
};

class StateStore {
 public:
  // Opens or makes DIR/state.db under an flock of DIR/lock; refuses when another process holds it,
  // and when the directory is missing, none, or forbidden to us. Blocking: start-up only. Damage
  // and newer schemas: see StoredState::doubtful. A disk that refuses writes (read-only, full, I/O
  // errors) is no reason to fail: what can be read is loaded, commits are refused and health() says
  // so, until the writer thread, which goes on trying, gets the file open for writing. So with a
  // disk that hangs in a write: 1.2 s are given to it. Only one that hangs in reading is waited
  // for.
  static Fallible<std::unique_ptr<StateStore>> open(const std::string& dir, WallTime now);

  virtual ~StateStore() = default;

  virtual StoredState take_loaded() = 0;  // once

  // Queues the batch; batches become durable in the order they were given (several may share one
  // transaction). `done` is called on the writer thread, once, in order: durable, or an error and
  // then nothing of the batch happened. The queue is bounded: beyond it, after close(), and while
  // the file is not open for writing since the start, `done` gets errc::unavailable at once, on the
  // calling thread. errc::conflict: this batch breaks a rule
  // of the store (two open intents), trying it again is no use. Any thread.
  virtual void commit(Batch batch, std::function<void(Fallible<void>)> done) = 0;

  // The newest `limit` transitions of a service, newest first; read on the writer thread, `done` is
  // called there.
  virtual void history(RecordKey service, std::size_t limit,
                       std::function<void(Fallible<std::vector<TransitionRow>>)> done) = 0;
  // The newest `limit` intents of a service, newest first, open or closed; as history().
  virtual void intents(RecordKey service, std::size_t limit,
                       std::function<void(Fallible<std::vector<IntentRow>>)> done) = 0;

  virtual std::int64_t
  next_outbox_id() = 0;                    // any thread; never the same twice, also over restarts
  virtual StoreHealth health() const = 0;  // any thread

  // Commits what is queued, until `deadline`, and closes. When the disk hangs beyond the deadline,
  // what is under way is answered errc::unknown_fate, the rest unavailable, all on this thread;
  // afterwards nobody is called any more.
  virtual void close(TimePoint deadline) = 0;
};

}  // namespace hotswapd
