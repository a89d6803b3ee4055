#include <algorithm>

#include "config/read.hpp"
#include "core/text.hpp"

namespace hotswapd::config {
namespace {

void check_account(Object& o, const std::string& account, const Names& names) {
  if (!account.empty() && !names.accounts.contains(account)) {
    o.error("account", "names the account " + clean(account, 64) + ", which is not in `aws`");
  }
}

DirectConnectDrill read_direct_connect(Object& o) {
  DirectConnectDrill out;
  o.take("virtual_interface_id", out.virtual_interface_id);
  out.bgp_peers = o.texts("bgp_peers");
  o.take("duration", out.duration);
  out.vifs = o.texts("vifs");
  const bool minimum = o.take("min_available", out.min_available);
  o.take("on_alarm", out.on_alarm);
  o.object("support_case", [&](Object& c) {
    SupportCase& support = out.support_case.emplace();
    support.cc = c.texts("cc");
    // The words are what AWS is told.
    c.take("severity", support.severity);
  });
  const auto pool = static_cast<int>(out.vifs.size());
  if (pool > 0 &&
      std::find(out.vifs.begin(), out.vifs.end(), out.virtual_interface_id) == out.vifs.end()) {
    o.error(
        "vifs",
        "does not hold virtual_interface_id; the pool contains the interface that is taken down");
  } else if (pool > 0 && out.min_available >= pool) {
    o.error(minimum ? "min_available" : "vifs", "with one of " + counted(pool, "interface") +
                                                    " down, " + std::to_string(out.min_available) +
                                                    " cannot remain");
  }
  if (out.on_alarm && pool == 0)
    o.error("on_alarm", "needs `vifs`, the pool whose alarms start the drill");
  return out;
}

ElasticacheDrill read_elasticache(Object& o) {
  ElasticacheDrill out;
  o.take("replication_group_id", out.replication_group_id);
  o.take("node_group_id", out.node_group_id);
  return out;
}

FisDrill read_fis(Object& o) {
  FisDrill out;
  o.take("experiment_template_id", out.experiment_template_id);
  out.tags = o.texts_by_name("tags");
  o.take("require_stop_condition", out.require_stop_condition);
  return out;
}

void check_services(Object& o, const DrillConfig& drill,
                    const std::set<std::string_view>& services) {
  for (const auto& fqdn : drill.require_ok) {
    if (!services.contains(fqdn))
      o.error("require_ok", "names " + fqdn + ", for which there is no service");
  }
}

void read_policy(Object& o, DrillPolicy& policy) {
  o.take("enabled", policy.enabled);
  o.take("max_concurrent", policy.max_concurrent);
  o.take("settle_before", policy.settle_before);
  o.take("settle_after", policy.settle_after);
  o.take("cool_down", policy.cool_down);
  o.take("max_per_day", policy.max_per_day);
  o.take_path("kill_switch", policy.kill_switch);
  for (const auto& value : o.scalars("windows")) {
    policy.windows.push_back({static_cast<std::uint8_t>(value.number),
                              std::chrono::minutes(value.second),
                              std::chrono::minutes(value.third)});
  }
}

}  // namespace

void read_drills(Object& root, const Names& names, Config& config) {
  root.object("drill_policy", [&](Object& o) { read_policy(o, config.drill_policy); });
  std::set<std::string_view> services;
  for (const ServiceSpec& service : config.services) services.insert(service.key.fqdn);
  root.each_named("drills", [&](Object& o, std::string_view name) {
    DrillConfig& drill = config.drills[std::string(name)];
    drill.name = name;
    std::string type;
    o.take("type", type);
    o.take("account", drill.account);
    check_account(o, drill.account, names);
    drill.require_ok = o.texts("require_ok");
    check_services(o, drill, services);
    o.take("abort_if_down", drill.abort_if_down);
    o.take("recheck", drill.recheck);
    o.take("sns_topic_arn", drill.sns_topic_arn);
    if (type == "direct_connect") drill.kind = read_direct_connect(o);
    if (type == "elasticache") drill.kind = read_elasticache(o);
    if (type == "fis") drill.kind = read_fis(o);
  });
  root.object("alarm_intake", [&](Object& o) {
    AlarmIntake& intake = config.alarm_intake.emplace();
    o.take("account", intake.account);
    check_account(o, intake.account, names);
    o.take("sqs_queue_url", intake.sqs_queue_url);
  });
}

}  // namespace hotswapd::config
