#include <algorithm>
#include <deque>
#include <unordered_map>

#include "config/read.hpp"
#include "config/worst_case.hpp"
#include "core/record.hpp"
#include "core/text.hpp"

namespace hotswapd::config {
namespace {

bool is_address(const std::string& host) {
  return canonical_address(host).has_value();
}
bool is_v6(const std::string& address) {
  return address.find(':') != std::string::npos;
}
const char* family(const std::string& address) {
  return is_v6(address) ? "an IPv6 address" : "an IPv4 address";
}

std::string unpublishable(const char* what) {
  return std::string("is ") + what + ", which nobody can reach; give the address of one machine";
}

std::string objective_missed(const char* why) {
  return std::string("cannot be met: the service is never swapped by itself: ") + why;
}

// An `rto` that can be met only while another service proves our own link.
struct NeedsOthers {
  std::size_t service = 0;
  const Node* at = nullptr;
  std::string path;
};

// Most of the services of a file are probed and told of alike: what is alike is once in memory.
template <class T>
class Alike {
 public:
  const hotswapd::Shared<T>& share(const T& value) {
    for (const auto& known : lately_) {
      if (*known == value) return known;
    }
    lately_.emplace_front(value);
    if (lately_.size() > most) lately_.pop_back();
    return lately_.front();
  }

 private:
  static constexpr std::size_t most = 8;
  std::deque<hotswapd::Shared<T>> lately_;  // those that differ
};

// What all services of the file share while they are read.
struct Shared {
  const Names& names;
  const Config& config;
  std::unordered_map<std::string, std::string>
      provider_of_zone;  // from the providers' lists and from services
  std::unordered_map<std::string, std::string> listed;  // zone -> provider, from the lists alone
  std::unordered_map<std::string, int> line_of;         // "zone fqdn" -> line
  std::vector<NeedsOthers> need_others;
  Alike<MonitorSpec> monitors;
  Alike<TellingSpec> tellings;
};

// One service on its way from the file to the struct.
class ServiceReader {
 public:
  ServiceReader(Object& o, Shared& shared) : o_(o), shared_(shared) {}

  ServiceSpec read() {
    names();
    monitor();
    provider();
    backups();
    pair_rules();
    timing();
    telling();
    rest();
    objective();
    return std::move(spec_);
  }

 private:
  void names() {
    const bool zone = o_.take("zone", spec_.key.zone);
    const bool fqdn = o_.take("fqdn", spec_.key.fqdn);
    address_ok_ = o_.take("address", spec_.address);
    if (const char* what = never_reachable(spec_.address)) {
      o_.error("address", unpublishable(what));
    }
    o_.take("probe_address", spec_.probe_address);
    named_ = zone && fqdn;
    if (!named_) return;
    if (!inside(spec_.key.fqdn, spec_.key.zone)) {
      named_ = false;
      return o_.error("fqdn", spec_.key.fqdn + " is not inside the zone " + spec_.key.zone +
                                  "; give " + spec_.key.zone + " or a name that ends in ." +
                                  spec_.key.zone);
    }
    const auto [first, fresh] =
        shared_.line_of.emplace(spec_.key.zone + ' ' + spec_.key.fqdn, o_.node().line);
    if (!fresh) {
      o_.error("fqdn", "there is a service for " + spec_.key.fqdn + " already, at line " +
                           std::to_string(first->second) + "; one service to a name");
    }
  }

  void monitor() {
    if (!o_.has("monitor")) return;
    o_.object("monitor", [&](Object& m) {
      const std::size_t before = m.reader().errors();
      MonitorSpec monitor;
      interval_ok_ = read_monitor(m, true, monitor);
      spec_.monitor = shared_.monitors.share(monitor);
      m.take("fall", spec_.fall);
      spec_.recheck = spec_.monitor->interval;
      if (m.take("recheck", spec_.recheck) && interval_ok_ &&
          spec_.recheck > spec_.monitor->interval) {
        m.error("recheck", "is longer than the interval of " +
                               duration_text(spec_.monitor->interval.count()) +
                               "; give at most that");
        spec_.recheck = spec_.monitor->interval;
      }
      if (interval_ok_) warn_outlasting(m, spec_.monitor);
      monitor_ok_ = m.reader().errors() == before;
    });
  }

  void warn_outlasting(Object& m, const MonitorSpec& monitor) {
    if (monitor.protocol == Protocol::none) return;
    const Millis all = monitor.timeout * (monitor.retries + 1);
    if (all <= spec_.monitor->interval) return;
    m.warning("timeout", counted(monitor.retries + 1, "attempt") + " of " +
                             duration_text(monitor.timeout.count()) +
                             " may outlast the interval of " +
                             duration_text(spec_.monitor->interval.count()) +
                             "; rounds that are missed so are skipped");
  }

  void provider() {
    if (o_.has("provider")) {
      if (!o_.take("provider", spec_.provider)) return;
      if (!shared_.names.providers.contains(spec_.provider)) {
        o_.error("provider", "names the provider " + clean(spec_.provider, 64) +
                                 ", which is not in `providers`");
        return;
      }
    } else {
      o_.raw("provider");
      if (shared_.names.providers.size() != 1) {
        o_.reader().error(o_.node(), o_.path("provider"),
                          shared_.names.providers.empty()
                              ? "there is no provider; add one under `providers`"
                              : "is missing; there are " +
                                    std::to_string(shared_.names.providers.size()) +
                                    " providers, name one of them");
        return;
      }
      spec_.provider = *shared_.names.providers.begin();
    }
    const auto found = shared_.config.providers.find(spec_.provider);
    if (found == shared_.config.providers.end()) return;  // its own errors were told
    provider_ = &found->second;
    if (named_) provider_of_zone();
  }

  void provider_of_zone() {
    const auto [first, fresh] = shared_.provider_of_zone.emplace(spec_.key.zone, spec_.provider);
    if (!fresh && first->second != spec_.provider) {
      o_.error(o_.has("provider") ? "provider" : "zone",
               "the zone " + spec_.key.zone + " is served by the provider " +
                   clean(first->second, 64) + " already; a zone has one provider");
      return;
    }
    if (!provider_->embedded() || provider_->zones.empty()) return;
    const auto lists = [&](std::string_view zone) {
      const auto found = shared_.listed.find(std::string(zone));
      return found != shared_.listed.end() && found->second == spec_.provider;
    };
    if (!lists(spec_.key.zone)) {
      o_.error("zone", "the provider " + clean(spec_.provider, 64) + " does not list the zone " +
                           spec_.key.zone + "; add it to its zones");
    }
    // The name itself and every parent of it below the zone.
    for (std::string_view name = spec_.key.fqdn; name.size() > spec_.key.zone.size();
         name.remove_prefix(name.find('.') + 1)) {
      if (!lists(name)) continue;
      o_.error("zone", "the name " + spec_.key.fqdn + " lies in the zone " + std::string(name) +
                           ", which the provider serves too; put the service there");
      break;
    }
  }

  void backups() {
    const bool list = o_.has("backups");
    const bool single = o_.has("failover_mode") || o_.has("failover_data");
    if (list && single) {
      return o_.error("backups",
                      "stands beside failover_mode and failover_data; give one of the two");
    }
    if (list) return o_.each("backups", [&](Object& b) { backup(b); });
    BackupSpec backup;
    backup.monitor = inherited();
    const bool mode = o_.take("failover_mode", backup.mode);
    const bool data = o_.take("failover_data", backup.data);
    if (!o_.has("failover_mode"))
      missing("failover_mode", "is missing; give ip or cname, or a list of backups");
    if (!o_.has("failover_data"))
      missing("failover_data", "is missing; give the backup's address, or a list of backups");
    if (mode && data) add(o_, "failover_data", std::move(backup));
  }

  void missing(std::string_view key, std::string text) {
    o_.reader().error(o_.node(), o_.path(key), std::move(text));
  }

  std::optional<hotswapd::Shared<MonitorSpec>> inherited() {
    if (spec_.monitor->protocol == Protocol::none) return std::nullopt;
    return spec_.monitor;
  }

  void backup(Object& b) {
    BackupSpec backup;
    const bool data = b.take("data", backup.data);
    const bool mode_given = b.has("mode");
    const bool mode = b.take("mode", backup.mode);
    if (!mode_given && data)
      backup.mode = is_address(backup.data) ? FailoverMode::ip : FailoverMode::cname;
    backup.monitor = inherited();
    if (const Node* node = b.raw("monitor"); node != nullptr) backup_monitor(b, *node, backup);
    if (data && (mode || !mode_given)) add(b, "data", std::move(backup));
  }

  void backup_monitor(Object& b, const Node& node, BackupSpec& backup) {
    if (node.kind == NodeKind::scalar && iequals(node.text, "none")) {
      backup.monitor.reset();
      return;
    }
    if (node.kind != NodeKind::mapping) {
      return b.error("monitor", "is " + describe(node) +
                                    "; give none, or what differs from the service's monitor");
    }
    MonitorSpec monitor = spec_.monitor;
    Object m(b.reader(), node, *b.type("monitor").object(), b.path("monitor"));
    read_monitor(m, false, monitor);
    warn_outlasting(m, monitor);
    if (monitor.protocol == Protocol::none) {
      backup.monitor.reset();
    } else {
      backup.monitor = shared_.monitors.share(monitor);
    }
  }

  // Who cannot change between an address and a CNAME without a moment with neither.
  static const char* keeps_type(const ProviderConfig& provider) {
    if (std::holds_alternative<PowerdnsProviderConfig>(provider.kind)) return "PowerDNS";
    if (std::holds_alternative<CloudflareProviderConfig>(provider.kind)) return "Cloudflare";
    return nullptr;
  }

  // The rules between one backup and the address.
  void add(Object& at, std::string_view key, BackupSpec backup) {
    const bool address = is_address(backup.data);
    const auto wrong = [&](std::string text) { at.error(key, std::move(text)); };
    if (const char* what = never_reachable(backup.data)) {
      wrong(unpublishable(what));
    } else if (backup.mode == FailoverMode::ip && !address) {
      wrong("is a host name, but the mode is ip; give an address, or the mode cname");
    } else if (backup.mode == FailoverMode::cname && address) {
      wrong("is an address, but the mode is cname; give a host name, or the mode ip");
    } else if (address_ok_ && address && is_address(spec_.address) &&
               is_v6(backup.data) != is_v6(spec_.address)) {
      wrong("is " + std::string(family(backup.data)) + ", but `address` is " +
            family(spec_.address) + "; both must be of one family");
    } else if (address_ok_ && backup.data == spec_.address) {
      wrong("is the address itself; a backup must differ from it");
    } else if (named_ && backup.data == spec_.key.fqdn) {
      wrong("is the service's own name");
    } else if (std::any_of(spec_.backups.begin(), spec_.backups.end(),
                           [&](const BackupSpec& b) { return b.data == backup.data; })) {
      wrong("stands in the list already");
    }
    if (named_ && backup.mode == FailoverMode::cname && spec_.key.fqdn == spec_.key.zone) {
      at.error(at.has("mode") ? "mode" : key, "cname cannot be at the top of a zone (" +
                                                  spec_.key.zone +
                                                  "), where SOA and NS stand; use ip");
    }
    const char* const unable = provider_ == nullptr ? nullptr : keeps_type(*provider_);
    if (address_ok_ && unable != nullptr && address != is_address(spec_.address)) {
      wrong("would change the record between an address and a CNAME, which " + std::string(unable) +
            " cannot do in one step; use backups of the kind of `address`");
    }
    spec_.backups.push_back(std::move(backup));
  }

  void pair_rules() {
    if (!address_ok_) return;
    const bool address = is_address(spec_.address);
    if (named_ && !address && spec_.key.fqdn == spec_.key.zone) {
      o_.error("address",
               "is a host name, which needs a CNAME; that cannot be at the top of a zone (" +
                   spec_.key.zone + "). Give an IP address");
    }
    if (named_ && spec_.address == spec_.key.fqdn) o_.error("address", "is the service's own name");
  }

  void timing() {
    const auto seconds = std::chrono::duration_cast<Seconds>(spec_.monitor->interval).count();
    const auto most = static_cast<std::uint32_t>(std::max<long long>(1, seconds / 2));
    if (o_.take("ttl", spec_.ttl)) {
      if (interval_ok_ && spec_.ttl > most) {
        o_.error("ttl", "is more than half the interval of " +
                            duration_text(spec_.monitor->interval.count()) + "; give 1 .. " +
                            std::to_string(most));
      }
    } else if (!o_.has("ttl")) {
      spec_.ttl = most;
    }
    raise_ttl();
    o_.take("auto_recover", spec_.auto_recover);
    o_.take("recovery_delay", spec_.recovery_delay);
  }

  // What the provider does not keep smaller: then this is the service's TTL, so that what is proved
  // and shown is what clients get.
  void raise_ttl() {
    const auto* const cloudflare =
        provider_ == nullptr ? nullptr : std::get_if<CloudflareProviderConfig>(&provider_->kind);
    if (cloudflare == nullptr) return;
    const auto least = static_cast<std::uint32_t>(cloudflare->min_ttl.count());
    if (spec_.ttl >= least) return;
    if (o_.has("ttl")) {
      o_.warning("ttl", "is less than Cloudflare keeps; the record gets " + std::to_string(least) +
                            " (`min_ttl` of the provider)");
    }
    spec_.ttl = least;
  }

  void telling() {
    TellingSpec telling;
    if (o_.take("contact_nickname", telling.contact) &&
        !shared_.names.contacts.contains(telling.contact)) {
      o_.error("contact_nickname",
               "names the contact " + clean(telling.contact, 64) + ", which is not in `contacts`");
    }
    events(telling);
    o_.object("syslog", [&](Object& s) { syslog(s, telling.syslog); });
    spec_.telling = shared_.tellings.share(telling);
  }

  static void syslog(Object& s, SyslogSpec& out) {
    if (s.take("server", out.server) && !out.server.empty()) {
      Scalar host;
      std::string problem;
      if (parse_scalar(simple(Kind::host), out.server, host, problem)) {
        out.server = host.text;
      } else {
        s.error("server", describe(s.where("server")) + ' ' + problem);
      }
    }
    s.take("port", out.port);
    if (s.take("ident", out.ident) && !std::all_of(out.ident.begin(), out.ident.end(), [](char c) {
          return c > 0x20 && c < 0x7f && c != ':';
        })) {
      s.error("ident", "must be printable ASCII without blank or colon");
    }
    // The first sixteen words are the numbers 0 .. 14 and 16; 15 has no name.
    if (int index = 0; s.take("facility", index)) out.facility = index < 15 ? index : index + 1;
    s.take("delivery", out.delivery);
    s.take("transport", out.transport);
    s.take("format", out.format);
    s.take("probe_fmt", out.probe_fmt);
    s.take("status_fmt", out.status_fmt);
  }

  void events(TellingSpec& telling) {
    const Node* node = o_.raw("notify_events");
    if (node == nullptr) return;
    const Path path = o_.path("notify_events");
    const Source& source = o_.reader().source();
    if (node->kind == NodeKind::scalar) {
      const auto text = o_.reader().expand(*node, path);
      if (!text) return;
      telling.notify_text = trim(*text);
      for (std::string_view rest = telling.notify_text; !rest.empty();) {
        const auto comma = rest.find(',');
        event(telling.notify, trim(rest.substr(0, comma)), *node, path);
        if (comma == std::string_view::npos) break;
        rest.remove_prefix(comma + 1);
        if (rest.empty()) event(telling.notify, "", *node, path);
      }
      return;
    }
    if (node->kind != NodeKind::sequence) {
      return o_.error("notify_events",
                      "is " + describe(*node) + "; give a list of ip, svc and nosrv");
    }
    long index = 0;
    for (const Node* item = source.first_child(*node); item != nullptr;
         item = source.next_sibling(*item)) {
      const Node& value = source.resolve(*item);
      const Path where{&path, {}, index++};
      if (value.kind != NodeKind::scalar) {
        o_.reader().error(value, where, "is " + describe(value) + "; give ip, svc or nosrv");
        continue;
      }
      const auto text = o_.reader().expand(value, where);
      if (!text || !event(telling.notify, *text, value, where)) continue;
      telling.notify_text += (telling.notify_text.empty() ? "" : ",") + std::string(*text);
    }
  }

  bool event(NotifyEvents& events, std::string_view word, const Node& node, const Path& path) {
    if (word == "ip") return events.ip = true;
    if (word == "svc") return events.svc = true;
    if (word == "nosrv") return events.nosrv = true;
    o_.reader().error(node, path, '"' + clean(word, 40) + "\" is no event; give ip, svc or nosrv");
    return false;
  }

  static std::string_view trim(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
  }

  void rest() {
    o_.take("mode", spec_.mode);
    o_.take("on_all_down", spec_.on_all_down);
    o_.take("on_drift", spec_.on_drift);
    o_.take("max_swaps_per_hour", spec_.max_swaps_per_hour);
    o_.each("maintenance", [&](Object& m) {
      MaintenanceWindow window;
      const bool from = take_time(m, "from", window.from);
      const bool to = take_time(m, "to", window.to);
      m.take("swaps", window.swaps);
      m.take("tell", window.tell);
      if (from && to && window.from >= window.to) m.error("to", "is not later than `from`");
      spec_.maintenance.push_back(window);
    });
  }

  static bool take_time(Object& m, std::string_view key, WallTime& out) {
    const auto value = m.scalar(key);
    if (value) out = WallTime(Millis(value->number));
    return value.has_value();
  }

  void objective() {
    if (!o_.take("rto", spec_.rto) || !monitor_ok_ || provider_ == nullptr) return;
    // What others prove is known when all services are read.
    if (address_ok_ && !spec_.backups.empty()) {
      if (const char* why = never_swapped(spec_, true)) return not_met(why);
      if (never_swapped(spec_, false) != nullptr)
        shared_.need_others.push_back(
            {shared_.config.services.size(), &o_.where("rto"), o_.path("rto").text()});
    }
    const WorstCase worst = worst_case(spec_, provider_);
    if (worst.total <= *spec_.rto) return;
    o_.error("rto", "cannot be met: the worst-case time to swap is " + worst.text +
                        "; shorten these, or give an rto of at least " +
                        duration_text(worst.total.count()));
  }

  void not_met(const char* why) {
    // To observe is a rehearsal: the objective stands there for later.
    if (spec_.mode != ServiceMode::observe) o_.error("rto", objective_missed(why));
  }

  Object& o_;
  Shared& shared_;
  ServiceSpec spec_;
  const ProviderConfig* provider_ = nullptr;
  bool named_ = false;  // zone and fqdn are right
  bool address_ok_ = false;
  bool interval_ok_ = false;
  bool monitor_ok_ = false;
};

}  // namespace

void read_services(Object& root, const Names& names, Config& config) {
  Shared shared{names, config, {}, {}, {}, {}, {}, {}};
  for (const auto& [name, provider] : config.providers) {
    for (const auto& zone : provider.zones) {
      shared.provider_of_zone.emplace(zone, name);
      shared.listed.emplace(zone, name);
    }
  }
  root.each("services",
            [&](Object& o) { config.services.push_back(ServiceReader(o, shared).read()); });
  const auto probed = std::count_if(config.services.begin(), config.services.end(), proves_link);
  for (const auto& need : shared.need_others) {
    const ServiceSpec& service = config.services.at(need.service);
    const char* why = never_swapped(service, probed > (proves_link(service) ? 1 : 0));
    if (why != nullptr)
      root.reader().error(*need.at, {nullptr, need.path, -1}, objective_missed(why));
  }
}

}  // namespace hotswapd::config
