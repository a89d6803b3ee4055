#include "monitor/target_quality.hpp"

namespace hotswapd {
namespace {

void observe_latency(TargetQuality& quality, const TargetRound& round, const MonitorSpec& monitor,
                     QualityNews& news) {
  if (round.verdict == Verdict::inconclusive) return;
  const auto* const telling = round.telling();
  const bool answered = round.verdict == Verdict::pass && telling != nullptr;
  if (!answered || !monitor.degraded_above) {
    quality.degraded = false;
    return;
  }
  news.latency = telling->times.total;
  if (news.latency > *monitor.degraded_above) {
    news.slow_begins = !quality.degraded;
    quality.degraded = true;
    quality.quick_rounds = 0;
  } else if (quality.degraded && ++quality.quick_rounds >= quick_rounds_needed) {
    news.slow_ends = true;
    quality.degraded = false;
  }
}

}  // namespace

QualityNews observe_quality(TargetQuality& quality, const TargetRound& round,
                            const MonitorSpec& monitor, WallTime now) {
  QualityNews news;
  observe_latency(quality, round, monitor, news);
  for (const auto& attempt : round.attempts) {
    if (attempt.certificate_ends) quality.certificate_ends = attempt.certificate_ends;
  }
  if (!expires_soon(quality, monitor, now)) {
    quality.expiry_told.reset();
    return news;
  }
  const auto& told = quality.expiry_told;
  // A clock that was set back is no reason to be silent for long.
  if (told && now >= *told && now - *told < tell_expiry_every) return news;
  quality.expiry_told = now;
  news.expiry = true;
  return news;
}

bool expires_soon(const TargetQuality& quality, const MonitorSpec& monitor, WallTime now) {
  return quality.certificate_ends && *quality.certificate_ends - now <= monitor.tls.warn_expiry;
}

}  // namespace hotswapd
