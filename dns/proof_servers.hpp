// Whom a proof asks: the name servers that the configuration lists, else those of the zone, which
// are found out seldom: once for all names, and the longer not the oftener that fails.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dns/name_server_set.hpp"

namespace hotswapd {

// What is known of the name servers of zones. A set is good for a minute: it hardly ever changes,
// and goes on where the next question fails. That there is none to be had, or not all of it, is
// kept too, for a second that doubles up to five minutes: a proof asks again and again, and to find
// them out may be a call of an API that the swaps need. Pure.
class NameServerMemory {
 public:
  // nullptr: it has to be asked for.
  const NameServerSet* find(const std::string& zone, TimePoint now) const;
  const NameServerSet& keep(const std::string& zone, NameServerSet found, TimePoint now);
  // Nothing is asked for until then; what is known is good until then.
  void leave_alone(TimePoint until) { alone_until_ = until; }
  void clear() { sets_.clear(); }

 private:
  struct Kept {
    NameServerSet set;
    TimePoint until;
    int failures = 0;    // in a row
    bool whole = false;  // every server of the set has an address
  };
  static NameServerSet silence();

  std::map<std::string, Kept> sets_;
  NameServerSet alone_ = silence();
  TimePoint alone_until_{};
};

// Lives on shard 0.
class ProofServers {
 public:
  // Asks for the set of a zone; completes by the deadline.
  using Find = std::function<awaitable<NameServerSet>(std::string zone, TimePoint deadline)>;

  // What `find` refers to outlives every coroutine of this.
  explicit ProofServers(Find find);

  // Empty: the zone's own. What was found out before is forgotten.
  void configure(std::vector<DnsEndpoint> listed);
  // Whom `find` asks wants to be left alone.
  void leave_alone(TimePoint until);

  // Those who come while it is being found out wait for that answer.
  awaitable<NameServerSet> of_zone(std::string zone, TimePoint deadline);

  // `prove()` of a provider: all of them side by side; and one line for each that cannot be asked.
  awaitable<std::vector<ServerEvidence>> prove(RecordKey key, RecordSet want, TimePoint deadline);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace hotswapd
