// A provider that does what the test says, in virtual time, and remembers each call.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "world.hpp"

namespace hotswapd::testing {

struct Called {
  TimePoint at;
  RecordKey key;
  bool write = false;
};

// Survives the process, as a name server does.
struct ScriptedServer {
  std::map<RecordKey, LiveRecord> records;
  std::vector<Called> calls;
  std::vector<SwapPlan> effective;
  ProviderCapabilities can = [] {
    ProviderCapabilities c;
    c.compare_and_set = c.atomic_type_change = c.keeps_generation = true;
    c.at_once = 1'000'000;
    return c;
  }();
  Millis takes{1};
  // Instead of what the server would do by itself; nullopt: as it would.
  std::function<std::optional<Error>(const RecordKey&)> on_read;
  std::function<std::optional<ApplyResult>(const SwapPlan&)> on_apply;
  TimePoint alone_until{};                        // as the provider was told
  std::function<void(const SwapPlan&)> on_leave;  // the instant at which a write leaves us

  // Compare-and-set; true when it took effect.
  bool obey(const SwapPlan& plan) {
    auto& live = records[plan.key];
    const bool same = live.set.has_value() == plan.expect.has_value() &&
                      (!live.set || live.set->same_values(*plan.expect)) &&
                      live.generation == plan.expect_generation;
    if (!same) return false;
    live = {plan.want, plan.generation, plan.op, live.serial + 1};
    effective.push_back(plan);
    return true;
  }
  std::size_t calls_of(const RecordKey& key) const {
    return static_cast<std::size_t>(
        std::count_if(calls.begin(), calls.end(), [&](const Called& c) { return c.key == key; }));
  }
  std::string serves(const RecordKey& key) {
    const auto& live = records[key];
    return live.set ? live.set->values.front() : "nothing";
  }
  // The most calls that it got in any second.
  std::size_t busiest_second() const {
    std::size_t most = 0;
    for (std::size_t first = 0, last = 0; last < calls.size(); ++last) {
      while (calls[last].at - calls[first].at >= Seconds(1)) ++first;
      most = std::max(most, last - first + 1);
    }
    return most;
  }
};

class ScriptedProvider final : public Provider {
 public:
  ScriptedProvider(ScriptedServer& server, Process& process, TimePoint& now)
      : server_(server), process_(process), now_(now) {}

  ProviderCapabilities capabilities() const override { return server_.can; }

  void leave_alone(TimePoint until) override { server_.alone_until = until; }

  awaitable<Fallible<LiveRecord>> read(RecordKey key, TimePoint) override {
    server_.calls.push_back({now_, key, false});
    const auto takes = server_.takes;
    co_await process_.timeline.sleep(takes);
    if (server_.on_read) {
      const auto scripted = server_.on_read(key);
      if (scripted) co_return *scripted;
    }
    co_return server_.records[key];
  }

  awaitable<ApplyResult> apply(SwapPlan plan, TimePoint) override {
    server_.calls.push_back({now_, plan.key, true});
    if (server_.on_leave) server_.on_leave(plan);
    const auto takes = server_.takes;
    co_await process_.timeline.sleep(takes);
    if (server_.on_apply) {
      const auto scripted = server_.on_apply(plan);
      if (scripted) co_return *scripted;
    }
    const auto outcome = server_.obey(plan) ? SwapOutcome::applied : SwapOutcome::conflict;
    co_return ApplyResult(outcome, "");
  }

  awaitable<std::vector<ServerEvidence>> prove(RecordKey, RecordSet, TimePoint) override {
    co_await asio::post(process_.context, asio::use_awaitable);
    std::vector<ServerEvidence> evidence;
    evidence.push_back({"192.0.2.53:53", true, "serves it", 1});
    co_return evidence;
  }

 private:
  ScriptedServer& server_;
  Process& process_;
  TimePoint& now_;
};

}  // namespace hotswapd::testing
