// Is our own link up? What the witness (targets that the operator trusts more than ours) says of
// it, and which rounds have to wait for its word. Pure.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/probe_result.hpp"
#include "core/time.hpp"
#include "core/target_spec.hpp"

namespace hotswapd {

struct WitnessSpec {
  std::vector<TargetSpec> targets;
  int need = 1;             // so many have to answer
  Millis interval{10'000};  // between its own rounds
  bool operator==(const WitnessSpec&) const = default;
};

// Rule S7: no failure counts that the witness, asked after it was seen, did not vouch for. A round
// with a failure is parked until then; rounds of the same service behind it wait their turn. A
// round in which everything answered needs no witness.
class Witness {
 public:
  void configure(std::optional<WitnessSpec> spec);  // what is parked stays
  bool configured() const noexcept { return spec_.has_value(); }
  const std::optional<WitnessSpec>& spec() const noexcept { return spec_; }

  // Takes the round when it has to wait. `news`: it would change something, so that the witness is
  // asked at once rather than in its own time.
  bool park(RoundResult& round, bool news);
  // One round of the witness itself has ended.
  void heard(const RoundResult& round);
  // The next round that has waited long enough, its failures judged.
  std::optional<RoundResult> release();
  // Somebody waits for an answer that has not been asked for yet.
  bool wants_to_ask() const;

  // The last word; absent before the first.
  std::optional<bool> up() const noexcept { return up_; }
  // It answered in a round that began at `since` or later.
  bool answered_since(TimePoint since) const noexcept { return up_ == true && asked_ >= since; }
  const std::string& reason() const noexcept { return reason_; }  // why it is down
  std::size_t parked() const noexcept { return parked_.size(); }

 private:
  struct Parked {
    RoundResult round;
    bool failed;
    bool news;
  };
  bool ready(const Parked& parked) const;

  std::optional<WitnessSpec> spec_;
  std::optional<bool> up_;
  TimePoint asked_;
  std::string reason_;
  std::deque<Parked> parked_;
  std::unordered_map<ServiceId, std::size_t> parked_of_;
};

}  // namespace hotswapd
