// A service's model in a virtual world: a record that takes each write at once, rounds on a fixed
// interval, no I/O.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "monitor/service_model.hpp"

namespace hotswapd::testing {

inline ServiceSpec service_spec(int backups = 1) {
  ServiceSpec s;
  s.key = {"example.com", "www.example.com"};
  s.address = "192.0.2.10";
  s.ttl = 5;
  MonitorSpec monitor;
  monitor.protocol = Protocol::http;
  monitor.interval = Seconds(10);
  monitor.timeout = Seconds(1);
  s.monitor = monitor;
  for (int i = 0; i < backups; ++i) {
    s.backups.push_back({FailoverMode::ip, "198.51.100.1" + std::to_string(i), s.monitor});
  }
  return s;
}

class ServiceHarness {
 public:
  explicit ServiceHarness(ServiceSpec spec) : model(std::move(spec), wall) {}

  struct Write {
    std::size_t target;
    Decision decision;
    WallTime at;
    std::vector<Verdict> round;  // the verdicts it was decided on
  };

  // One character a target, p f i; the record is read first when it was not yet.
  void round(const std::string& verdicts) {
    RoundResult r;
    r.number = ++rounds;
    r.started = r.finished = now;
    last_round.clear();
    for (const char c : verdicts) {
      const auto v = c == 'p' ? Verdict::pass : c == 'f' ? Verdict::fail : Verdict::inconclusive;
      last_round.push_back(v);
      TargetRound t;
      t.verdict = v;
      t.attempts.push_back({v,
                            v == Verdict::fail ? FailureClass::connect : FailureClass::none,
                            Phase::connect,
                            false,
                            v == Verdict::fail ? "connection refused" : "HTTP 200",
                            {}});
      t.attempts.back().times.total = latency;
      r.targets.emplace_back(std::move(t));
    }
    collect(model.clock_advanced(moment()));
    collect(model.round_finished(std::move(r), wall));
    const auto d = model.decision(moment(), around);
    if (d.action != Action::write || !d.moves) collect(model.settle(d.status_text(), wall, true));
    act();
    advance(model.spec().monitor->interval);
  }

  void rounds_of(const std::string& verdicts, int times) {
    for (int i = 0; i < times; ++i) round(verdicts);
  }

  Fallible<std::string> command(CommandKind kind, std::optional<Millis> duration = {}) {
    Changes changes;
    auto said = model.command({kind, "because", "ops", duration}, moment(), changes);
    collect(std::move(changes));
    act();
    return said;
  }

  void read() { collect(model.record_read(record, true, wall)); }

  // Performs what the model decides until it holds.
  void act() {
    for (int i = 0; i < 4; ++i) {
      decision = model.decision(moment(), around);
      if (decision.limited) collect(model.limit_reached(decision.text, wall));
      if (decision.action != Action::write) return;
      writes.push_back({decision.target, decision, wall, last_round});
      // Of one service, each swap has another generation, as it has another op.
      const auto plan = model.plan(decision, "op-" + std::to_string(model.generation() + 1));
      model.swap_begun();
      record.set = plan.want;
      record.generation = plan.generation;
      ++record.serial;
      collect(model.swap_committed(decision, plan, record, moment()));
    }
  }

  void restart() { restart(model.spec()); }

  void restart(ServiceSpec spec) {
    const auto detail = model.detail(moment());
    const auto active = model.active_name();
    const auto status = std::string(to_string(model.status()));
    const auto budget = model.budget().entries();
    ServiceModel next(std::move(spec), wall);
    restored = next.restore(model.generation(), active, status, detail, moment());
    for (const auto at : budget) next.remember_swap(moment().wall_at(at), moment());
    model = std::move(next);
    ++restarts;
    read();
    act();
  }

  void advance(Millis by) {
    now += by;
    wall += by;
  }

  Moment moment() const { return {now, wall}; }
  std::string served() const { return record.set ? record.set->values.front() : "nothing"; }
  std::string status() const { return to_string(model.status()); }
  std::string told() const {  // "down failover up ok"
    std::string text;
    for (const auto& e : events) text += (text.empty() ? "" : " ") + e.state;
    return text;
  }

  WallTime wall{Millis(1'769'860'800'000)};
  TimePoint now{std::chrono::hours(1000)};
  ServiceModel model;
  LiveRecord record;
  std::vector<Write> writes;
  std::vector<MonitorEvent> events;
  std::vector<Note> notes;
  std::vector<Verdict> last_round;
  Decision decision;
  Surroundings around;
  Fallible<void> restored;
  Millis latency{5};  // of each attempt
  std::uint64_t rounds = 0;
  int restarts = 0;

 private:
  void collect(Changes changes) {
    for (auto& e : changes.events) events.push_back(std::move(e));
    for (auto& n : changes.notes) notes.push_back(std::move(n));
  }
};

}  // namespace hotswapd::testing
