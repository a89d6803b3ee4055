// A world for Monitor without a disk, a network or a clock: the store and the DNS survive, the
// process may be killed between any two steps.
#pragma once

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "monitor/monitor.hpp"
#include "monitor/views.hpp"

namespace hotswapd::testing {

// Time that passes when everybody waits for it, and not before.
class Timeline {
 public:
  Timeline(asio::io_context& context, TimePoint& now, WallTime& wall)
      : context_(context), now_(now), wall_(wall) {}

  awaitable<void> sleep(Millis duration) {
    auto initiate = [](auto handler, Timeline* self, TimePoint due) {
      auto shared = std::make_shared<decltype(handler)>(std::move(handler));
      self->waiting_.emplace(due, [self, shared] {
        asio::post(self->context_, [shared]() mutable { std::move (*shared)(); });
      });
    };
    const TimePoint due = now_ + duration;
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(
        initiate, asio::use_awaitable, this, due);
  }

  // On to what comes next, but not beyond `end`; false when nothing did until then.
  bool advance(TimePoint end) {
    const bool any = !waiting_.empty() && waiting_.begin()->first <= end;
    const auto next = any ? std::max(now_, waiting_.begin()->first) : end;
    wall_ += std::chrono::floor<Millis>(next - now_);
    now_ = next;
    while (!waiting_.empty() && waiting_.begin()->first <= now_) {
      const auto wake = std::move(waiting_.begin()->second);
      waiting_.erase(waiting_.begin());
      wake();
    }
    return any;
  }

 private:
  asio::io_context& context_;
  TimePoint& now_;
  WallTime& wall_;
  std::multimap<TimePoint, std::function<void()>> waiting_;
};

// What survives a kill.
struct Disk {
  std::map<RecordKey, StateRow> states;
  std::map<std::string, IntentRow> intents;
  std::vector<TransitionRow> transitions;
  std::map<std::int64_t, OutboxRow>
      outbox;  // never removed: every message that was ever made durable
  std::int64_t next_outbox = 1;
  bool failing = false;

  StoredState load() const {
    StoredState s;
    for (const auto& [key, row] : states) s.states.push_back(row);
    for (const auto& [op, row] : intents) {
      if (!row.closed) s.open_intents.push_back(row);
    }
    return s;
  }
};

class MemoryStore final : public StateStore {
 public:
  explicit MemoryStore(Disk& disk) : disk_(disk) {}

  StoredState take_loaded() override { return disk_.load(); }

  // Applied in a later step than it was asked for, so that a kill may come between.
  void commit(Batch batch, std::function<void(Fallible<void>)> done) override {
    asio::post(*context,
               [this, batch = std::move(batch), done = std::move(done)] { done(apply(batch)); });
  }

  void history(RecordKey, std::size_t,
               std::function<void(Fallible<std::vector<TransitionRow>>)> done) override {
    done(disk_.transitions);
  }
  void intents(RecordKey key, std::size_t limit,
               std::function<void(Fallible<std::vector<IntentRow>>)> done) override {
    std::vector<IntentRow> rows;
    for (const auto& [op, row] : disk_.intents) {
      if (row.service == key) rows.push_back(row);
    }
    std::sort(rows.begin(), rows.end(),
              [](const auto& a, const auto& b) { return a.generation > b.generation; });
    rows.resize(std::min(rows.size(), limit));
    asio::post(*context, [rows, done = std::move(done)] { done(rows); });
  }
  std::int64_t next_outbox_id() override { return disk_.next_outbox++; }
  StoreHealth health() const override { return {}; }
  void close(TimePoint) override {}

  asio::io_context* context = nullptr;

 private:
  Fallible<void> apply(const Batch& batch) {
    if (disk_.failing) return Error{errc::unavailable, "disk full"};
    for (const auto& intent : batch.intents) {
      for (const auto& [op, row] : disk_.intents) {
        if (row.service == intent.service && !row.closed && op != intent.op && !intent.closed) {
          return Error{errc::conflict, "a second open intent"};
        }
      }
    }
    for (const auto& row : batch.states) disk_.states[row.service] = row;
    for (const auto& row : batch.intents) disk_.intents[row.op] = row;
    for (const auto& row : batch.transitions) disk_.transitions.push_back(row);
    for (const auto& row : batch.outbox) disk_.outbox[row.id] = row;
    for (const auto& key : batch.forget_states) disk_.states.erase(key);
    return {};
  }

  Disk& disk_;
};

// A name server that survives us; every write that took effect is on record.
struct NameServer {
  std::map<RecordKey, LiveRecord> records;
  std::vector<SwapPlan> effective;
  int unreadable = 0;    // so many reads fail
  int answers_lost = 0;  // so many writes take effect and say nothing
  int writes_lost = 0;   // so many writes are lost and say nothing
  bool proves = true;
  bool late_effects = false;
  bool compare_and_set = true;
  bool keeps_generation = true;
  double rate = 0;
  std::size_t at_once = 1'000'000;

  ProviderCapabilities capabilities() const {
    ProviderCapabilities can;
    can.atomic_type_change = true;
    can.compare_and_set = compare_and_set;
    can.keeps_generation = keeps_generation;
    can.late_effects = late_effects;
    can.rate = rate;
    can.at_once = at_once;
    return can;
  }
};

class MemoryProvider final : public Provider {
 public:
  MemoryProvider(NameServer& server, asio::io_context& context)
      : server_(server), context_(context) {}

  ProviderCapabilities capabilities() const override { return server_.capabilities(); }

  awaitable<Fallible<LiveRecord>> read(RecordKey key, TimePoint) override {
    co_await asio::post(context_, asio::use_awaitable);
    if (server_.unreadable > 0) {
      --server_.unreadable;
      co_return Error{errc::timed_out, "no answer"};
    }
    co_return server_.records[key];
  }

  awaitable<ApplyResult> apply(SwapPlan plan, TimePoint) override {
    co_await asio::post(context_, asio::use_awaitable);
    if (server_.writes_lost > 0) {
      --server_.writes_lost;
      co_return ApplyResult{SwapOutcome::unknown, "no answer"};
    }
    auto& live = server_.records[plan.key];
    const bool same = live.set.has_value() == plan.expect.has_value() &&
                      (!live.set || live.set->same_values(*plan.expect)) &&
                      live.generation == plan.expect_generation;
    if (!same) co_return ApplyResult{SwapOutcome::conflict, "prerequisite failed"};
    live = {plan.want, plan.generation, plan.op, live.serial + 1};
    server_.effective.push_back(plan);
    co_await asio::post(context_, asio::use_awaitable);
    if (server_.answers_lost > 0) {
      --server_.answers_lost;
      co_return ApplyResult{SwapOutcome::unknown, "no answer"};
    }
    co_return ApplyResult{SwapOutcome::applied, ""};
  }

  awaitable<std::vector<ServerEvidence>> prove(RecordKey, RecordSet, TimePoint) override {
    co_await asio::post(context_, asio::use_awaitable);
    std::vector<ServerEvidence> evidence;
    evidence.push_back(
        {"192.0.2.53:53", server_.proves, server_.proves ? "serves it" : "still old", 1});
    co_return evidence;
  }

 private:
  NameServer& server_;
  asio::io_context& context_;
};

class RecordingRounds final : public Rounds {
 public:
  void upsert(RoundSpec spec, FirstRound first) override {
    upserts.emplace_back(spec.service, first);
    specs[spec.service.value] = std::move(spec);
  }
  void remove(ServiceId service) override { specs.erase(service.value); }
  void set_pending(ServiceId service, bool on) override { pending[service.value] = on; }
  void run_now(ServiceId service) override { asked_now.push_back(service); }

  std::map<std::uint32_t, RoundSpec> specs;
  std::map<std::uint32_t, bool> pending;
  std::vector<std::pair<ServiceId, FirstRound>> upserts;
  std::vector<ServiceId> asked_now;
};

// Writes "state" into the outbox, and keeps what would have left the house.
class RecordingTeller final : public Teller {
 public:
  explicit RecordingTeller(StateStore& store) : store_(store) {}

  std::vector<std::int64_t> prepare(const ServiceSpec& service,
                                    const std::vector<MonitorEvent>& events,
                                    Batch& batch) override {
    std::vector<std::int64_t> ids;
    for (const auto& e : events) {
      if (!e.change) continue;
      OutboxRow row;
      row.id = store_.next_outbox_id();
      row.event = e.id;
      row.service = service.key;
      row.sink = "syslog";
      row.body = (e.kind == EventKind::status ? "status " : "probe " + e.address + " ") + e.state;
      waiting[row.id] = row.body;
      ids.push_back(row.id);
      batch.outbox.push_back(std::move(row));
    }
    return ids;
  }
  void durable(const std::vector<std::int64_t>& ids) override { leave(ids); }
  void not_durable(const std::vector<std::int64_t>& ids) override { leave(ids); }

  std::map<std::int64_t, std::string> waiting;
  std::vector<std::string> told;

 private:
  void leave(const std::vector<std::int64_t>& ids) {
    for (const auto id : ids) told.push_back(waiting[id]);
  }
  StateStore& store_;
};

class SilentLogger final : public Logger {
 public:
  void log(LogLevel, std::string_view id, std::string_view text) override {
    lines.push_back(std::string(id) + " " + std::string(text));
  }
  std::vector<std::string> lines;
};

// One run of the process. Destroying it is a kill: nothing is finished, nothing is told.
class Process {
 public:
  Process(Disk& disk, NameServer& server, const std::vector<Shared<ServiceSpec>>& services,
          TimePoint& now, WallTime& wall, std::optional<WitnessSpec> witness = std::nullopt)
      : Process(disk, services, now, wall, std::move(witness), false,
                [&server](Process& p) -> std::map<std::string, std::unique_ptr<Provider>> {
                  std::map<std::string, std::unique_ptr<Provider>> all;
                  all["here"] = std::make_unique<MemoryProvider>(server, p.context);
                  return all;
                }) {}

  // `timed`: a pause lasts until run_until() has come to its end; else it is over at once.
  using Providers = std::map<std::string, std::unique_ptr<Provider>>;
  Process(Disk& disk, const std::vector<Shared<ServiceSpec>>& services, TimePoint& now,
          WallTime& wall, std::optional<WitnessSpec> witness, bool timed,
          const std::function<Providers(Process&)>& make)
      : timeline(context, now, wall), store(disk), teller(store), now_(now) {
    store.context = &context;
    providers = make(*this);
    MonitorParts parts{context.get_executor(),
                       store,
                       teller,
                       rounds,
                       log,
                       alarms,
                       Clocks{[&now] { return now; }, [&wall] { return wall; },
                              [this, timed](Millis duration) {
                                return timed ? timeline.sleep(duration) : nap(duration);
                              }},
                       [this](const std::string& name) -> Provider* {
                         return replaced != nullptr ? replaced : providers[name].get();
                       },
                       {}};
    monitor = std::make_unique<Monitor>(std::move(parts));
    monitor->start(services, std::move(witness), store.take_loaded());
  }
  ~Process() { monitor.reset(); }

  // Runs until nothing is left to do at this moment.
  void settle() {
    while (context.poll() > 0) context.restart();
    context.restart();
  }
  // Runs what there is to do until `end`, in the time that it takes.
  void run_until(TimePoint end) {
    do settle();
    while (timeline.advance(end));
    settle();
  }
  // Runs at most so many steps; false when there was nothing to do.
  bool step() {
    const bool did = context.poll_one() > 0;
    context.restart();
    return did;
  }

  // One character a target, p f i.
  // A round of service 0 is one of the witness.
  void round(const std::string& verdicts, std::uint32_t service = 1,
             std::optional<TimePoint> began = std::nullopt) {
    if (service == 0) service = 0xffff0000;  // the first target of the witness
    RoundResult r;
    r.service = ServiceId{service};
    if (!rounds.specs.contains(service)) return;
    r.epoch = rounds.specs[service].epoch;
    r.number = ++number_;
    r.started = began.value_or(now_);
    r.finished = now_;
    for (std::size_t i = 0; i < verdicts.size(); ++i) {
      const auto v = verdicts[i] == 'p'   ? Verdict::pass
                     : verdicts[i] == 'f' ? Verdict::fail
                                          : Verdict::inconclusive;
      TargetRound t;
      t.verdict = v;
      ProbeResult& attempt = t.attempts.emplace_back();
      attempt.verdict = v;
      attempt.phase = Phase::exchange;
      attempt.reason = "seen";
      r.targets.emplace_back(std::move(t));
    }
    monitor->on_round(std::move(r));
  }

  asio::io_context context{1};
  Timeline timeline;
  MemoryStore store;
  RecordingTeller teller;
  RecordingRounds rounds;
  SilentLogger log;
  Alarms alarms{log};
  Providers providers;
  Provider* replaced = nullptr;  // from the next reload on
  std::unique_ptr<Monitor> monitor;
  int naps = 0;

 private:
  awaitable<void> nap(Millis duration) {
    ++naps;
    now_ += duration;
    co_await asio::post(context, asio::use_awaitable);
  }
  TimePoint& now_;
  std::uint64_t number_ = 0;
};

inline ServiceSpec web(const std::string& fqdn = "www.example.com") {
  ServiceSpec s;
  s.key = {"example.com", fqdn};
  s.address = "192.0.2.10";
  s.ttl = 5;
  s.provider = "here";
  MonitorSpec monitor;
  monitor.protocol = Protocol::http;
  monitor.interval = Seconds(10);
  monitor.timeout = Seconds(1);
  s.monitor = monitor;
  s.max_swaps_per_hour = 1'000'000;
  s.backups.push_back({FailoverMode::ip, "198.51.100.10", s.monitor});
  return s;
}

}  // namespace hotswapd::testing
