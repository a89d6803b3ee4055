// Is our own link up? What the witness (targets that the operator trusts more than ours) says of
// it, and which rounds have to wait for its word. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/probe_result.hpp"
#include "core/target_spec.hpp"
#include "core/time.hpp"

namespace hotswapd {

struct WitnessSpec {
  std::vector<TargetSpec> targets;
  int need = 1;             // so many have to answer
  Millis interval{10'000};  // between its own rounds
  bool operator==(const WitnessSpec&) const = default;
};

// Rule S7: no failure counts that the witness, asked after it was seen, did not vouch for. A round
// with a failure is parked until then; rounds of the same service behind it wait their turn. A
// round in which everything answered needs no witness. Each target of the witness has rounds of its
// own: a dead one does not hold up the word of those that suffice.
class Witness {
 public:
  void configure(std::optional<WitnessSpec> spec);  // what is parked stays
  bool configured() const noexcept { return spec_.has_value(); }
  const std::optional<WitnessSpec>& spec() const noexcept { return spec_; }
  std::size_t size() const noexcept { return words_.size(); }  // targets

  // Takes the round when it has to wait. `news`: it would change something, so that the witness is
  // asked at once rather than in its own time.
  bool park(RoundResult& round, bool news);
  // One round of target `index` of the witness has ended.
  void heard(std::size_t index, const RoundResult& round);
  // The rounds that have waited long enough, in the order they came, their failures judged. What
  // the witness vouched for is as fresh as its word.
  std::vector<RoundResult> release();
  // Somebody waits for an answer that has not been asked for yet.
  bool wants_to_ask() const;

  // The last word; absent while too few have said anything.
  std::optional<bool> up() const;
  // When enough of those who answered had been asked: up to there they vouch. Absent when not up.
  std::optional<TimePoint> vouched_for() const;
  bool answered_since(TimePoint since) const;
  std::string reason() const;  // why it is down
  std::size_t parked() const noexcept { return parked_; }

 private:
  struct Word {
    bool heard = false;
    bool answered = false;
    TimePoint asked;
    TimePoint ended;
    std::string reason;
  };
  struct Parked {
    RoundResult round;
    bool failed;
    bool news;
    std::uint64_t turn;
  };
  std::optional<bool> word_since(TimePoint since) const;
  std::optional<bool> judged(const Parked& parked) const;

  std::optional<WitnessSpec> spec_;
  std::vector<Word> words_;
  std::unordered_map<ServiceId, std::deque<Parked>> queues_;
  std::size_t parked_ = 0;
  std::uint64_t turns_ = 0;
};

}  // namespace hotswapd
