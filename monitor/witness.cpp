#include "monitor/witness.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "core/text.hpp"

namespace hotswapd {
namespace {

// However long the witness takes: beyond this many rounds the oldest go on without its word, as
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
  up_.reset();
  asked_ = {};
  reason_.clear();
}

bool Witness::park(RoundResult& round, bool news) {
  const bool failed = has_failure(round);
  if (!parked_of_.contains(round.service) && !(spec_ && failed)) return false;
  ++parked_of_[round.service];
  parked_.push_back({std::move(round), failed, news});
  return true;
}

void Witness::heard(const RoundResult& round) {
  if (!spec_) return;
  int answered = 0;
  std::string silent;
  for (const auto& target : round.targets) {
    if (!target) continue;
    if (target->verdict == Verdict::pass) {
      ++answered;
      continue;
    }
    const auto* telling = target->telling();
    silent += (silent.empty() ? "" : "; ") + target->address +
              (telling != nullptr ? ": " + telling->reason : std::string());
  }
  up_ = answered >= spec_->need;
  asked_ = round.started;
  reason_ = *up_ ? ""
                 : clean("the witness does not answer (" + std::to_string(answered) + " of " +
                         std::to_string(spec_->need) + " needed; " + silent + ")");
}

bool Witness::ready(const Parked& parked) const {
  if (!parked.failed || !spec_ || parked_.size() > most_parked) return true;
  // News is judged by an answer to a question that was put after the failure was seen; of what was
  // known to be down a younger word than the attempt will do.
  return up_.has_value() && asked_ >= (parked.news ? parked.round.finished : parked.round.started);
}

std::optional<RoundResult> Witness::release() {
  std::set<std::uint32_t> held;  // services whose oldest round still waits
  for (auto it = parked_.begin(); it != parked_.end(); ++it) {
    if (held.contains(it->round.service.value)) continue;
    if (!ready(*it)) {
      held.insert(it->round.service.value);
      continue;
    }
    auto parked = std::move(*it);
    parked_.erase(it);
    const auto count = parked_of_.find(parked.round.service);
    if (--count->second == 0) parked_of_.erase(count);
    if (parked.failed && spec_ && up_ != true)
      doubt(parked.round, reason_.empty() ? "the witness did not answer in time" : reason_);
    return std::move(parked.round);
  }
  return std::nullopt;
}

bool Witness::wants_to_ask() const {
  return std::any_of(parked_.begin(), parked_.end(),
                     [this](const Parked& p) { return p.news && !ready(p); });
}

}  // namespace hotswapd
