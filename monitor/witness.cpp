#include "monitor/witness.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "core/text.hpp"

namespace hotswapd {
namespace {

// However long the witness takes: beyond this many rounds the rest goes on without its word, as
// inconclusive.
constexpr std::size_t most_parked = 100'000;

bool has_failure(const RoundResult& round) {
  return std::any_of(round.targets.begin(), round.targets.end(),
                     [](const auto& t) { return t && t->verdict == Verdict::fail; });
}

// The failures were seen while our own link may have been down.
void doubt(RoundResult& round, const std::string& why) {
  for (auto& target : round.targets) {
    if (!target || target->verdict != Verdict::fail) continue;
    target->verdict = Verdict::inconclusive;
    for (auto& attempt : target->attempts) {
      if (attempt.verdict != Verdict::fail) continue;
      attempt.verdict = Verdict::inconclusive;
      attempt.failure = FailureClass::local;
      attempt.reason = clean(why + "; seen: " + attempt.reason);
    }
  }
}

}  // namespace

void Witness::configure(std::optional<WitnessSpec> spec) {
  if (spec_ == spec) return;
  spec_ = std::move(spec);
  words_.assign(spec_ ? spec_->targets.size() : 0, {});
}

bool Witness::park(RoundResult& round, bool news) {
  const bool failed = has_failure(round);
  const auto queue = queues_.find(round.service);
  if (queue == queues_.end() && !(spec_ && failed)) return false;
  if (parked_ >= most_parked) {
    if (failed) doubt(round, "too many failures wait for the witness");
    return false;
  }
  ++parked_;
  const auto service = round.service;
  queues_[service].push_back({std::move(round), failed, news, ++turns_});
  return true;
}

void Witness::heard(std::size_t index, const RoundResult& round) {
  if (index >= words_.size() || round.targets.empty() || !round.targets.front()) return;
  const auto& target = *round.targets.front();
  const auto* telling = target.telling();
  words_[index] = {true, target.verdict == Verdict::pass, round.started, round.finished,
                   spec_->targets[index].address +
                       (telling != nullptr ? ": " + telling->reason : std::string())};
}

// What those say who were asked at `since` or later: enough answered, or so many did not that the
// rest cannot make it up.
std::optional<bool> Witness::word_since(TimePoint since) const {
  if (!spec_) return std::nullopt;
  const auto need = static_cast<std::size_t>(spec_->need);
  std::size_t yes = 0;
  std::size_t no = 0;
  for (const auto& word : words_) {
    if (!word.heard || word.asked < since) continue;
    ++(word.answered ? yes : no);
  }
  if (yes >= need) return true;
  if (no + need > words_.size()) return false;
  return std::nullopt;
}

std::optional<bool> Witness::up() const {
  return word_since(TimePoint::min());
}

bool Witness::answered_since(TimePoint since) const {
  return word_since(since) == true;
}

std::optional<TimePoint> Witness::vouched_for() const {
  if (!spec_) return std::nullopt;
  std::vector<TimePoint> asked;
  for (const auto& word : words_) {
    if (word.heard && word.answered) asked.push_back(word.asked);
  }
  const auto need = static_cast<std::size_t>(spec_->need);
  if (asked.size() < need) return std::nullopt;
  std::sort(asked.begin(), asked.end(), std::greater<>());
  return asked[need - 1];
}

std::string Witness::reason() const {
  if (!spec_ || up() != false) return "";
  std::string silent;
  std::size_t answered = 0;
  for (const auto& word : words_) {
    if (word.answered) ++answered;
    if (word.heard && !word.answered) silent += (silent.empty() ? "" : "; ") + word.reason;
  }
  return clean("the witness does not answer (" + std::to_string(answered) + " of " +
               std::to_string(spec_->need) + " needed; " + silent + ")");
}

// News is judged by answers to questions that were put after the failure was seen; of what was
// known to be down a younger word than the attempt will do.
std::optional<bool> Witness::judged(const Parked& parked) const {
  if (!parked.failed || !spec_) return true;
  return word_since(parked.news ? parked.round.finished : parked.round.started);
}

std::vector<RoundResult> Witness::release() {
  std::vector<Parked> ready;
  TimePoint youngest = TimePoint::min();
  for (const auto& word : words_) youngest = std::max(youngest, word.ended);
  for (auto queue = queues_.begin(); queue != queues_.end();) {
    auto& waiting = queue->second;
    while (!waiting.empty()) {
      const auto word = judged(waiting.front());
      if (!word) break;
      auto parked = std::move(waiting.front());
      waiting.pop_front();
      --parked_;
      if (parked.failed && spec_) {
        if (*word) {
          parked.round.finished = std::max(parked.round.finished, youngest);
        } else {
          doubt(parked.round, reason().empty() ? "the witness did not answer" : reason());
        }
      }
      ready.push_back(std::move(parked));
    }
    queue = waiting.empty() ? queues_.erase(queue) : std::next(queue);
  }
  std::sort(ready.begin(), ready.end(),
            [](const Parked& a, const Parked& b) { return a.turn < b.turn; });
  std::vector<RoundResult> rounds;
  rounds.reserve(ready.size());
  for (auto& parked : ready) rounds.push_back(std::move(parked.round));
  return rounds;
}

bool Witness::wants_to_ask() const {
  return std::any_of(queues_.begin(), queues_.end(), [this](const auto& queue) {
    const auto& first = queue.second.front();
    return first.news && !judged(first);
  });
}

}  // namespace hotswapd
