// What one coroutine does in a session of a Dyn style API: reads one name, or changes several names
// of one zone by one publication.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dns/dyn_records.hpp"
#include "dns/dyn_session.hpp"

namespace hotswapd {

// A change that waits for the next publication of its zone.
struct DynChange {
  SwapPlan plan;
  std::optional<ApplyResult> result;
  bool given_up = false;  // nobody waits for it any more: not to be begun
};

// Used by one coroutine at a time, as the session.
class DynZones {
 public:
  DynZones(DynSession& session, bool with_mark) : session_(session), with_mark_(with_mark) {}

  awaitable<Fallible<LiveRecord>> read(RecordKey key, TimePoint deadline);

  // All of one zone, each name once. Afterwards each has its result; the first in any case, those
  // behind it as far as there was time.
  awaitable<void> change(std::string zone, std::vector<std::shared_ptr<DynChange>> changes,
                         TimePoint deadline);

 private:
  struct Look {
    dyn_api::Node node;
    dyn_api::Records texts;
    std::optional<FoundMark> mark;
  };

  awaitable<Fallible<void>> clean_up(std::string zone, TimePoint deadline);
  awaitable<Fallible<Look>> look(RecordKey key, bool may_log_in, TimePoint deadline);
  awaitable<Fallible<void>> stage(SwapPlan plan, Look seen, TimePoint deadline);
  awaitable<Fallible<void>> put(dyn_api::Target target, dyn_api::Records there, TimePoint deadline);
  awaitable<Fallible<void>> perform(dyn_api::Request request, TimePoint deadline);
  awaitable<ApplyResult> publish(std::string zone, std::string notes, TimePoint deadline);
  awaitable<ApplyResult> follow(std::string task, std::string published, TimePoint deadline);

  DynSession& session_;
  bool with_mark_;
  // Zones with changes that are staged and not published, as far as we know, and in which session.
  std::map<std::string, std::uint64_t> staged_;
};

}  // namespace hotswapd
