#include "config/worst_case.hpp"

#include <algorithm>

#include "config/values.hpp"

namespace hotswapd {
namespace {

Millis attempts_time(const MonitorSpec& monitor) {
  return monitor.timeout * (monitor.retries + 1);
}

// Rounds are on a fixed grid; one that outlasts its slot skips to the next.
Millis spacing(Millis interval, Millis round) {
  if (interval <= Millis::zero()) return round;
  const auto slots =
      std::max<Millis::rep>(1, (round.count() + interval.count() - 1) / interval.count());
  return interval * slots;
}

std::string show(Millis value) {
  return config::duration_text(value.count());
}

}  // namespace

const char* never_swapped(const ServiceSpec& service, bool others_probed) {
  if (service.monitor->protocol == Protocol::none) return "it is not monitored";
  if (service.mode == ServiceMode::observe) return "it is observed only (mode: observe)";
  const bool backup_probed =
      std::any_of(service.backups.begin(), service.backups.end(),
                  [](const BackupSpec& backup) { return backup.monitor.has_value(); });
  if (backup_probed) return nullptr;
  if (others_probed) return nullptr;
  return "no backup is probed, and no other service is, so nothing proves that our own link works; "
         "probe a backup or another service";
}

bool proves_link(const ServiceSpec& service) {
  return service.monitor->protocol != Protocol::none;
}

WorstCase worst_case(const ServiceSpec& service, const ProviderConfig* provider,
                     bool others_probed) {
  WorstCase out;
  if (const char* why = never_swapped(service, others_probed)) {
    out.text = std::string("never swapped by itself: ") + why;
    return out;
  }
  // A decision waits for the round of every address.
  const MonitorSpec* slowest = &*service.monitor;
  for (const auto& backup : service.backups) {
    if (backup.monitor && attempts_time(*backup.monitor) > attempts_time(*slowest))
      slowest = &**backup.monitor;
  }
  out.probing = attempts_time(*slowest);
  out.waiting = spacing(service.monitor->interval, out.probing);
  out.confirming = spacing(service.recheck, out.probing) * (service.fall - 1);
  if (provider != nullptr && !provider->embedded()) out.provider = provider->proof_deadline;
  out.ttl = Seconds(service.ttl);
  out.total = out.waiting + out.confirming + out.probing + out.provider + out.ttl;

  out.text = show(out.total) + " = " + show(out.waiting) + " interval";
  if (out.waiting > service.monitor->interval) out.text += " (stretched by slow attempts)";
  if (service.fall > 1) {
    out.text += " + " + std::to_string(service.fall - 1) + " x " +
                show(spacing(service.recheck, out.probing)) + " recheck";
  }
  out.text += " + " + std::to_string(slowest->retries + 1) + " x " + show(slowest->timeout) +
              (slowest->retries == 0 ? " attempt" : " attempts");
  if (provider != nullptr) out.text += " + " + show(out.provider) + " provider " + provider->name;
  out.text += " + " + show(out.ttl) + " TTL";
  return out;
}

std::string worst_case_report(const Config& config) {
  if (config.services.empty()) return "No services.\n";
  std::string out = "Worst-case time to swap:\n";
  const auto probed_services =
      std::count_if(config.services.begin(), config.services.end(), proves_link);
  for (const ServiceSpec& service : config.services) {
    const auto provider = config.providers.find(service.provider);
    const auto worst =
        worst_case(service, provider == config.providers.end() ? nullptr : &provider->second,
                   probed_services > (proves_link(service) ? 1 : 0));
    out += "  " + service.key.fqdn + ": " + worst.text;
    if (service.rto && worst.total > Millis::zero()) out += " (rto " + show(*service.rto) + ")";
    out += '\n';
  }
  out +=
      "These are the times until the DNS is right. Caches may add to them: resolvers that stretch "
      "a TTL, browsers and\n"
      "programs that keep an address. A provider that is ill, and limits such as "
      "max_swaps_per_hour, add to them too.\n";
  return out;
}

}  // namespace hotswapd
